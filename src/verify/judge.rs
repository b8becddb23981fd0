//! Whether what came is what was recorded.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use super::active::MAX_ITEMS;
use super::align::{Pair, align};
use super::carry::Carried;
use super::cause::{self, Cause};
use super::{Finding, Verdict};
use crate::message::{JsonRpcMessage, Kind, Pointer};
use crate::protocol::peek;
use crate::tape::mask::{self, Masks};
use crate::tape::{Comparison, Difference};

/// Bytes of a message that a finding tells. Of what a [`Difference`] cuts it tells more, since it says how long it was.
const MAX_TOLD: usize = 200;
/// Two questions that differ by no more than this are the same.
const OF_CHANCE: [&str; 2] = ["time", "random"];
/// Differences of a message that are looked at: where most are tolerated, more than a comparison tells.
pub(super) const MAX_DIFFERENCES: usize = 1_000;
/// What a schema speaks of.
#[cfg(feature = "schema")]
const OF_SCHEMA: [&str; 2] = ["/result/structuredContent", "/result/content"];

pub(super) struct Judge {
    pub(super) comparison: Comparison,
    /// How the tape was masked.
    pub(super) masks: Masks,
    /// What the server gave out in place of what it had given out.
    pub(super) carried: Carried,
    pub(super) causes: Vec<Cause>,
    pub(super) tolerated: Vec<String>,
    /// Methods of notifications and questions that are not compared.
    pub(super) ignored: Vec<String>,
    #[cfg(feature = "schema")]
    pub(super) schemas: super::schemas::Schemas,
}

impl Default for Judge {
    fn default() -> Self {
        Self {
            comparison: Comparison::default(),
            masks: Masks::of(None),
            carried: Carried::default(),
            causes: Cause::builtin(),
            tolerated: Vec::new(),
            ignored: Vec::new(),
            #[cfg(feature = "schema")]
            schemas: super::schemas::Schemas::default(),
        }
    }
}

impl Judge {
    /// Whether messages of this method are compared.
    pub(super) fn counts(&self, message: &JsonRpcMessage) -> bool {
        let method = message.method().unwrap_or_default();
        !self.ignored.iter().any(|ignored| *ignored == method)
    }

    /// How the answer differs. Ids are the same already. What is checked by a schema is not compared.
    #[cfg(feature = "schema")]
    pub(super) fn answer(
        &mut self,
        request: &JsonRpcMessage,
        expected: &JsonRpcMessage,
        actual: &JsonRpcMessage,
    ) -> Vec<Finding> {
        if request.is_method(crate::protocol::method::TOOLS_LIST) {
            self.schemas.learn(actual);
        }
        match self.schemas.check(request, actual) {
            None => self.messages("answer", expected, actual),
            Some(mut violations) => {
                let without = |comparison: Comparison, path| comparison.ignore(path).expect("a JSON Pointer");
                let rest = OF_SCHEMA.into_iter().fold(self.comparison.clone(), without);
                let mut findings = self.compared("answer", &rest, expected, actual);
                findings.append(&mut violations);
                findings
            }
        }
    }

    /// How the answer differs. Ids are the same already.
    #[cfg(not(feature = "schema"))]
    pub(super) fn answer(
        &mut self,
        _: &JsonRpcMessage,
        expected: &JsonRpcMessage,
        actual: &JsonRpcMessage,
    ) -> Vec<Finding> {
        self.messages("answer", expected, actual)
    }

    /// How notifications and questions differ, in order; `more` came that were not kept. What was recorded beyond that
    /// is counted only, too.
    pub(super) fn items(
        &self,
        expected: &[JsonRpcMessage],
        actual: &[JsonRpcMessage],
        more: u64,
    ) -> Vec<Finding> {
        let (expected, rest) = expected.split_at(expected.len().min(MAX_ITEMS));
        let key = |message: &JsonRpcMessage| self.comparison.key(neutral(message).bytes());
        let ours: Vec<_> = expected.iter().map(key).collect();
        let taped = |message| self.masks.taped(message).map(|taped| key(&taped));
        let theirs: Vec<_> = actual
            .iter()
            .map(|message| taped(message).filter(|key| ours.contains(key)).unwrap_or_else(|| key(message)))
            .collect();
        let is_alike = |a: usize, b: usize| expected[a].method() == actual[b].method();
        let mut findings = Vec::new();
        for pair in align(&ours, &theirs, is_alike) {
            match pair {
                Pair::Same => {}
                Pair::Missing(a) => findings.push(self.lone(&expected[a], a, Verdict::Missing)),
                Pair::Extra(b) => findings.push(self.lone(&actual[b], b, Verdict::Extra)),
                Pair::Instead(a, b) => {
                    let place = place(&expected[a], a);
                    findings.extend(self.messages(&place, &neutral(&expected[a]), &neutral(&actual[b])));
                }
            }
        }
        findings.extend(beyond(rest.len() as u64, more));
        findings
    }

    fn messages(&self, place: &str, expected: &JsonRpcMessage, actual: &JsonRpcMessage) -> Vec<Finding> {
        self.compared(place, &self.comparison, expected, actual)
    }

