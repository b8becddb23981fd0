//! Values of earlier answers in later requests: what the server gives out now, in place of what it gave out then.

use std::collections::{HashMap, HashSet};

use crate::message::{JsonRpcMessage, Pointer};
use crate::tape::Difference;

/// So many values are remembered; a session has few.
const MAX_VALUES: usize = 10_000;
/// Bytes of a value that is looked for in other places: of longer ones a difference tells the beginning.
const MAX_PAIRED: usize = 200;

/// A value that a server gives out and wants back.
#[derive(Clone, Debug)]
pub(super) struct Carry {
    /// In an answer.
    pub(super) from: Pointer,
    /// In a later request.
    pub(super) to: Pointer,
    /// In requests of the same method only.
    pub(super) same_method: bool,
}

impl Carry {
    /// What the protocol has of that kind: pages, rounds (2026-07-28 basic/patterns/mrtr), tasks.
    pub(super) fn builtin() -> Vec<Self> {
        let place = |tokens: &[&str]| tokens.iter().fold(Pointer::root(), |at, token| at.join(*token));
        let carry =
            |from: &[&str], to: &[&str], same_method| Self { from: place(from), to: place(to), same_method };
        let related = ["params", "_meta", "io.modelcontextprotocol/related-task", "taskId"];
        vec![
            carry(&["result", "nextCursor"], &["params", "cursor"], true),
            carry(&["result", "requestState"], &["params", "requestState"], true),
            carry(&["result", "task", "taskId"], &["params", "taskId"], false),
            carry(&["result", "taskId"], &["params", "taskId"], false),
            carry(&["result", "task", "taskId"], &related, false),
        ]
    }
}

/// What was given out so far.
#[derive(Debug, Default)]
pub(super) struct Carried {
    rules: Vec<Carry>,
    /// By rule, method and the recorded value.
    values: HashMap<(usize, String, Vec<u8>), Vec<u8>>,
    /// By name, as recorded and as of now. A server names again what it gave out, as in its list of tasks.
    pairs: HashSet<(String, Vec<u8>, Vec<u8>)>,
}

impl Carried {
    pub(super) fn new(rules: Vec<Carry>) -> Self {
        Self { rules, ..Self::default() }
    }

    /// Learns from an answer, and gives it back with the values that were recorded: that they differ is meant.
    pub(super) fn learn(
        &mut self,
        method: &str,
        recorded: &JsonRpcMessage,
        live: JsonRpcMessage,
    ) -> JsonRpcMessage {
        let mut alike = live.clone();
        for at in 0..self.rules.len() {
            let from = self.rules[at].from.clone();
            let old = find(&from, recorded).map(<[u8]>::to_vec);
            let new = find(&from, &live).map(<[u8]>::to_vec);
            let (Some(old), Some(new)) = (old, new) else { continue };
            if old != new {
                alike = alike.clone().edit().set(&from, &old).finish().unwrap_or(alike);
            }
            if self.values.len() < MAX_VALUES {
                // Also where it is the same: it may have been another before.
                self.values.insert(self.key(at, method, &old), new.clone());
            }
            let is_told = |value: &[u8]| value.len() <= MAX_PAIRED;
            if old != new && is_told(&old) && is_told(&new) && self.pairs.len() < MAX_VALUES {
                self.pairs.insert((last(&from.to_string()).to_owned(), old, new));
            }
        }
        alike
    }

    /// Whether what differs is what was given out under the same name, then and now. What is too long to be told whole is
    /// not looked for.
    pub(super) fn explains(&self, difference: &Difference) -> bool {
        let (Some(old), Some(new)) = (&difference.expected, &difference.actual) else { return false };
        let pair = || (last(&difference.path).to_owned(), old.clone().into(), new.clone().into());
        !self.pairs.is_empty() && self.pairs.contains(&pair())
    }

