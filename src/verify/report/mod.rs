//! What came out.

mod json;
mod show;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// What came out of playing a tape: for each call whether it was answered as recorded, and the sums.
///
/// It is shown for people by `Display`, and for programs by [`to_json`](Self::to_json). What a server said stands in it,
/// cut, with secrets masked as far as they are found. Without the feature `secret`, which finds them, values of a
/// [masked](crate::tape::Tape::redaction) tape are not told at all, and those of others as they are.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The calls of the tape, in order.
    pub calls: Vec<Call>,
    /// How what the server said unasked differs, and notifications and answers of the client that could not be sent.
    pub unasked: Vec<Finding>,
    /// The sums.
    pub totals: Totals,
    /// What else is worth knowing: components that were loaded, a tape that is not whole, messages that were sent masked.
    pub notes: Vec<String>,
}

/// One call of the tape.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Call {
    /// Counted from 1.
    pub number: usize,
    /// Its method.
    pub method: Arc<str>,
    /// The tool, prompt or resource.
    pub name: Option<Arc<str>>,
    /// In one word.
    pub verdict: Verdict,
    /// How it differs. The report as a whole lists no more than it [may](super::Verify::max_findings).
    pub findings: Vec<Finding>,
    /// How long it took when it was recorded, if that is known.
    pub recorded: Option<Duration>,
    /// How long it took now.
    pub took: Duration,
}

/// How a call came out, the worst of all that was found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Verdict {
    /// As recorded.
    #[default]
    Equal,
    /// It differs by what is tolerated only.
    Tolerated,
    /// It differs.
    Differs,
    /// The server said more than was recorded, such as an answer that is not on the tape.
    Extra,
    /// The server said less than was recorded.
    Missing,
    /// There was no answer where one was recorded: the channel broke, or it took too long.
    Failed,
}

impl Verdict {
    /// As it is written in a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Tolerated => "tolerated",
            Self::Differs => "differs",
            Self::Extra => "extra",
            Self::Missing => "missing",
            Self::Failed => "failed",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// In what: the `answer`, or a notification or question by its method and number.
    pub place: String,
    /// What came of it.
    pub verdict: Verdict,
    /// Where in the message, as a JSON Pointer; empty for the whole.
    pub path: String,
    /// What was recorded, cut.
    pub expected: Option<String>,
    /// What came, cut.
    pub actual: Option<String>,
    /// The likely [causes](super::Cause), by name. None: it is not explained.
    pub causes: Vec<Arc<str>>,
}

/// The sums of a [`Report`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Calls that were played.
    pub calls: u64,
    /// As recorded.
    pub equal: u64,
    /// Different by what is tolerated only.
    pub tolerated: u64,
    /// Different.
    pub differ: u64,
    /// With more than was recorded.
    pub extra: u64,
    /// With less than was recorded.
    pub missing: u64,
    /// Without the answer that was recorded.
    pub failed: u64,
    /// The worst of what was found in no call: in what the server said unasked, and what could not be sent.
    pub unasked: Verdict,
    /// Messages of the tape that were not played: made or answered by a layer, or unreadable.
    pub left_out: u64,
    /// Entries of the tape are missing, or its end, and [`Verify::incomplete`](super::Verify::incomplete) does not
    /// allow that.
    pub incomplete: bool,
    /// Differences, listed or not.
    pub findings: u64,
    /// Differences that the report has no room for.
    pub unlisted: u64,
    /// Differences by cause.
    pub causes: BTreeMap<Arc<str>, u64>,
}

impl Report {
    /// The server says now what it said then, but for what is tolerated. Whether a difference is listed makes none; a
    /// report of no calls says nothing, nor does one of a tape that lacks something.
    pub fn is_deterministic(&self) -> bool {
        let Totals { calls, equal, tolerated, unasked, incomplete, .. } = self.totals;
        calls > 0 && calls == equal + tolerated && unasked <= Verdict::Tolerated && !incomplete
    }

    /// As one JSON object, indented.
    pub fn to_json(&self) -> String {
        format!("{:#}", json::report(self))
    }

    /// Puts a call in, with at most so many findings in the whole report.
    pub(super) fn add(&mut self, mut call: Call, max: usize) {
        call.verdict = worst(&call.findings);
        self.count(&mut call.findings, max);
        let totals = &mut self.totals;
        totals.calls += 1;
        *match call.verdict {
            Verdict::Equal => &mut totals.equal,
            Verdict::Tolerated => &mut totals.tolerated,
            Verdict::Differs => &mut totals.differ,
            Verdict::Extra => &mut totals.extra,
            Verdict::Missing => &mut totals.missing,
            Verdict::Failed => &mut totals.failed,
        } += 1;
        self.calls.push(call);
    }

    /// The same for what was said unasked.
    pub(super) fn add_unasked(&mut self, mut findings: Vec<Finding>, max: usize) {
        self.totals.unasked = worst(&findings);
        self.count(&mut findings, max);
        self.unasked = findings;
    }

    fn count(&mut self, findings: &mut Vec<Finding>, max: usize) {
        let listed = (self.totals.findings - self.totals.unlisted) as usize;
        for finding in &*findings {
            self.totals.findings += 1;
            for cause in &finding.causes {
                *self.totals.causes.entry(cause.clone()).or_default() += 1;
            }
        }
        // The worst is listed if only one is.
        findings.sort_by_key(|finding| std::cmp::Reverse(finding.verdict));
        let room = max.saturating_sub(listed);
        self.totals.unlisted += findings.len().saturating_sub(room) as u64;
        findings.truncate(room);
    }
}

fn worst(findings: &[Finding]) -> Verdict {
    findings.iter().map(|finding| finding.verdict).max().unwrap_or(Verdict::Equal)
}
