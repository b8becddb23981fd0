//! Finding the few rules that a message could be for, without asking all.

use std::collections::HashMap;

use super::rule::Rule;
use crate::message::{Direction, Kind};

/// Positions of rules in rising order, by what is cheap to see of a message.
#[derive(Debug, Default)]
pub(super) struct Index {
    by_phase: [Phase; PHASES],
}

const PHASES: usize = 6;

/// The rules of one direction and kind.
#[derive(Debug, Default)]
struct Phase {
    /// Of any method.
    any: Vec<u32>,
    by_method: HashMap<Box<str>, Method>,
}

/// The rules of one method.
#[derive(Debug, Default)]
struct Method {
    /// Of any name.
    any: Vec<u32>,
    by_name: HashMap<Box<str>, Vec<u32>>,
}

impl Index {
    pub(super) fn new(rules: &[Rule]) -> Self {
        let mut index = Self::default();
        for (at, rule) in (0..).zip(rules) {
            index.add(at, rule);
        }
        index
    }

    fn add(&mut self, at: u32, rule: &Rule) {
        let (direction, kind) = rule.matcher().phase();
        let names = rule.matcher().names();
        for (number, phase) in self.by_phase.iter_mut().enumerate() {
            let (this_direction, this_kind) = PHASE[number];
            if direction.is_some_and(|only| only != this_direction)
                || kind.is_some_and(|only| only != this_kind)
            {
                continue;
            }
            let Some(methods) = rule.matcher().methods() else {
                phase.any.push(at);
                continue;
            };
            for method in methods {
                phase.by_method.entry(method.into()).or_default().add(at, names.as_deref());
            }
        }
    }

    /// Nothing, where no rule is for such messages.
    pub(super) fn find(&self, direction: Direction, kind: Kind, method: Option<&str>) -> Option<Found<'_>> {
        let phase = &self.by_phase[number(direction, kind)];
        let method = method.and_then(|method| phase.by_method.get(method));
        (method.is_some() || !phase.any.is_empty()).then_some(Found { any: &phase.any, method })
    }
}

/// The rules for messages of one direction, kind and method.
#[derive(Debug)]
pub(super) struct Found<'a> {
    any: &'a [u32],
    method: Option<&'a Method>,
}

impl<'a> Found<'a> {
    /// Whether the message's name narrows them down.
    pub(super) fn has_names(&self) -> bool {
        self.method.is_some_and(|method| !method.by_name.is_empty())
    }

    /// In rising order, from a position on.
    pub(super) fn candidates(self, name: Option<&str>, from: u32) -> impl Iterator<Item = u32> + use<'a> {
        let named = name.and_then(|name| self.method?.by_name.get(name));
        let lists =
            [self.any, self.method.map_or(&[], |method| &method.any), named.map_or(&[], Vec::as_slice)];
        merged(lists.map(|list| rest(list, from)))
    }
}

impl Method {
    fn add(&mut self, at: u32, names: Option<&[&str]>) {
        let Some(names) = names else { return push(&mut self.any, at) };
        for name in names {
            push(self.by_name.entry((*name).into()).or_default(), at);
        }
    }
}

/// A rule may name a thing twice.
fn push(list: &mut Vec<u32>, at: u32) {
    if list.last() != Some(&at) {
        list.push(at);
    }
}

fn rest(list: &[u32], from: u32) -> &[u32] {
    &list[list.partition_point(|at| *at < from)..]
}

/// No position stands in two of them.
pub(crate) fn merged<'a, const N: usize>(mut lists: [&'a [u32]; N]) -> impl Iterator<Item = u32> + 'a {
    std::iter::from_fn(move || {
        let least = lists.iter_mut().filter(|list| !list.is_empty()).min_by_key(|list| list[0])?;
        let (first, others) = least.split_first()?;
        *least = others;
        Some(*first)
    })
}

const PHASE: [(Direction, Kind); PHASES] = [
    (Direction::ToUpstream, Kind::Request),
    (Direction::ToUpstream, Kind::Notification),
    (Direction::ToUpstream, Kind::Response),
    (Direction::ToClient, Kind::Request),
    (Direction::ToClient, Kind::Notification),
    (Direction::ToClient, Kind::Response),
];

fn number(direction: Direction, kind: Kind) -> usize {
    let kind = match kind {
        Kind::Request => 0,
        Kind::Notification => 1,
        Kind::Response => 2,
    };
    match direction {
        Direction::ToUpstream => kind,
        Direction::ToClient => kind + 3,
    }
}
