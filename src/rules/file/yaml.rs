//! YAML as a located tree.

use std::fmt;

use serde_core::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use serde_saphyr::{Location as Place, MergeKeyPolicy, Spanned};

use super::node::{Key, MAX_DEPTH, MAX_VALUES, Node, Tree, Unreadable};
use crate::rules::Location;

/// Merge keys, keys that stand twice and more than one document are refused. Aliases are values again where they
/// stand; what they make of a file is bounded as if it were written out.
pub(crate) fn read(text: &str) -> Result<Node, Unreadable> {
    let options = serde_saphyr::options! {
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_non_finite_typeless_float: false, // with words of our own
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: MAX_VALUES,
            max_events: 2 * MAX_VALUES,
        },
        alias_limits: serde_saphyr::alias_limits! { max_total_replayed_events: MAX_REPLAYED },
    };
    let read: Result<Spanned<Tree>, _> = serde_saphyr::from_str_with_options(text, options);
    read.map(node).map_err(|error| {
        let at = error.location().filter(|at| *at != Place::UNKNOWN).map(location);
        let why = error.without_snippet().to_string();
        Unreadable::new(at, format!("no YAML: {}", first_line(&why)))
    })
}

/// Aliases may add so many events, a value or a bracket each.
const MAX_REPLAYED: usize = 100_000;

/// The place is told beside it.
fn first_line(why: &str) -> &str {
    let line = why.lines().next().unwrap_or_default();
    line.rsplit_once(" at line ").map_or(line, |(why, _)| why)
}

fn node(spanned: Spanned<Tree>) -> Node {
    Node { at: location(spanned.referenced), tree: spanned.value }
}

fn location(at: Place) -> Location {
    let number = |count: u64| u32::try_from(count).unwrap_or(u32::MAX);
    Location { line: number(at.line()), column: number(at.column()) }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Build)
    }
}

struct Build;

impl<'de> Visitor<'de> for Build {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value as JSON has it")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_none<E>(self) -> Result<Tree, E> {
        Ok(Tree::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Tree, D::Error> {
        Tree::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(Tree::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Tree, E> {
        let number = Number::from_f64(value);
        number.map(Tree::Number).ok_or_else(|| E::custom("a number that JSON does not have"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Tree, E> {
        Ok(Tree::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Tree, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(node(item));
        }
        Ok(Tree::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Tree, A::Error> {
        let mut map = Vec::new();
        while let Some((key, value)) = members.next_entry::<Spanned<String>, Spanned<Tree>>()? {
            map.push((Key { at: location(key.referenced), name: key.value }, node(value)));
        }
        Ok(Tree::Map(map))
    }
}