    /// A recorded request with the values of now.
    pub(super) fn apply(&self, request: JsonRpcMessage) -> JsonRpcMessage {
        let method = request.method().unwrap_or_default();
        let mut changes: Vec<(&Pointer, &[u8])> = Vec::new();
        for (at, rule) in self.rules.iter().enumerate() {
            let Some(old) = find(&rule.to, &request) else { continue };
            let is_changed = changes.iter().any(|(place, _)| **place == rule.to);
            if let Some(new) = self.values.get(&self.key(at, method, old))
                && *new != old
                && !is_changed
            {
                changes.push((&rule.to, new));
            }
        }
        if changes.is_empty() {
            return request;
        }
        let edit =
            changes.into_iter().fold(request.clone().edit(), |edit, (place, new)| edit.set(place, new));
        edit.finish().unwrap_or(request)
    }

    fn key(&self, rule: usize, method: &str, old: &[u8]) -> (usize, String, Vec<u8>) {
        let method = if self.rules[rule].same_method { method } else { "" };
        (rule, method.to_owned(), old.to_vec())
    }
}

/// The name of the member that it points to.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn find<'a>(place: &Pointer, message: &'a JsonRpcMessage) -> Option<&'a [u8]> {
    place.find(message.bytes()).ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> JsonRpcMessage {
        JsonRpcMessage::parse(text.to_owned()).unwrap()
    }

    #[test]
    fn a_cursor_of_now_takes_the_place_of_the_recorded_one_in_the_same_list() {
        let mut carried = Carried::new(Carry::builtin());
        let then = message(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"nextCursor":"a"}}"#);
        let now = message(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[],"nextCursor":"b"}}"#);
        assert_eq!(carried.learn("tools/list", &then, now).bytes(), then.bytes());
        let page = |method| JsonRpcMessage::request(2, method, r#"{"cursor":"a"}"#).unwrap();
        assert_eq!(carried.apply(page("tools/list")).params(), Some(&br#"{"cursor":"b"}"#[..]));
        assert_eq!(carried.apply(page("prompts/list")).params(), Some(&br#"{"cursor":"a"}"#[..]));
    }

    #[test]
    fn a_task_of_now_is_asked_for_by_any_method() {
        let mut carried = Carried::new(Carry::builtin());
        let answer =
            |id| message(&format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"task":{{"taskId":"{id}"}}}}}}"#));
        carried.learn("tools/call", &answer("t-1"), answer("t-9"));
        let get = JsonRpcMessage::request(2, "tasks/get", r#"{"taskId":"t-1"}"#).unwrap();
        assert_eq!(carried.apply(get).params(), Some(&br#"{"taskId":"t-9"}"#[..]));
        let related = |id: &str| {
            let params =
                format!(r#"{{"_meta":{{"io.modelcontextprotocol/related-task":{{"taskId":"{id}"}}}}}}"#);
            JsonRpcMessage::request(3, "tools/call", params).unwrap()
        };
        assert_eq!(carried.apply(related("t-1")).bytes(), related("t-9").bytes());
    }

    #[test]
    fn a_value_goes_to_each_place_that_wants_it() {
        let carry = |to: &str| Carry {
            from: "/result/ticket".parse().unwrap(),
            to: to.parse().unwrap(),
            same_method: false,
        };
        let mut carried = Carried::new(vec![carry("/params/a"), carry("/params/b")]);
        let answer = |ticket: &str| {
            message(&format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"ticket":"{ticket}"}}}}"#))
        };
        assert_eq!(carried.learn("x", &answer("old"), answer("new")).bytes(), answer("old").bytes());
        for (then, now) in [(r#"{"a":"old"}"#, r#"{"a":"new"}"#), (r#"{"b":"old"}"#, r#"{"b":"new"}"#)] {
            let request = JsonRpcMessage::request(2, "y", then).unwrap();
            assert_eq!(carried.apply(request).params(), Some(now.as_bytes()));
        }
    }
}
