//! What a rule does.

use super::node::{Node, Tree};
use super::reader::{MAX_INTEGER, MAX_LIST, Object, Reader, optional};
use crate::message::Code;
use crate::rules::{Action, Block, Otherwise, Place, Rewrite, Step, Template};

/// What a rule may do, by the reader of it.
type Of = fn(&mut Reader, &Node) -> Option<Action>;

const TYPES: [(&str, Of); 9] = [
    ("rewrite", Reader::rewrite),
    ("mock", Reader::mock),
    ("fault", Reader::fault),
    ("block", Reader::block),
    ("pass", Reader::pass),
    ("pass_through", Reader::pass),
    ("passthrough", Reader::pass),
    ("hold", Reader::hold),
    ("tag", Reader::tag),
];

const STEPS: [&str; 4] = ["set", "replace", "remove", "merge"];

/// A message of an error, or a tag, has at most so many characters.
const MAX_TEXT: usize = 64 << 10;

impl Reader {
    pub(super) fn action(&mut self, node: &Node) -> Option<Action> {
        let members = self.members(node, "an action")?;
        let Some((_, name)) = members.iter().find(|(key, _)| key.name == "type") else {
            return self.wrong(node.at, "an action needs `type`; add it");
        };
        let read = self.word(name, "action", &TYPES)?;
        read(self, node)
    }

    fn rewrite(&mut self, node: &Node) -> Option<Action> {
        let what = "the action `rewrite`";
        let object = self.object(node, what, &["type", "rewrite", "on_error"])?;
        let steps = self.need(&object, what, "rewrite").and_then(|node| {
            let items = self.list(node, MAX_LIST)?;
            self.each(items, Self::step)
        });
        let ways = [("block", Otherwise::Block), ("pass", Otherwise::Pass)];
        let otherwise = optional(object.get("on_error"), |node| self.word(node, "`on_error`", &ways));
        Some(Action::Rewrite(Rewrite { steps: steps?, otherwise: otherwise?.unwrap_or_default() }))
    }

    /// `{set: PATH, value: …}`
    fn step(&mut self, node: &Node) -> Option<Step> {
        let what = "a step";
        let object = self.object(node, what, &[&STEPS[..], &["value"]].concat())?;
        let (name, path) = self.only(&object, what, &STEPS)?;
        let place = self.place(path);
        if name == "remove" {
            if let Some(value) = object.get("value") {
                return self.wrong(value.at, "`remove` takes no `value`; remove it, or use `set`");
            }
            return place.map(Step::Remove);
        }
        let value = Template::from(self.need(&object, &format!("the step `{name}`"), "value")?.to_json());
        let step: fn(Place, Template) -> Step = match name {
            "set" => Step::Set,
            "replace" => Step::Replace,
            _ => Step::Merge,
        };
        Some(step(place?, value))
    }

    fn block(&mut self, node: &Node) -> Option<Action> {
        let object =
            self.object(node, "the action `block`", &["type", "code", "message", "as_tool_error"])?;
        let code = optional(object.get("code"), |node| self.code(node));
        let message = optional(object.get("message"), |node| self.message(node));
        let as_tool_error = optional(object.get("as_tool_error"), |node| self.bool(node));
        Some(Action::Block(Block {
            code: code?.unwrap_or(Code::INVALID_REQUEST),
            message: message?.unwrap_or_else(|| "blocked by a rule".to_owned()),
            as_tool_error: as_tool_error?.unwrap_or_default(),
        }))
    }

    fn pass(&mut self, node: &Node) -> Option<Action> {
        self.object(node, "the action `pass`", &["type"]).map(|_| Action::Pass)
    }

    fn hold(&mut self, node: &Node) -> Option<Action> {
        self.object(node, "the action `hold`", &["type"]).map(|_| Action::Hold)
    }

    fn tag(&mut self, node: &Node) -> Option<Action> {
        let what = "the action `tag`";
        let object = self.object(node, what, &["type", "tag"])?;
        let node = self.need(&object, what, "tag")?;
        let members = self.members(node, "`tag`")?;
        if members.len() > MAX_LIST {
            return self.wrong(node.at, format!("at most {MAX_LIST} tags at once"));
        }
        let tags: Vec<Option<(String, String)>> = members
            .iter()
            .map(|(key, value)| match key.name.is_empty() {
                true => self.wrong(key.at, "the name of a tag is not empty"),
                false => Some((key.name.clone(), self.message(value)?)),
            })
            .collect();
        tags.into_iter().collect::<Option<_>>().map(Action::Tag)
    }

    pub(super) fn code(&mut self, node: &Node) -> Option<Code> {
        self.integer(node, -MAX_INTEGER..=MAX_INTEGER).map(Code)
    }

    pub(super) fn message(&mut self, node: &Node) -> Option<String> {
        let text = self.text(node)?;
        match text.chars().count() <= MAX_TEXT {
            true => Some(text.to_owned()),
            false => self.wrong(node.at, format!("a text here has at most {MAX_TEXT} characters")),
        }
    }

    /// `{code: …, message: …}`; without a message, this one.
    pub(super) fn code_and_message(&mut self, object: &Object<'_>, default: &str) -> Option<(Code, String)> {
        let code = self.need(object, "an error", "code").and_then(|node| self.code(node));
        let message = optional(object.get("message"), |node| self.message(node));
        Some((code?, message?.unwrap_or_else(|| default.to_owned())))
    }

    /// A value in which captured values have places; an object, unless it is one of these itself.
    pub(super) fn result(&mut self, node: &Node) -> Option<Template> {
        match &node.tree {
            Tree::Map(_) => Some(node.to_json().into()),
            Tree::Text(text) if text.contains("{{") => Some(node.to_json().into()),
            _ => self.wrong(node.at, format!("a result is a mapping in MCP, not {}", node.is_called())),
        }
    }
}
