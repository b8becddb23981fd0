use super::event::{self, Event};
use super::{MAX_PARTS, cursor};

/// Crates whose names are targets, not spans.
const CRATES: [&str; 5] = ["wassette", "mcp_server", "wassette_mcp_server", "rmcp", "policy"];

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "tracing has these five")]
pub enum Level {
    /// The finest.
    Trace,
    /// For those who search.
    Debug,
    /// Wassette's default.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
}

/// One `name=value`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value; a quoted string without its quotes and escapes, anything else as printed.
    pub value: String,
}

/// What Wassette was doing when it printed a line.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// The function.
    pub name: String,
    /// Its arguments; 0.2 prints those of calls too, secrets and all.
    pub fields: Vec<Field>,
}

/// One line of a log, in its parts. The parts that a line does not have are empty.
///
/// ```
/// use shadowcat::wassette::log;
///
/// let text = r#"2026-11-20T22:41:40Z  INFO load_component{uri="file:///a.wasm"}: wassette: component loaded component_id=a"#;
/// let line = log::parse(text);
/// assert_eq!(line.timestamp.as_deref(), Some("2026-11-20T22:41:40Z"));
/// assert_eq!((line.target.as_str(), line.message.as_str()), ("wassette", "component loaded"));
/// assert_eq!(line.span_field("uri"), Some("file:///a.wasm"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogLine {
    /// As printed; Wassette prints UTC with microseconds.
    pub timestamp: Option<String>,
    /// `None` for a line that is not of the log's form.
    pub level: Option<Level>,
    /// The outermost first; at most [`MAX_PARTS`].
    pub spans: Vec<Span>,
    /// The module that printed it.
    pub target: String,
    /// The text.
    pub message: String,
    /// What follows the text; at most [`MAX_PARTS`].
    pub fields: Vec<Field>,
}

impl LogLine {
    /// The value of the line's own field `name`, the first if there are more.
    pub fn field(&self, name: &str) -> Option<&str> {
        find(&self.fields, name)
    }

    /// The value of `name` in the innermost span that has it.
    pub fn span_field(&self, name: &str) -> Option<&str> {
        self.spans.iter().rev().find_map(|span| find(&span.fields, name))
    }

    /// What the line means.
    pub fn event(&self) -> Event<'_> {
        event::of(self)
    }
}

fn find<'a>(fields: &'a [Field], name: &str) -> Option<&'a str> {
    fields.iter().find(|field| field.name == name).map(|field| field.value.as_str())
}

/// `line` is free of control characters.
pub(super) fn read(line: &str) -> LogLine {
    let line = line.trim();
    let Some((timestamp, level, rest)) = head(line) else {
        return LogLine { message: line.to_owned(), ..LogLine::default() };
    };
    let (spans, target, rest) = origin(rest).unwrap_or((Vec::new(), "", rest));
    let (message, fields) = body(rest);
    LogLine {
        timestamp: timestamp.map(str::to_owned),
        level: Some(level),
        spans,
        target: target.to_owned(),
        message: message.to_owned(),
        fields,
    }
}

/// The time, if there is one, the level, and what follows.
fn head(line: &str) -> Option<(Option<&str>, Level, &str)> {
    let (first, rest) = line.split_once(' ')?;
    if let Some(level) = level(first) {
        return Some((None, level, rest));
    }
    let (second, rest) = rest.trim_start().split_once(' ')?;
    let is_time = first.starts_with(|c: char| c.is_ascii_digit());
    is_time.then(|| Some((Some(first), level(second)?, rest)))?
}

fn level(word: &str) -> Option<Level> {
    match word {
        "TRACE" => Some(Level::Trace),
        "DEBUG" => Some(Level::Debug),
        "INFO" => Some(Level::Info),
        "WARN" => Some(Level::Warn),
        "ERROR" => Some(Level::Error),
        _ => None,
    }
}

/// The spans, the target, and what follows them.
fn origin(text: &str) -> Option<(Vec<Span>, &str, &str)> {
    let mut spans = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = rest.split_at(cursor::path_end(rest)?);
        if let Some(next) = after.strip_prefix(": ")
            && !(spans.len() < MAX_PARTS && is_span(name, next))
        {
            return Some((spans, name, next));
        }
        let (fields, after) = span_fields(after)?;
        spans.push(Span { name: name.to_owned(), fields });
        rest = after.strip_prefix(':').filter(|_| spans.len() <= MAX_PARTS)?;
        rest = rest.strip_prefix(' ').unwrap_or(rest);
    }
}

fn span_fields(text: &str) -> Option<(Vec<Field>, &str)> {
    let Some(inner) = text.strip_prefix('{') else { return Some((Vec::new(), text)) };
    let (fields, end) = cursor::fields(inner, Some('}'))?;
    Some((fields, &inner[end + 1..]))
}

/// A last span without fields looks like a target: it is one unless a target follows.
fn is_span(name: &str, next: &str) -> bool {
    let Some((target, after)) = cursor::path_end(next).map(|end| next.split_at(end)) else { return false };
    after.starts_with(": ") && !is_target(name) && is_target(target)
}

fn is_target(name: &str) -> bool {
    name.contains("::") || CRATES.contains(&name)
}

/// The text and the fields behind it.
fn body(text: &str) -> (&str, Vec<Field>) {
    let start = if cursor::key_end(text).is_some() { Some(0) } else { cursor::first_field(text) };
    let Some(start) = start else { return (text, Vec::new()) };
    let fields = cursor::fields(text[start..].trim_start(), None).map_or_else(Vec::new, |(fields, _)| fields);
    (&text[..start], fields)
}