    fn compared(
        &self,
        place: &str,
        comparison: &Comparison,
        expected: &JsonRpcMessage,
        actual: &JsonRpcMessage,
    ) -> Vec<Finding> {
        let (differences, is_cut) = self.differences(comparison, expected, actual);
        if differences.is_empty() && !is_cut {
            return Vec::new();
        }
        let shown = [expected, actual].map(|message| self.shown(message));
        let finding = |difference| self.finding(place, [expected, actual], &shown, difference);
        let mut findings: Vec<_> = differences.into_iter().map(finding).collect();
        if is_cut {
            // Nobody knows whether what follows is tolerated.
            let why = "it differs in more places, and the rest was not compared";
            findings.push(outcome(place, Verdict::Differs, None, why));
        }
        findings
    }

    fn lone(&self, message: &JsonRpcMessage, at: usize, verdict: Verdict) -> Finding {
        let shown = self.shown(message);
        let shown = shown.as_ref().map_or("…".as_bytes(), |shown| shown.params().unwrap_or_default());
        let told = cut(String::from_utf8_lossy(shown).into_owned());
        let (expected, actual) = match verdict {
            Verdict::Missing => (Some(told), None),
            _ => (None, Some(told)),
        };
        let place = place(message, at);
        Finding { place, verdict, path: String::new(), expected, actual, causes: Vec::new() }
    }

    /// Causes see what was said; the report tells what may be shown of it.
    fn finding(
        &self,
        place: &str,
        [expected, actual]: [&JsonRpcMessage; 2],
        shown: &[Option<JsonRpcMessage>; 2],
        difference: Difference,
    ) -> Finding {
        let causes = self.causes_of([expected, actual], &difference);
        let tolerated = !causes.is_empty() && causes.iter().all(|name| self.is_tolerated(name));
        let [ours, theirs] = shown.each_ref().map(|shown| shown.as_ref().map(|shown| &**shown.bytes()));
        let difference = match self.masks.is_open() {
            true => difference,
            false => mask::tell(difference, ours, theirs),
        };
        Finding {
            place: place.to_owned(),
            verdict: if tolerated { Verdict::Tolerated } else { Verdict::Differs },
            path: difference.path,
            expected: difference.expected,
            actual: difference.actual,
            causes,
        }
    }

    /// Whether a question is the recorded one, but for what looks like time or chance, or is tolerated.
    pub(super) fn is_akin(&self, expected: &JsonRpcMessage, actual: &JsonRpcMessage) -> bool {
        let (found, is_cut) = self.differences(&self.comparison, expected, actual);
        let is_nothing = |cause: &Arc<str>| OF_CHANCE.contains(&&**cause) || self.is_tolerated(cause);
        !is_cut
            && found.iter().all(|difference| {
                let causes = self.causes_of([expected, actual], difference);
                !causes.is_empty() && causes.iter().all(is_nothing)
            })
    }

    fn causes_of(&self, [expected, actual]: [&JsonRpcMessage; 2], difference: &Difference) -> Vec<Arc<str>> {
        let ours = whole(difference.expected.as_deref(), expected.bytes(), &difference.path);
        let theirs = whole(difference.actual.as_deref(), actual.bytes(), &difference.path);
        cause::of(&self.causes, difference, ours.as_deref().zip(theirs.as_deref()))
    }

    fn is_tolerated(&self, cause: &str) -> bool {
        self.tolerated.iter().any(|known| *known == cause)
    }
}

/// Whole, where a difference tells it cut; a text is decoded.
fn whole(told: Option<&str>, json: &[u8], path: &str) -> Option<String> {
    let told = told?;
    let raw = if told.len() <= MAX_TOLD {
        told.as_bytes()
    } else {
        path.parse::<Pointer>().ok()?.find(json).ok()??
    };
    match peek::string(raw) {
        Ok(text) => Some(text.into_owned()),
        Err(_) => std::str::from_utf8(raw).ok().map(str::to_owned),
    }
}

/// Without what is different in any case: the id of a question.
pub(super) fn neutral(message: &JsonRpcMessage) -> JsonRpcMessage {
    match message.kind() {
        Kind::Request => message.clone().with_id(0),
        _ => message.clone(),
    }
}

/// What is the matter with a whole message, or with the end of a call.
pub(super) fn outcome(place: &str, verdict: Verdict, expected: Option<&str>, actual: &str) -> Finding {
    Finding {
        place: place.to_owned(),
        verdict,
        path: String::new(),
        expected: expected.map(str::to_owned),
        actual: Some(actual.to_owned()),
        causes: Vec::new(),
    }
}

/// What came beyond what is compared.
fn beyond(expected: u64, actual: u64) -> Option<Finding> {
    let verdict = match actual.cmp(&expected) {
        Ordering::Equal => return None,
        Ordering::Less => Verdict::Missing,
        Ordering::Greater => Verdict::Extra,
    };
    let (expected, actual) = (format!("{expected} more"), format!("{actual} more, which are not compared"));
    Some(outcome("what was said", verdict, Some(&expected), &actual))
}

/// Its beginning.
fn cut(text: String) -> String {
    match text.char_indices().find(|(at, _)| *at >= MAX_TOLD) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}

/// Counted from 1 among all that the call said.
fn place(message: &JsonRpcMessage, at: usize) -> String {
    format!("{} (number {})", message.method().unwrap_or("an error"), at + 1)
}

impl fmt::Debug for Judge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judge")
            .field("comparison", &self.comparison)
            .field("causes", &self.causes)
            .field("tolerated", &self.tolerated)
            .field("ignored", &self.ignored)
            .finish()
    }
}
