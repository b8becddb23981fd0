//! Whether what came is what was recorded.

use std::fmt;

use super::align::{Pair, align};
use super::cause::{self, Cause};
use super::{Finding, Verdict};
use crate::message::{JsonRpcMessage, Kind, Pointer};
use crate::protocol::peek;
use crate::tape::{Comparison, Difference};

/// Bytes of a message that a finding tells.
const MAX_TOLD: usize = 200;

pub(super) struct Judge {
    pub(super) comparison: Comparison,
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
        let mut findings = self.messages("answer", expected, actual);
        if let Some(violations) = self.schemas.check(request, actual) {
            let of_schema = ["/result/structuredContent", "/result/content"];
            let is_of_schema = |path: &str| {
                of_schema.iter().any(|whole| {
                    path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                })
            };
            findings.retain(|finding| !is_of_schema(&finding.path));
            findings.extend(violations);
        }
        findings
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

    /// How notifications and questions differ, in order; `more` came that were not kept.
    pub(super) fn items(
        &self,
        expected: &[JsonRpcMessage],
        actual: &[JsonRpcMessage],
        more: u64,
    ) -> Vec<Finding> {
        let key = |message: &JsonRpcMessage| self.comparison.key(neutral(message).bytes());
        let (ours, theirs): (Vec<_>, Vec<_>) =
            (expected.iter().map(key).collect(), actual.iter().map(key).collect());
        let is_alike = |a: usize, b: usize| expected[a].method() == actual[b].method();
        let mut findings = Vec::new();
        for pair in align(&ours, &theirs, is_alike) {
            match pair {
                Pair::Same => {}
                Pair::Missing(a) => findings.push(lone(&expected[a], a, Verdict::Missing)),
                Pair::Extra(b) => findings.push(lone(&actual[b], b, Verdict::Extra)),
                Pair::Instead(a, b) => {
                    let place = place(&expected[a], a);
                    findings.extend(self.messages(&place, &neutral(&expected[a]), &neutral(&actual[b])));
                }
            }
        }
        if more > 0 {
            let actual = Some(format!("{more} more, which are not compared"));
            findings.push(Finding { actual, ..outcome("what was said", Verdict::Extra, None, "") });
        }
        findings
    }

    fn messages(&self, place: &str, expected: &JsonRpcMessage, actual: &JsonRpcMessage) -> Vec<Finding> {
        let (ours, theirs) = (expected.bytes(), actual.bytes());
        let differences = self.comparison.differences(ours, theirs);
        differences.into_iter().map(|difference| self.finding(place, ours, theirs, difference)).collect()
    }

    fn finding(&self, place: &str, ours: &[u8], theirs: &[u8], difference: Difference) -> Finding {
        let texts = text(ours, &difference.path).zip(text(theirs, &difference.path));
        let texts = texts.as_ref().map(|(ours, theirs)| (&**ours, &**theirs));
        let causes = cause::of(&self.causes, &difference, texts);
        let is_tolerated = |name: &std::sync::Arc<str>| self.tolerated.iter().any(|known| **known == **name);
        let tolerated = !causes.is_empty() && causes.iter().all(is_tolerated);
        Finding {
            place: place.to_owned(),
            verdict: if tolerated { Verdict::Tolerated } else { Verdict::Differs },
            path: difference.path,
            expected: difference.expected,
            actual: difference.actual,
            causes,
        }
    }
}

/// Whole, since a difference is told cut; a text is decoded.
fn text(json: &[u8], path: &str) -> Option<String> {
    let raw = path.parse::<Pointer>().ok()?.find(json).ok()??;
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

fn lone(message: &JsonRpcMessage, at: usize, verdict: Verdict) -> Finding {
    let told = String::from_utf8_lossy(message.params().unwrap_or_default()).into_owned();
    let cut = told.char_indices().map(|(at, _)| at).find(|at| *at >= MAX_TOLD);
    let told = cut.map_or(told.clone(), |cut| format!("{}…", &told[..cut]));
    let (expected, actual) = match verdict {
        Verdict::Missing => (Some(told), None),
        _ => (None, Some(told)),
    };
    let place = place(message, at);
    Finding { place, verdict, path: String::new(), expected, actual, causes: Vec::new() }
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
