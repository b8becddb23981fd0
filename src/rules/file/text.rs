//! Texts, patterns and paths.

use super::node::{Node, Tree};
use super::reader::{MAX_LIST, Reader};
use crate::rules::{Place, Text};

/// A pattern or a path has at most so many characters.
const MAX_PATTERN: usize = 4_096;

/// A file has at most so many regular expressions, of at most 1 MiB each when they are compiled.
#[cfg(feature = "regex")]
const MAX_REGEXES: usize = 1_000;

impl Reader {
    /// A text, `{glob: …}`, `{regex: …}`, or a list of these.
    pub(crate) fn pattern(&mut self, node: &Node) -> Option<Text> {
        match &node.tree {
            Tree::Text(text) => Some(Text::exact(text)),
            Tree::List(_) => {
                let items = self.list(node, MAX_LIST)?;
                self.each(items, Self::one_pattern).map(Text::any_of)
            }
            _ => self.one_pattern(node),
        }
    }

    fn one_pattern(&mut self, node: &Node) -> Option<Text> {
        if let Tree::Text(text) = &node.tree {
            return Some(Text::exact(text));
        }
        let what = "a text or a pattern";
        let object = self.object(node, what, &["glob", "regex"])?;
        match self.only(&object, what, &["glob", "regex"])? {
            ("glob", pattern) => self.glob(pattern),
            (_, pattern) => self.regex(pattern),
        }
    }

    pub(crate) fn glob(&mut self, node: &Node) -> Option<Text> {
        self.bounded(node).map(Text::glob)
    }

    #[cfg(feature = "regex")]
    pub(crate) fn regex(&mut self, node: &Node) -> Option<Text> {
        let pattern = self.bounded(node)?;
        self.regexes += 1;
        if self.regexes > MAX_REGEXES {
            return self.wrong(node.at, format!("more than {MAX_REGEXES} regular expressions; use globs"));
        }
        Text::regex(pattern).map_err(|error| self.bad_regex(node, &error.to_string())).ok()
    }

    #[cfg(feature = "regex")]
    fn bad_regex(&mut self, node: &Node, why: &str) {
        let why = why.lines().last().unwrap_or_default();
        let why = why.strip_prefix("error: ").unwrap_or(why);
        let hint = if why.contains("look-around") || why.contains("backreference") {
            ""
        } else if why.contains("size limit") {
            "; use a smaller repetition"
        } else {
            "; see the syntax of the Rust crate `regex`"
        };
        self.wrong::<()>(node.at, format!("no regular expression: {why}{hint}"));
    }

    #[cfg(not(feature = "regex"))]
    pub(crate) fn regex(&mut self, node: &Node) -> Option<Text> {
        self.bounded(node)?;
        self.wrong(
            node.at,
            "regular expressions need the feature `regex` of shadowcat; use a glob, or turn it on",
        )
    }

    fn bounded<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        let text = self.text(node)?;
        match text.chars().count() <= MAX_PATTERN {
            true => Some(text),
            false => self.wrong(node.at, format!("a pattern or path has at most {MAX_PATTERN} characters")),
        }
    }

    /// A JSON Pointer or a JSONPath.
    pub(crate) fn place(&mut self, node: &Node) -> Option<Place> {
        let text = self.bounded(node)?;
        match text.as_bytes().first() {
            Some(b'/') => match text.parse::<crate::message::Pointer>() {
                Ok(pointer) => Some(pointer.into()),
                Err(error) => self.wrong(node.at, format!("no JSON Pointer: {error}")),
            },
            Some(b'$') => self.json_path(node, text),
            _ => self.wrong(
                node.at,
                format!(
                    "{text:?} is no path; write a JSON Pointer (`/params/arguments/city`) or a JSONPath (`$.params…`)"
                ),
            ),
        }
    }

    #[cfg(feature = "jsonpath")]
    fn json_path(&mut self, node: &Node, text: &str) -> Option<Place> {
        if let Some(why) = too_much(text) {
            return self.wrong(node.at, why);
        }
        match Place::path(text) {
            Ok(place) => Some(place),
            Err(error) => self.wrong(node.at, format!("no JSONPath: {error}")),
        }
    }

    #[cfg(not(feature = "jsonpath"))]
    fn json_path(&mut self, node: &Node, _: &str) -> Option<Place> {
        self.wrong(
            node.at,
            "JSONPath needs the feature `jsonpath` of shadowcat; use a JSON Pointer, or turn it on",
        )
    }
}

/// What costs more than its size: each `..` after another multiplies the work by the depth of a hostile message, and
/// brackets within brackets are read again and again.
#[cfg(feature = "jsonpath")]
fn too_much(path: &str) -> Option<&'static str> {
    let mut depth = 0_u32;
    for c in path.chars() {
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > 8 {
            return Some("a JSONPath has at most 8 brackets within each other; simplify it");
        }
    }
    (path.matches("..").count() > 2).then_some("a JSONPath has at most two `..`; name the members on the way")
}
