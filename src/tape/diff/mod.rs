//! What differs between two tapes.

mod call;
mod side;

use std::collections::{HashMap, VecDeque};

use side::{Side, number};

use super::exchange::Exchange;
use super::{Comparison, Difference, Entry, Outcome, Source, TapeError};

pub use call::{CallChange, CallDiff, CallPart};

/// Where the protocol refers to itself, by numbers that are others in each session.
const REFERENCES: [&str; 4] =
    ["/id", "/params/_meta/progressToken", "/params/progressToken", "/params/requestId"];

/// Compares what is left of two tapes, call by call: which were removed, which were added, and what changed.
///
/// The first session of one whose client asks for anything is compared with the first of the other, and so on. In a
/// session, calls with the same method and params are compared in their order; what is left on both sides then, of the
/// same method and tool, changed its params. Compared are the answer, how the call ended, and what was said within it,
/// one message after the other. Ids, progress tokens and times never count; what else does not, the [`Comparison`] says.
/// The order of different calls does not count either, nor what belongs to no call.
///
/// Where tapes are torn, what they hold is compared all the same, and that is told at the end.
///
/// In memory are calls of which the other tape has none yet: at most 100,000 and 64 MiB of each tape. Beyond that, the
/// first is told as removed or added.
///
/// ```
/// use shadowcat::tape::{self, CallChange, Comparison, Entry, Sink, Tape, lines};
/// use shadowcat::{Direction, JsonRpcMessage};
///
/// # let folder = std::env::temp_dir().join(format!("shadowcat-diff-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// for (file, id, sum) in [("old.jsonl", 1, 3), ("new.jsonl", 7, 4)] {
///     let call = r#"{"name":"add","arguments":{"a":1,"b":2}}"#;
///     let answer = format!(r#"{{"structuredContent":{{"sum":{sum}}},"content":[]}}"#);
///     let mut tape = lines::Writer::create(folder.join(file), &Tape::new()?)?;
///     tape.append(&Entry::message(&JsonRpcMessage::request(id, "tools/call", call)?, Direction::ToUpstream))?;
///     tape.append(&Entry::message(&JsonRpcMessage::response(id, answer)?, Direction::ToClient))?;
///     tape.finish()?;
/// }
/// let (old, new) = (tape::open(folder.join("old.jsonl"))?, tape::open(folder.join("new.jsonl"))?);
/// let found: Vec<_> = tape::diff(old, new, Comparison::structural()).collect::<Result<_, _>>()?;
/// assert_eq!((found.len(), found[0].change), (1, CallChange::Changed));
/// assert_eq!(
///     found[0].to_string(),
///     "changed - tools/call tool=add\n  answer: /result/structuredContent/sum: 3 became 4"
/// );
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn diff(expected: impl Source + 'static, actual: impl Source + 'static, comparison: Comparison) -> Diff {
    let comparison = REFERENCES
        .iter()
        .fold(comparison, |comparison, place| comparison.ignore(place).expect("these are JSON Pointers"));
    let sides = [Side::new(Box::new(expected)), Side::new(Box::new(actual))];
    Diff { comparison, sides, ready: VecDeque::new(), is_over: false }
}

/// What [`diff`] finds, one call after the other.
#[derive(Debug)]
pub struct Diff {
    comparison: Comparison,
    sides: [Side; 2],
    ready: VecDeque<CallDiff>,
    is_over: bool,
}

const CHANGES: [CallChange; 2] = [CallChange::Removed, CallChange::Added];

impl Diff {
    /// Reads on in the tape that is behind.
    fn step(&mut self) -> Result<(), TapeError> {
        let [expected, actual] = &self.sides;
        let is_second = expected.is_over || (!actual.is_over && actual.calls < expected.calls);
        let at = usize::from(is_second);
        if self.sides[at].is_over {
            self.rest();
            self.is_over = true;
            return Ok(());
        }
        for call in self.sides[at].read()? {
            self.take(at, call);
        }
        Ok(())
    }

