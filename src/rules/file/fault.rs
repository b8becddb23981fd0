//! What is made to go wrong.

use std::time::Duration;

use super::node::Node;
use super::reader::{Object, Reader, optional};
use crate::rules::{Action, Failure, Fault};

/// A message is delayed by at most an hour, and as much again by chance; in milliseconds.
pub(super) const MAX_DELAY: i64 = 3_600_000;

/// At most so many copies are made, and so many notifications are collected.
pub(super) const MAX_COPIES: i64 = 10_000;

/// At most so many bytes are corrupted, or kept of what is truncated.
pub(super) const MAX_BYTES: i64 = 16 << 20;

const FAILURES: [&str; 8] =
    ["error", "timeout", "disconnect", "truncate", "corrupt", "duplicate", "reorder", "flood"];

impl Reader {
    pub(super) fn fault(&mut self, node: &Node) -> Option<Action> {
        let what = "the action `fault`";
        let object = self.object(node, what, &["type", "fault"])?;
        let node = self.need(&object, what, "fault")?;
        let object = self.object(node, "`fault`", &[&["delay_ms", "jitter_ms"], &FAILURES[..]].concat())?;
        let [delay, jitter] = ["delay_ms", "jitter_ms"].map(|name| {
            let time = optional(object.get(name), |node| self.count(node, 0, MAX_DELAY))?;
            Some(time.map_or(Duration::ZERO, Duration::from_millis))
        });
        let failure = match object.present(&FAILURES)[..] {
            [] => Some(None),
            _ => self.failure(&object).map(Some),
        };
        Some(Action::Fault(Fault { delay: delay?, jitter: jitter?, failure: failure? }))
    }

    fn failure(&mut self, object: &Object<'_>) -> Option<Failure> {
        let (name, node) = self.only(object, "`fault`", &FAILURES)?;
        let most = if matches!(name, "truncate" | "corrupt") { MAX_BYTES } else { MAX_COPIES };
        let least = match name {
            "truncate" => 0,
            "reorder" => 2,
            _ => 1,
        };
        let how: fn(usize) -> Failure = match name {
            "error" => {
                let object = self.object(node, "an error", &["code", "message"])?;
                let (code, message) = self.code_and_message(&object, "a fault made by a rule")?;
                return Some(Failure::Error { code, message });
            }
            "timeout" | "disconnect" => return self.flag(node, name),
            "truncate" => Failure::Truncate,
            "corrupt" => Failure::Corrupt,
            "duplicate" => Failure::Duplicate,
            "reorder" => Failure::Reorder,
            _ => Failure::Flood,
        };
        let many = self.count(node, least, most)?;
        Some(how(usize::try_from(many).unwrap_or(usize::MAX)))
    }

    fn flag(&mut self, node: &Node, name: &str) -> Option<Failure> {
        match (self.bool(node)?, name) {
            (true, "timeout") => Some(Failure::Timeout),
            (true, _) => Some(Failure::Disconnect),
            (false, _) => self.wrong(node.at, format!("`{name}` is true, or left out")),
        }
    }
}
