//! A tape as text, for people.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write;

use super::exchange::{Exchange, Exchanges};
use super::until_torn::UntilTorn;
use super::{Component, Entry, EntryKind, Json, Outcome, Payload, Source, Tape, TapeError, failure, name};
use crate::message::{Direction, JsonRpcMessage};
use crate::shown::{self, masked, quoted, render};

/// Of each name that a peer chose, escapes and all.
const NAME: usize = 96;

/// How a tape is written down for people. Without colours; nothing that stands on a tape can drive a terminal.
///
/// A line tells when, which way, where it was seen, which session, what it is, its method and tool, its id, the call, how
/// that ended and how long it took, and how many bytes it has. Of what it carries nothing is told unless
/// [`payload`](Self::payload) asks for it.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::tape::{Entry, Payload, Show};
/// use shadowcat::{Direction, JsonRpcMessage};
///
/// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"echo","arguments":{"s":"\u001b[2J"}}"#)?;
/// let entry = Entry::message(&call, Direction::ToUpstream).at(Duration::from_millis(1500)).session("s-1").call(7);
/// let line = "+1.500000 -> s-1 request tools/call tool=echo id=1 call=7 ";
/// assert!(Show::new().entry(&entry).starts_with(line));
/// assert!(Show::new().payload(Payload::Full).entry(&entry).ends_with(r#"{"s":"\u001b[2J"}}"#));
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Show {
    payload: Payload,
    max: usize,
}

impl Show {
    /// Without payloads, in lines of at most 4 KiB.
    pub fn new() -> Self {
        Self { payload: Payload::Hidden, max: 4 << 10 }
    }

    /// How much is told of what a message carries.
    pub fn payload(mut self, payload: Payload) -> Self {
        self.payload = payload;
        self
    }

    /// Bytes of a line, at most; a line without its payload is not cut.
    pub fn max_line(mut self, bytes: usize) -> Self {
        self.max = bytes;
        self
    }

    /// One entry by itself, in a line without its end. What a response answers is known only to [`write`](Self::write).
    pub fn entry(&self, entry: &Entry) -> String {
        self.line(entry, name::message(entry).as_ref(), None)
    }

    /// What is known of a tape, in lines.
    ///
    /// ```
    /// use shadowcat::tape::{Show, Tape};
    ///
    /// let text = Show::new().tape(&Tape::new()?.transport("stdio"));
    /// assert!(text.starts_with("tape ") && text.contains("\n  transport: stdio\n"));
    /// # Ok::<(), shadowcat::tape::TapeError>(())
    /// ```
    pub fn tape(&self, tape: &Tape) -> String {
        let mut out = format!("tape {}\n", shown::name(tape.id.as_str(), NAME));
        let _ = writeln!(out, "  created: {}", crate::stamp::utc(tape.created));
        if let Some(duration) = tape.duration {
            let _ = writeln!(out, "  duration: {duration:.1?}");
        }
        for (what, text) in [
            ("session", &tape.session),
            ("software", &tape.software),
            ("transport", &tape.transport),
            ("upstream transport", &tape.upstream_transport),
            ("protocol version", &tape.protocol_version),
            ("redaction", &tape.redaction),
            ("part", &tape.part.map(|part| part.to_string().into())),
        ] {
            if let Some(text) = text {
                let _ = writeln!(out, "  {what}: {}", shown::name(text, NAME));
            }
        }
        for (what, json) in [
            ("client", &tape.client_info),
            ("client capabilities", &tape.client_capabilities),
            ("server", &tape.server_info),
            ("server capabilities", &tape.server_capabilities),
        ] {
            if let Some(json) = json {
                self.json(&mut out, what, json);
            }
        }
        tape.components.iter().for_each(|component| self.component(&mut out, component));
        for (label, text) in &tape.labels {
            let _ = writeln!(out, "  {}: {}", shown::name(label, NAME), shown::name(text, NAME));
        }
        out
    }

    /// Where it came from, which bytes it had, and what it might do.
    fn component(&self, out: &mut String, component: &Component) {
        let tools = component.tools.len();
        let _ = writeln!(out, "  component: {} ({tools} tools)", shown::name(&component.id, NAME));
        for (what, text) in
            [("uri", &component.uri), ("digest", &component.digest), ("policy", &component.policy)]
        {
            let Some(text) = text else { continue };
            let is_raw = self.payload == Payload::Raw;
            let text = if is_raw { Cow::Borrowed(&**text) } else { masked(text, self.max).0 };
            let _ = writeln!(out, "    {what}: {}", shown::name(&text, self.max));
        }
    }

    fn json(&self, out: &mut String, what: &str, json: &Json) {
        let payload = if self.payload == Payload::Hidden { Payload::Full } else { self.payload };
        let _ = write!(out, "  {what}: ");
        render(out, json.as_str().as_bytes(), payload, self.max);
        out.push('\n');
    }

