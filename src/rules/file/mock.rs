//! Answers in the server's place.

use super::node::Node;
use super::reader::{MAX_LIST, Object, Reader, optional};
use crate::rules::{Action, Answer, Mock, Template, Then};

const ANSWERS: [&str; 4] = ["response", "error", "tool_error", "tape"];

const THEN: [(&str, Then); 3] = [("repeat", Then::Repeat), ("cycle", Then::Cycle), ("pass", Then::Pass)];

impl Reader {
    pub(super) fn mock(&mut self, node: &Node) -> Option<Action> {
        let what = "the action `mock`";
        let one_of = [&ANSWERS[..], &["sequence"]].concat();
        let object = self.object(node, what, &[&["type", "then"], &one_of[..]].concat())?;
        let answers = match self.only(&object, what, &one_of)? {
            ("sequence", node) => {
                let items = self.list(node, MAX_LIST)?;
                self.each(items, |reader, item| {
                    let object = reader.object(item, "an answer", &ANSWERS)?;
                    reader.answer(&object, "an answer")
                })
            }
            _ => self.answer(&object, what).map(|answer| vec![answer]),
        };
        let then = optional(object.get("then"), |node| self.word(node, "`then`", &THEN));
        Some(Action::Mock(Mock { answers: answers?, then: then?.unwrap_or_default() }))
    }

    fn answer(&mut self, object: &Object<'_>, what: &str) -> Option<Answer> {
        match self.only(object, what, &ANSWERS)? {
            ("response", node) => self.result(node).map(Answer::Result),
            ("error", node) => self.error(node),
            ("tool_error", node) => self.message(node).map(Answer::ToolError),
            (_, node) => match self.message(node)? {
                name if name.is_empty() => self.wrong(node.at, "the name of a tape is not empty"),
                name => Some(Answer::Tape(name)),
            },
        }
    }

    fn error(&mut self, node: &Node) -> Option<Answer> {
        let object = self.object(node, "an error", &["code", "message", "data"])?;
        let (code, message) = self.code_and_message(&object, "an error made by a rule")?;
        let data = object.get("data").map(|data| Template::from(data.to_json()));
        Some(Answer::Error { code, message, data })
    }
}