    fn take(&mut self, at: usize, call: Exchange) {
        let key = self.sides[at].key(&call, &self.comparison);
        let Some(other) = self.sides[1 - at].pop(&key) else {
            self.sides[at].push(key, call);
            while self.sides[at].is_full() {
                let first = self.sides[at].pop_first();
                self.ready.extend(first.map(|call| CallDiff::new(CHANGES[at], call, Vec::new())));
            }
            return;
        };
        self.sides[at].calls += 1;
        if at == 0 { self.compare(call, &other) } else { self.compare(other, &call) }
    }

    /// Calls of which the other tape has none.
    fn rest(&mut self) {
        let mut added: HashMap<_, VecDeque<Exchange>> = HashMap::new();
        let mut order = VecDeque::new();
        while let Some(call) = self.sides[1].pop_first() {
            let about = (number(&mut self.sides[1].sessions, &call.request.session), call.name());
            order.push_back(about.clone());
            added.entry(about).or_default().push_back(call);
        }
        while let Some(call) = self.sides[0].pop_first() {
            let about = (number(&mut self.sides[0].sessions, &call.request.session), call.name());
            match added.get_mut(&about).and_then(VecDeque::pop_front) {
                Some(other) => self.compare(call, &other),
                None => self.ready.push_back(CallDiff::new(CallChange::Removed, call, Vec::new())),
            }
        }
        for about in order {
            let call = added.get_mut(&about).and_then(VecDeque::pop_front);
            self.ready.extend(call.map(|call| CallDiff::new(CallChange::Added, call, Vec::new())));
        }
    }

    fn compare(&mut self, expected: Exchange, actual: &Exchange) {
        let bytes = |entry: &Entry| entry.bytes.clone();
        let answer = |call: &Exchange| call.answer.as_ref().map(|(entry, _)| bytes(entry));
        let mut parts = Vec::new();
        let mut add = |part, one: Option<bytes::Bytes>, other: Option<bytes::Bytes>| {
            let found = match (&one, &other) {
                (Some(one), Some(other)) => self.comparison.differences(one, other),
                (None, None) => Vec::new(),
                (one, other) => vec![Difference::whole(one.as_deref(), other.as_deref())],
            };
            parts.extend(found.into_iter().map(|difference| (part, difference)));
        };
        add(CallPart::Request, Some(bytes(&expected.request)), Some(bytes(&actual.request)));
        for at in 0..expected.items.len().max(actual.items.len()) {
            add(CallPart::Item(at), expected.items.get(at).map(bytes), actual.items.get(at).map(bytes));
        }
        add(CallPart::Answer, answer(&expected), answer(actual));
        parts.extend(outcome(&expected, actual).map(|difference| (CallPart::Outcome, difference)));
        if !parts.is_empty() {
            self.ready.push_back(CallDiff::new(CallChange::Changed, expected, parts));
        }
    }
}

/// How the ends differ, where both tapes tell of them.
fn outcome(expected: &Exchange, actual: &Exchange) -> Option<Difference> {
    let (one, other) = expected.outcome.zip(actual.outcome)?;
    let are_other_failures = expected.failure.zip(actual.failure).is_some_and(|(one, other)| one != other);
    let word = |outcome: Outcome, failure: Option<&str>| match failure.filter(|_| are_other_failures) {
        Some(failure) => format!("{outcome} ({failure})"),
        None => outcome.to_string(),
    };
    let words = [word(one, expected.failure), word(other, actual.failure)];
    let [one, other] = words.each_ref().map(String::as_bytes);
    (one != other).then(|| Difference::whole(Some(one), Some(other)))
}

impl Iterator for Diff {
    type Item = Result<CallDiff, TapeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.ready.pop_front() {
                return Some(Ok(found));
            }
            if self.is_over {
                return self.sides.iter_mut().find_map(|side| side.torn.take()).map(Err);
            }
            if let Err(error) = self.step() {
                self.is_over = true;
                return Some(Err(error));
            }
        }
    }
}
