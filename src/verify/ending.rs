//! How a call failed, and how its end differs from the recorded one.

use super::active::Live;
use super::judge::outcome;
use super::script::End;
use super::{Finding, Verdict};
use crate::error::{BoxError, Error};
use crate::tape::failure;

/// It ended well, with nothing in it.
const UNANSWERED: &str = "unanswered";
/// Its time was up.
const TIMEOUT: &str = "timeout";

/// Why a call has no answer.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// `None` where nobody told.
    kind: Option<&'static str>,
    why: String,
}

impl Failure {
    /// As the end of a recorded call tells it.
    pub(super) fn recorded(told: &[u8]) -> Self {
        Self { kind: failure::kind(told), why: failure::read(told).to_string() }
    }

    /// Of a call now; `why` is what may be shown of the error. What is no error of ours is of no kind.
    pub(super) fn of(error: &BoxError, why: String) -> Self {
        Self { kind: error.downcast_ref::<Error>().map(Error::word), why }
    }

    pub(super) fn unanswered() -> Self {
        Self { kind: Some(UNANSWERED), why: "it ended without an answer".to_owned() }
    }

    pub(super) fn timeout(why: String) -> Self {
        Self { kind: Some(TIMEOUT), why }
    }

    /// In the words of whoever failed.
    pub(super) fn why(&self) -> &str {
        &self.why
    }

    /// Words for the same failure may be others; what is of no kind may be any.
    fn is_like(&self, other: &Self) -> bool {
        self.kind.zip(other.kind).is_none_or(|(one, other)| one == other)
    }

    /// Its kind, too, where what it is compared with is of another.
    fn told(&self, shown: impl Fn(&str) -> String) -> String {
        let why = shown(&self.why);
        match self.kind {
            Some(UNANSWERED) | None => why,
            Some(kind) => format!("failed ({kind}): {why}"),
        }
    }
}

/// How the ends differ; two answers are compared elsewhere. `is_cut` says that a tape need not hold each end, and `shown`
/// what may be told of the tape's errors.
pub(super) fn ending(
    end: &End,
    live: &Live,
    is_cut: bool,
    shown: impl Fn(&str) -> String,
) -> Option<Finding> {
    let found =
        |verdict, expected: &str, actual: &str| Some(outcome("answer", verdict, Some(expected), actual));
    let left = "the client left it before";
    match (end, live) {
        (End::Answered(_), Live::Answered(_)) => None,
        (End::Failed(then), Live::Failed(now)) => failed(then, now, shown),
        (End::Failed(then), Live::Ended) => failed(then, &Failure::unanswered(), shown),
        (End::Left(_) | End::Open, Live::Left | Live::Ended) => None,
        (End::Open, Live::Answered(_)) => {
            let verdict = if is_cut { Verdict::Tolerated } else { Verdict::Extra };
            found(verdict, "no answer was recorded", "an answer, compared with nothing")
        }
        (End::Answered(_), Live::Failed(now)) => found(Verdict::Failed, "an answer", now.why()),
        (End::Answered(_), Live::Ended) => found(Verdict::Missing, "an answer", "it ended without one"),
        (End::Answered(_), Live::Left) => {
            found(Verdict::Missing, "an answer", "there was none up to the end")
        }
        (End::Failed(then), Live::Answered(_)) => found(Verdict::Extra, &shown(then.why()), "an answer"),
        (End::Failed(then), Live::Left) => {
            found(Verdict::Differs, &shown(then.why()), "there was none up to the end")
        }
        (End::Left(_), Live::Answered(_)) => found(Verdict::Extra, left, "an answer"),
        (End::Left(_) | End::Open, Live::Failed(now)) => found(Verdict::Failed, left, now.why()),
    }
}

/// How two failures differ: by what they are, not by what they are called. What is told of the one now may be shown.
fn failed(then: &Failure, now: &Failure, shown: impl Fn(&str) -> String) -> Option<Finding> {
    let differs = || outcome("answer", Verdict::Differs, Some(&then.told(shown)), &now.told(str::to_owned));
    (!then.is_like(now)).then(differs)
}
