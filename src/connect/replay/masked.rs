//! Recorded messages of which something is masked, found without looking at all of them.

use std::collections::HashMap;

use bytes::Bytes;

use super::{essence, mask};
use crate::message::{JsonRpcMessage, Pointer};
use crate::tape::{Comparison, places};

/// How many are looked at for one message, and in how many ways those of one tool may be masked.
const LOOKED_AT: usize = 256;

/// By method and subject; of which the subject is masked, or does not count, by the method alone.
#[derive(Debug)]
pub(super) struct Masked {
    comparison: Comparison,
    /// Whether messages of different subjects are never the same.
    by_subject: bool,
    shapes: HashMap<(String, Option<String>), Vec<Shape>>,
}

/// Messages that are masked at the same places.
#[derive(Debug)]
struct Shape {
    places: Vec<Pointer>,
    /// By what counts of them but for these places, in order.
    alike: HashMap<Vec<u8>, Vec<usize>>,
}

impl Shape {
    fn key(&self, comparison: &Comparison, essence: &[u8]) -> Vec<u8> {
        comparison.key(&places::masked(Bytes::copy_from_slice(essence), &self.places, ""))
    }
}

impl Masked {
    pub(super) fn new(comparison: &Comparison) -> Self {
        let counts = |name: &str| {
            let [one, other] = [1, 2].map(|value| format!(r#"{{"params":{{"{name}":{value}}}}}"#));
            !comparison.is_equal(one.as_bytes(), other.as_bytes())
        };
        let by_subject = counts("name") && counts("uri");
        Self { comparison: comparison.clone(), by_subject, shapes: HashMap::new() }
    }

    /// Adds a recorded message, if it is masked.
    pub(super) fn add(&mut self, message: &JsonRpcMessage, essence: &[u8], at: usize) {
        if !mask::is_masked(essence) {
            return;
        }
        let places = mask::places(essence);
        if places.is_empty() {
            return;
        }
        let subject = essence::subject(message)
            .filter(|subject| self.by_subject && !mask::is_masked(subject.as_bytes()));
        let shapes = self.shapes.entry((method(message), subject)).or_default();
        let known = shapes.iter().position(|shape| shape.places == places);
        let number = known.unwrap_or(shapes.len());
        if number == LOOKED_AT {
            return; // would never be looked at
        }
        if known.is_none() {
            shapes.push(Shape { places, alike: HashMap::new() });
        }
        let shape = &mut shapes[number];
        let key = shape.key(&self.comparison, essence);
        shape.alike.entry(key).or_default().push(at);
    }

    /// The first that `is_alike`: of those that are `left`, or else of the others. Only those are looked at that are
    /// equal where nothing is masked.
    pub(super) fn find(
        &self,
        message: &JsonRpcMessage,
        essence: &[u8],
        is_left: impl Fn(usize) -> bool,
        is_alike: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let equal = self.equal(message, essence);
        let first = |left: bool| {
            let of_kind = |those: &[usize]| -> Vec<usize> {
                those.iter().copied().filter(|at| is_left(*at) == left).take(LOOKED_AT).collect()
            };
            let mut some: Vec<_> = equal.iter().flat_map(|those| of_kind(those)).collect();
            some.sort_unstable();
            some.into_iter().take(LOOKED_AT).find(|at| is_alike(*at))
        };
        first(true).or_else(|| first(false))
    }

    /// In each, those that are masked alike, in their order.
    fn equal(&self, message: &JsonRpcMessage, essence: &[u8]) -> Vec<&[usize]> {
        if self.shapes.is_empty() {
            return Vec::new();
        }
        let of = |subject| self.shapes.get(&(method(message), subject));
        let named = essence::subject(message).and_then(|subject| of(Some(subject)));
        let shapes = named.into_iter().chain(of(None)).flatten();
        let equal = shapes.filter_map(|shape| shape.alike.get(&shape.key(&self.comparison, essence)));
        equal.map(Vec::as_slice).collect()
    }
}

fn method(message: &JsonRpcMessage) -> String {
    message.method().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(tool: &str, text: &str, at: usize) -> (JsonRpcMessage, Vec<u8>) {
        let params = format!(r#"{{"name":"{tool}","arguments":{{"text":"{text}","at":{at}}}}}"#);
        let message = JsonRpcMessage::request(1, "tools/call", params).unwrap();
        let essence = essence::of(&message, &[], false);
        (message, essence)
    }

    #[test]
    fn only_what_may_fit_is_looked_at() {
        const MANY: usize = 3 * LOOKED_AT;
        let mut masked = Masked::new(&Comparison::structural());
        for at in 0..MANY {
            let (message, essence) = call("each", "[REDACTED:x]", at);
            masked.add(&message, &essence, at);
            let (message, essence) = call("same", "[REDACTED:x]", 0);
            masked.add(&message, &essence, MANY + at);
        }
        let looked_at = |tool, at| {
            let looked_at = std::cell::RefCell::new(Vec::new());
            let (message, essence) = call(tool, "said", at);
            let is_alike = |at| {
                looked_at.borrow_mut().push(at);
                false
            };
            assert_eq!(masked.find(&message, &essence, |at| at % 2 == 1, is_alike), None);
            looked_at.into_inner()
        };
        assert_eq!(looked_at("each", MANY - 1), [MANY - 1]);
        assert!(looked_at("each", MANY).is_empty() && looked_at("other", 0).is_empty());
        let same = looked_at("same", 0);
        assert_eq!((same[0], same.len()), (MANY + 1, 2 * LOOKED_AT), "what is left comes first");
    }
}