    /// Writes what is left of a tape: what is known of it, and a line for each entry, the last one where it is torn; and
    /// what is known of it at the end, if that is more, as of a recording in JSON or JSON Lines. How many entries there
    /// were.
    ///
    /// ```
    /// use shadowcat::tape::{self, Entry, Show, Sink, Tape, lines};
    /// use shadowcat::{Direction, JsonRpcMessage};
    ///
    /// # let path = std::env::temp_dir().join(format!("shadowcat-show-{}.jsonl", std::process::id()));
    /// let mut tape = lines::Writer::create(&path, &Tape::new()?)?;
    /// tape.append(&Entry::message(&JsonRpcMessage::request(1, "ping", "{}")?, Direction::ToUpstream))?;
    /// tape.append(&Entry::message(&JsonRpcMessage::response(1, "{}")?, Direction::ToClient))?;
    /// tape.finish()?;
    ///
    /// let mut text = Vec::new();
    /// assert_eq!(Show::new().write(tape::open(&path)?, &mut text)?, 2);
    /// assert!(String::from_utf8(text)?.contains("<- - response ping id=1 "));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The tape cannot be read further, except that it ends in the middle; the text cannot be written.
    pub fn write(&self, mut tape: impl Source, out: &mut dyn Write) -> Result<u64, TapeError> {
        let failed = |error| TapeError::io("the text of a tape", error);
        let head = self.tape(tape.tape());
        out.write_all(head.as_bytes()).map_err(failed)?;
        let (mut calls, mut entries) = (Exchanges::default(), 0);
        let mut left = UntilTorn::new(&mut tape);
        for entry in &mut left {
            let entry = entry?;
            let message = name::message(&entry);
            let mut line = self.line(&entry, message.as_ref(), calls.of(&entry, message.as_ref()));
            line.push('\n');
            out.write_all(line.as_bytes()).map_err(failed)?;
            calls.take(entry, message);
            entries += 1;
        }
        if left.is_torn() {
            out.write_all(b"-- torn: the tape ends in the middle\n").map_err(failed)?;
        }
        let known = self.tape(tape.tape());
        if known != head {
            out.write_all(format!("-- known by now:\n{known}").as_bytes()).map_err(failed)?;
        }
        Ok(entries)
    }

    /// `call` is the call that it belongs to.
    fn line(&self, entry: &Entry, message: Option<&JsonRpcMessage>, call: Option<&Exchange>) -> String {
        let at = entry.at;
        let mut out = format!("+{}.{:06} ", at.as_secs(), at.subsec_micros());
        out.push_str(arrow(entry));
        let session = entry.session.as_deref().map_or_else(|| "-".to_owned(), |it| shown::name(it, NAME));
        let _ = write!(out, " {session} {}", kind(entry, message));
        about(&mut out, message, call);
        if let Some(id) = message.and_then(JsonRpcMessage::owned_id) {
            let _ = write!(out, " id={}", shown::id(&id, NAME));
        }
        if let Some(number) = entry.call {
            let _ = write!(out, " call={number}");
        }
        if let Some(component) = &entry.component {
            let _ = write!(out, " component={}", shown::name(component, NAME));
        }
        if let Some(call) = call.filter(|_| matches!(entry.kind, EntryKind::Response | EntryKind::End)) {
            let _ = write!(out, " after {:.1?}", at.saturating_sub(call.request.at));
        }
        if entry.synthetic {
            out.push_str(" synthetic");
        }
        let _ = write!(out, " {} B", entry.bytes.len());
        self.carried(&mut out, entry, message);
        out
    }

    fn carried(&self, out: &mut String, entry: &Entry, message: Option<&JsonRpcMessage>) {
        let room = self.max.saturating_sub(out.len() + 1);
        let start = out.len();
        out.push(' ');
        match (message, self.payload) {
            (_, Payload::Hidden) => {}
            (Some(message), payload) => {
                let carried = message.params().or(message.result()).or(message.error());
                render(out, carried.unwrap_or_default(), payload, room);
            }
            (None, Payload::Shape) => {}
            (None, payload) => {
                let why = entry.failure().map(|error| error.to_string());
                let text = why.map_or_else(|| String::from_utf8_lossy(&entry.bytes), Into::into);
                let shown =
                    if payload == Payload::Raw { text.as_ref().into() } else { masked(&text, room).0 };
                out.push_str(&quoted(&shown, room.saturating_sub(8)));
            }
        }
        if out.len() == start + 1 || (message.is_none() && entry.bytes.is_empty()) {
            out.truncate(start);
        }
    }
}

impl Default for Show {
    fn default() -> Self {
        Self::new()
    }
}

fn arrow(entry: &Entry) -> &'static str {
    match (entry.kind, entry.direction) {
        (EntryKind::End | EntryKind::Component | EntryKind::Note | EntryKind::Lost, _) => "--",
        (_, Direction::ToUpstream) => "->",
        (_, Direction::ToClient) => "<-",
    }
}

/// What it is; what was seen toward the server is told apart.
fn kind(entry: &Entry, message: Option<&JsonRpcMessage>) -> String {
    let kind = match (entry.kind, message) {
        (EntryKind::Response, Some(message)) => shown::response(message),
        (EntryKind::End, _) => end(entry),
        (kind, _) => kind.to_string(),
    };
    match entry.edge {
        super::Edge::Client => kind,
        super::Edge::Upstream => format!("upstream {kind}"),
    }
}

/// How a call ended, and as what it failed.
fn end(entry: &Entry) -> String {
    let Some(outcome) = entry.outcome else { return "end".to_owned() };
    match failure::kind(&entry.bytes).filter(|_| outcome == Outcome::Failed) {
        Some(kind) => format!("end: {outcome} ({kind})"),
        None => format!("end: {outcome}"),
    }
}

/// The method and the tool: its own, or those of the request.
fn about(out: &mut String, message: Option<&JsonRpcMessage>, call: Option<&Exchange>) {
    let own = message.and_then(name::of);
    let Some((method, tool)) = own.or_else(|| call.map(Exchange::name)) else { return };
    let _ = write!(out, " {}", shown::name(&method, NAME));
    if !tool.is_empty() {
        let _ = write!(out, " tool={}", shown::name(&tool, NAME));
    }
}
