//! Which recorded question it is that the server asks.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use super::judge::{Judge, neutral};
use super::script::{Said, Script};
use crate::message::{JsonRpcMessage, Kind};
use crate::tape::mask::is_masked;

/// How many questions are looked at for one that is asked, where something is masked, or differs.
const LOOKED_AT: usize = 256;
/// And how many bytes of them, where it differs: they are compared on a thread that has other things to do.
const LOOKED_AT_BYTES: usize = 8 << 20;

/// A question of the tape: of what was said unasked (0), or of which call (from 1), and which of all that it said.
type Place = (usize, usize);

/// The questions that were not asked yet. One is found without looking at all.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// By method and params.
    equal: HashMap<Vec<u8>, BTreeSet<Place>>,
    /// By method, those of which something is masked.
    masked: HashMap<String, BTreeSet<Place>>,
    /// By method.
    all: HashMap<String, BTreeSet<Place>>,
}

impl Questions {
    pub(super) fn of(script: &Script, judge: &Judge) -> Self {
        let mut questions = Self::default();
        let of_calls = (1..).zip(script.calls.iter().map(|call| &call.items));
        for (of, items) in std::iter::once((0, &script.unasked)).chain(of_calls) {
            for (at, said) in items.iter().enumerate() {
                if said.message.kind() == Kind::Request {
                    questions.add(&said.message, (of, at), judge);
                }
            }
        }
        questions
    }

    fn add(&mut self, message: &JsonRpcMessage, place: Place, judge: &Judge) {
        self.equal.entry(key(judge, message)).or_default().insert(place);
        self.all.entry(method(message)).or_default().insert(place);
        if is_masked(message.bytes()) {
            self.masked.entry(method(message)).or_default().insert(place);
        }
    }

    /// The first that was not asked yet: in the same call, or else unasked, or else in any. It is asked then. Where none is
    /// the same, it is one from which only chance tells it apart, as an id that the server makes up.
    pub(super) fn take<'s>(
        &mut self,
        script: &'s Script,
        judge: &Judge,
        call: Option<usize>,
        question: &JsonRpcMessage,
    ) -> Option<&'s Said> {
        let keys = [Some(key(judge, question)), judge.masks.taped(question).map(|taped| key(judge, &taped))];
        let first = |within: Range<Place>| {
            let equal =
                keys.iter().flatten().filter_map(|key| self.equal.get(key)?.range(within.clone()).next());
            let masked = self.masked.get(&method(question));
            let masked = masked.into_iter().flat_map(|places| places.range(within.clone())).take(LOOKED_AT);
            let alike = masked.copied().find(|place| {
                said(script, *place)
                    .is_some_and(|said| judge.is_same(&neutral(&said.message), &neutral(question)))
            });
            equal.copied().chain(alike).min()
        };
        let own = call.and_then(|call| first((call + 1, 0)..(call + 2, 0)));
        let place = own
            .or_else(|| first((0, 0)..(usize::MAX, 0)))
            .or_else(|| self.akin(script, judge, call, question))?;
        let said = said(script, place)?;
        self.remove(&said.message, place, judge);
        Some(said)
    }

    /// One from which only chance tells it apart: in the same call, or else in any.
    fn akin(
        &self,
        script: &Script,
        judge: &Judge,
        call: Option<usize>,
        question: &JsonRpcMessage,
    ) -> Option<Place> {
        let all = self.all.get(&method(question))?;
        let own = call.map(|call| (call + 1, 0)..(call + 2, 0));
        let others = all.range((0, 0)..).filter(|place| own.as_ref().is_none_or(|own| !own.contains(place)));
        let places = own.iter().flat_map(|own| all.range(own.clone())).chain(others).take(LOOKED_AT);
        let (asked, mut room) = (neutral(question), LOOKED_AT_BYTES);
        let mut akin = places.enumerate().filter(|(at, place)| {
            let Some(said) = said(script, **place) else { return false };
            // The first is looked at whatever its size.
            let left = room.checked_sub(said.message.bytes().len() + asked.bytes().len());
            if left.is_none() && *at > 0 {
                return false;
            }
            room = left.unwrap_or(0);
            judge.is_akin(&neutral(&said.message), &asked)
        });
        akin.next().map(|(_, place)| *place)
    }

    fn remove(&mut self, message: &JsonRpcMessage, place: Place, judge: &Judge) {
        if let Some(places) = self.equal.get_mut(&key(judge, message)) {
            places.remove(&place);
        }
        for of_method in [&mut self.masked, &mut self.all] {
            if let Some(places) = of_method.get_mut(&method(message)) {
                places.remove(&place);
            }
        }
    }
}

fn said(script: &Script, (of, at): Place) -> Option<&Said> {
    match of.checked_sub(1) {
        None => script.unasked.get(at),
        Some(call) => script.calls.get(call)?.items.get(at),
    }
}

/// The same of all that are the same.
fn key(judge: &Judge, question: &JsonRpcMessage) -> Vec<u8> {
    judge.comparison.key(neutral(question).bytes())
}

fn method(message: &JsonRpcMessage) -> String {
    message.method().unwrap_or_default().to_owned()
}
