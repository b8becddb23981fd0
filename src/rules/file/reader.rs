//! Reading a tree, and keeping all that is wrong with it.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::node::{Key, Node, Tree};
use super::suggest;
use crate::rules::{Location, Problem, ProblemKind, Problems};

/// Integers beyond this are not the same for all who read JSON.
pub(crate) const MAX_INTEGER: i64 = (1 << 53) - 1;

/// A text, a list of texts or the steps of an action have at most so many entries.
pub(crate) const MAX_LIST: usize = 1_000;

/// Whatever is read either is there, or a problem says why it is not.
#[derive(Debug)]
pub(crate) struct Reader {
    file: Arc<str>,
    /// The rule that is read.
    pub(crate) rule: Option<Arc<str>>,
    pub(crate) problems: Problems,
    /// How many regular expressions there were.
    #[cfg(feature = "regex")]
    pub(crate) regexes: usize,
}

/// A mapping, all of whose known keys may be asked for.
#[derive(Clone, Debug)]
pub(crate) struct Object<'n> {
    pub(crate) at: Location,
    members: &'n [(Key, Node)],
    /// What was meant by keys that are not known: nobody needs to be told that these are missing.
    meant: Vec<String>,
}

impl<'n> Object<'n> {
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        self.members.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// Whether one of these was meant, and another written.
    pub(crate) fn is_meant(&self, names: &[&str]) -> bool {
        self.meant.iter().any(|meant| names.contains(&meant.as_str()))
    }

    /// The keys among these that are there.
    pub(crate) fn present(&self, names: &[&'static str]) -> Vec<&'static str> {
        names.iter().copied().filter(|name| self.get(name).is_some()).collect()
    }
}

impl Reader {
    pub(crate) fn new(file: &str) -> Self {
        Self {
            file: file.into(),
            rule: None,
            problems: Problems::default(),
            #[cfg(feature = "regex")]
            regexes: 0,
        }
    }

    /// An error in the format.
    pub(crate) fn wrong<T>(&mut self, at: Location, what: impl Into<String>) -> Option<T> {
        self.say(ProblemKind::Malformed, Some(at), what)
    }

    pub(crate) fn say<T>(
        &mut self,
        kind: ProblemKind,
        at: Option<Location>,
        what: impl Into<String>,
    ) -> Option<T> {
        let (file, rule) = (Some(self.file.clone()), self.rule.clone());
        self.problems.push(Problem { kind, file, at, rule, what: what.into() });
        None
    }

    fn expected<T>(&mut self, node: &Node, what: impl Display) -> Option<T> {
        let quotes = match &node.tree {
            Tree::Number(_) | Tree::Bool(_) if what.to_string().starts_with("a text") => "; put it in quotes",
            _ => "",
        };
        self.wrong(node.at, format!("expected {what}, found {}{quotes}", node.is_called()))
    }

    /// `what` is its name in messages: "a rule". A key that is not known is a problem, and is passed over.
    pub(crate) fn object<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Option<Object<'n>> {
        let Tree::Map(members) = &node.tree else { return self.expected(node, format!("{what}, a mapping")) };
        let mut meant = Vec::new();
        for (key, _) in members.iter().filter(|(key, _)| !known.contains(&key.name.as_str())) {
            meant.extend(suggest::nearest(&key.name, known.iter().copied()).map(str::to_owned));
            let hint = suggest::hint(&key.name, known);
            self.wrong::<()>(key.at, format!("{what} has no field {:?}{hint}", key.name));
        }
        Some(Object { at: node.at, members, meant })
    }

    pub(crate) fn members<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [(Key, Node)]> {
        let Tree::Map(members) = &node.tree else { return self.expected(node, format!("{what}, a mapping")) };
        Some(members)
    }

    pub(crate) fn need<'n>(&mut self, object: &Object<'n>, what: &str, name: &str) -> Option<&'n Node> {
        match object.get(name) {
            None if !object.is_meant(&[name]) => {
                self.wrong(object.at, format!("{what} needs `{name}`; add it"))
            }
            found => found,
        }
    }

    /// The only one of these keys that is there.
    pub(crate) fn only<'n>(
        &mut self,
        object: &Object<'n>,
        what: &str,
        names: &[&'static str],
    ) -> Option<(&'static str, &'n Node)> {
        match object.present(names)[..] {
            [name] => object.get(name).map(|node| (name, node)),
            [] if object.is_meant(names) => None,
            _ => self.wrong(object.at, format!("{what} needs just one of {}", names.join(", "))),
        }
    }

    pub(crate) fn text<'n>(&mut self, node: &'n Node) -> Option<&'n str> {
        match &node.tree {
            Tree::Text(text) => Some(text),
            _ => self.expected(node, "a text"),
        }
    }

    pub(crate) fn bool(&mut self, node: &Node) -> Option<bool> {
        match &node.tree {
            Tree::Bool(is) => Some(*is),
            _ => self.expected(node, "true or false"),
        }
    }

    pub(crate) fn list<'n>(&mut self, node: &'n Node, max: usize) -> Option<&'n [Node]> {
        match &node.tree {
            Tree::List(items) if items.len() <= max => Some(items),
            Tree::List(items) => {
                self.wrong(node.at, format!("{} entries; a list here has at most {max}", items.len()))
            }
            _ => self.expected(node, "a list"),
        }
    }

    pub(crate) fn number(&mut self, node: &Node) -> Option<f64> {
        match &node.tree {
            Tree::Number(number) if number.as_f64().is_some() => number.as_f64(),
            _ => self.expected(node, "a number"),
        }
    }

    /// `3.0` is one, too.
    pub(crate) fn integer(&mut self, node: &Node, range: RangeInclusive<i64>) -> Option<i64> {
        let Tree::Number(number) = &node.tree else { return self.expected(node, "an integer") };
        let whole = |number: f64| {
            (number.fract() == 0.0 && number.abs() <= MAX_INTEGER as f64).then_some(number as i64)
        };
        let found = number.as_i64().or_else(|| number.as_f64().and_then(whole));
        let (least, most) = (range.start(), range.end());
        let what = || format!("expected an integer from {least} to {most}, found {number}");
        found.filter(|found| range.contains(found)).or_else(|| self.wrong(node.at, what()))
    }

    /// From `least` on.
    pub(crate) fn count(&mut self, node: &Node, least: i64, most: i64) -> Option<u64> {
        self.integer(node, least..=most).map(i64::unsigned_abs)
    }

    /// One of some words.
    pub(crate) fn word<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(node)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, meaning)| *meaning);
        found.or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.wrong(node.at, format!("unknown {what} {text:?}{}", suggest::hint(text, &known)))
        })
    }

    /// All that can be read of a list.
    pub(crate) fn each<'n, T>(
        &mut self,
        items: &'n [Node],
        mut read: impl FnMut(&mut Self, &'n Node) -> Option<T>,
    ) -> Option<Vec<T>> {
        let all: Vec<Option<T>> = items.iter().map(|item| read(self, item)).collect();
        all.into_iter().collect()
    }
}

/// What is not there is no problem; what is there and cannot be read, is.
pub(crate) fn optional<'n, T>(
    node: Option<&'n Node>,
    read: impl FnOnce(&'n Node) -> Option<T>,
) -> Option<Option<T>> {
    node.map_or(Some(None), |node| read(node).map(Some))
}
