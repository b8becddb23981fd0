//! What was read of a file: values that know where they stand.

use serde_json::{Map, Number, Value};

use crate::rules::Location;

/// Deeper than so many lists and mappings is nothing.
pub(crate) const MAX_DEPTH: usize = 64;

/// At most so many values are in a file: each takes about a hundred bytes while it is read.
pub(crate) const MAX_VALUES: usize = 2_000_000;

/// A value and where it begins.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) at: Location,
    pub(crate) tree: Tree,
}

/// A value as JSON has it; its keys in their order, each once.
#[derive(Debug)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key and where it begins.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) at: Location,
    pub(crate) name: String,
}

/// A text that cannot be read at all: where, and why.
#[derive(Debug)]
pub(crate) struct Unreadable {
    pub(crate) at: Option<Location>,
    pub(crate) why: String,
}

impl Unreadable {
    pub(crate) fn new(at: Option<Location>, why: impl Into<String>) -> Self {
        Self { at, why: why.into() }
    }
}

impl Node {
    /// Without the places.
    pub(crate) fn to_json(&self) -> Value {
        match &self.tree {
            Tree::Null => Value::Null,
            Tree::Bool(is) => Value::Bool(*is),
            Tree::Number(number) => Value::Number(number.clone()),
            Tree::Text(text) => Value::String(text.clone()),
            Tree::List(items) => items.iter().map(Self::to_json).collect(),
            Tree::Map(members) => {
                let members = members.iter().map(|(key, node)| (key.name.clone(), node.to_json()));
                Value::Object(members.collect::<Map<_, _>>())
            }
        }
    }

    /// In the words of messages.
    pub(crate) fn is_called(&self) -> &'static str {
        match &self.tree {
            Tree::Null => "nothing",
            Tree::Bool(_) => "true or false",
            Tree::Number(_) => "a number",
            Tree::Text(_) => "a text",
            Tree::List(_) => "a list",
            Tree::Map(_) => "a mapping",
        }
    }
}
