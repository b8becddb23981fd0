//! How a tool differs from what it was.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use super::Definition;
use crate::message::is_default_ignorable;

/// What became of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DriftKind {
    /// Its definition is another: a rug pull, or an update.
    Changed,
    /// It was not there when the tools were trusted.
    New,
    /// It is not in a complete list any more. It does no harm.
    Vanished,
}

/// A tool of a server that is not what it was when it was trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drift {
    /// The server, as the application calls it.
    pub server: String,
    /// The tool's name.
    pub tool: String,
    /// What became of it.
    pub kind: DriftKind,
    /// What was trusted; nothing of a new tool.
    pub trusted: Option<Definition>,
    /// What the server says now; nothing of one that vanished.
    pub found: Option<Definition>,
}

/// Bytes of a diff, about: no line begins behind them.
const MAX_DIFF: usize = 1 << 20;

/// Bytes of one value that a diff shows.
const MAX_SHOWN: usize = 4096;

impl Drift {
    pub(crate) fn of(server: &str, trusted: Option<&Definition>, found: Option<&Definition>) -> Option<Self> {
        let kind = match (trusted, found) {
            (Some(trusted), Some(found)) if trusted.digest() == found.digest() => return None,
            (Some(_), Some(_)) => DriftKind::Changed,
            (None, Some(_)) => DriftKind::New,
            (Some(_), None) => DriftKind::Vanished,
            (None, None) => return None,
        };
        let tool = found.or(trusted)?.name().to_owned();
        Some(Self { server: server.to_owned(), tool, kind, trusted: trusted.cloned(), found: found.cloned() })
    }

    /// What differs, a line for each value that is gone (`-`) or new (`+`), with its place in the definition.
    ///
    /// It is written for a person who decides: characters that do not show, or that change how others show, are written
    /// as escapes, and of one value no more than 4 KiB stand there; behind 1 MiB in all, nothing does. The [module](crate::policy::pin) shows one.
    pub fn diff(&self) -> String {
        let (trusted, found) = (leaves(self.trusted.as_ref()), leaves(self.found.as_ref()));
        let mut places: Vec<_> = trusted.keys().chain(found.keys()).collect();
        places.sort();
        places.dedup();
        let mut out = String::new();
        for place in places {
            if out.len() >= MAX_DIFF {
                out.push_str("…\n");
                break;
            }
            let (before, now) = (trusted.get(place), found.get(place));
            if before != now {
                [('-', before), ('+', now)]
                    .into_iter()
                    .for_each(|(sign, value)| line(&mut out, sign, place, value));
            }
        }
        out
    }
}

fn leaves(definition: Option<&Definition>) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    if let Some(definition) = definition {
        definition
            .node()
            .leaves(&mut String::new(), &mut |place, value| _ = all.insert(place.to_owned(), value));
    }
    all
}

fn line(out: &mut String, sign: char, place: &str, value: Option<&String>) {
    let Some(value) = value else { return };
    out.extend([sign, ' ']);
    show(out, place);
    out.push_str(": ");
    show(out, value);
    out.push('\n');
}

/// What a server wrote, as it is and not as it wants to look.
fn show(out: &mut String, text: &str) {
    for (at, c) in text.char_indices() {
        if at >= MAX_SHOWN {
            _ = write!(out, "… ({} bytes)", text.len());
            return;
        }
        match c {
            c if c.is_control() || is_default_ignorable(c) || is_odd_space(c) => {
                _ = write!(out, "{}", c.escape_unicode())
            }
            c => out.push(c),
        }
    }
}

fn is_odd_space(c: char) -> bool {
    c != ' ' && c.is_whitespace()
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, tool, .. } = self;
        match self.kind {
            DriftKind::Changed => write!(f, "tool {tool:?} of {server:?} has another definition"),
            DriftKind::New => write!(f, "tool {tool:?} of {server:?} is new"),
            DriftKind::Vanished => write!(f, "tool {tool:?} of {server:?} is gone"),
        }
    }
}
