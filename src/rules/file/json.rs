//! JSON as a located tree.

use std::collections::HashSet;

use serde_core::de::Deserialize;
use serde_core::de::IgnoredAny;

use super::node::{Key, MAX_DEPTH, MAX_VALUES, Node, Tree, Unreadable};
use crate::rules::Location;

/// The grammar is judged first, by serde_json; the walk that knows the places then has nothing left to refuse but
/// what serde_json does not: depth, number of values, keys that stand twice.
pub(crate) fn read(text: &str) -> Result<Node, Unreadable> {
    let mut grammar = serde_json::Deserializer::from_str(text);
    IgnoredAny::deserialize(&mut grammar)
        .and_then(|_| grammar.end())
        .map_err(|error| no_json(text, &error))?;
    Walk { text, at: 0, seen: 0, line: 1, column: 1, values: 0 }.value(0)
}

/// serde_json counts bytes.
fn no_json(text: &str, error: &serde_json::Error) -> Unreadable {
    let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
    let before = line.get(..error.column().saturating_sub(1)).unwrap_or(line);
    let at = Location { line: number(error.line()), column: number(before.chars().count() + 1) };
    let why = error.to_string();
    let why = why.rsplit_once(" at line ").map_or(&*why, |(why, _)| why);
    let comment = line.trim_start().starts_with("//") || line.trim_start().starts_with("/*");
    let hint = if comment { "; JSON has no comments, use `description`" } else { "" };
    Unreadable::new(Some(at), format!("no JSON: {why}{hint}"))
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

struct Walk<'a> {
    text: &'a str,
    at: usize,
    /// Lines and columns are counted up to here.
    seen: usize,
    line: u32,
    column: u32,
    values: usize,
}

impl<'a> Walk<'a> {
    fn value(&mut self, depth: usize) -> Result<Node, Unreadable> {
        self.space();
        let at = self.location();
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Unreadable::new(Some(at), format!("more than {MAX_VALUES} values; split the file")));
        }
        if depth > MAX_DEPTH {
            return Err(Unreadable::new(Some(at), format!("nested more than {MAX_DEPTH} deep")));
        }
        let tree = match self.text.as_bytes().get(self.at) {
            Some(b'{') => self.map(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Tree::Text(self.string(at)?),
            _ => self.word(at)?,
        };
        Ok(Node { at, tree })
    }

    fn map(&mut self, depth: usize) -> Result<Tree, Unreadable> {
        let (mut members, mut names) = (Vec::new(), HashSet::new());
        while self.goes_on(b'}') {
            let at = self.location();
            let name = self.string(at)?;
            if !names.insert(name.clone()) {
                return Err(Unreadable::new(Some(at), format!("the key {name:?} stands twice; remove one")));
            }
            self.space();
            self.at += 1; // the colon
            members.push((Key { at, name }, self.value(depth + 1)?));
        }
        Ok(Tree::Map(members))
    }

    fn list(&mut self, depth: usize) -> Result<Tree, Unreadable> {
        let mut items = Vec::new();
        while self.goes_on(b']') {
            items.push(self.value(depth + 1)?);
        }
        Ok(Tree::List(items))
    }

    /// Passes the opening bracket, a comma, or the closing bracket, which ends it.
    fn goes_on(&mut self, end: u8) -> bool {
        let bytes = self.text.as_bytes();
        self.space();
        let closes = |at: usize| bytes.get(at).is_none_or(|byte| *byte == end);
        let is_end = closes(self.at);
        self.at += 1;
        if is_end {
            return false;
        }
        self.space();
        let is_empty = closes(self.at);
        self.at += usize::from(is_empty);
        !is_empty
    }

    fn string(&mut self, at: Location) -> Result<String, Unreadable> {
        let (start, bytes) = (self.at, self.text.as_bytes());
        self.at += 1;
        while bytes.get(self.at).is_some_and(|byte| *byte != b'"') {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        self.parsed(start, at)
    }

    fn word(&mut self, at: Location) -> Result<Tree, Unreadable> {
        let start = self.at;
        let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
        let rest = &self.text.as_bytes()[start..];
        self.at += rest.iter().position(ends).unwrap_or(rest.len());
        Ok(match &self.text[start..self.at] {
            "null" => Tree::Null,
            "true" => Tree::Bool(true),
            "false" => Tree::Bool(false),
            _ => Tree::Number(self.parsed(start, at)?),
        })
    }

    fn parsed<T: Deserialize<'a>>(&self, start: usize, at: Location) -> Result<T, Unreadable> {
        let token = self.text.get(start..self.at).unwrap_or_default();
        serde_json::from_str(token).map_err(|error| {
            let why = error.to_string();
            let why = why.rsplit_once(" at line ").map_or(&*why, |(why, _)| why);
            Unreadable::new(Some(at), format!("no JSON: {why}"))
        })
    }

    fn space(&mut self) {
        let rest = &self.text.as_bytes()[self.at.min(self.text.len())..];
        self.at += rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
    }

    fn location(&mut self) -> Location {
        for c in self.text.get(self.seen..self.at).unwrap_or_default().chars() {
            (self.line, self.column) =
                if c == '\n' { (self.line + 1, 1) } else { (self.line, self.column + 1) };
        }
        self.seen = self.at;
        Location { line: self.line, column: self.column }
    }
}
