//! What a masked tape does not tell, and what a report may.

use super::judge::{Judge, MAX_DIFFERENCES};
use crate::message::JsonRpcMessage;
use crate::tape::mask;
use crate::tape::{Comparison, Difference};

impl Judge {
    /// Whether the server says what was recorded, what is masked aside.
    pub(super) fn is_same(&self, expected: &JsonRpcMessage, actual: &JsonRpcMessage) -> bool {
        let (found, is_cut) = self.differences(&self.comparison, expected, actual);
        found.is_empty() && !is_cut
    }

    /// What differs by more than what the tape does not tell, and whether there is more.
    pub(super) fn differences(
        &self,
        comparison: &Comparison,
        expected: &JsonRpcMessage,
        actual: &JsonRpcMessage,
    ) -> (Vec<Difference>, bool) {
        let found = |actual: &JsonRpcMessage| {
            let (ours, theirs) = (expected.bytes(), actual.bytes());
            let (mut found, is_cut) = comparison.differences_up_to(MAX_DIFFERENCES, ours, theirs);
            found.retain(|difference| !self.carried.explains(difference));
            (mask::without_explained(found, ours, theirs), is_cut)
        };
        let (mut differences, is_cut) = found(actual);
        if differences.is_empty() {
            return (differences, is_cut);
        }
        let Some(taped) = self.masks.taped(actual) else { return (differences, is_cut) };
        let (left, is_left_cut) = found(&taped);
        let is_near = |left: &Difference, of: &Difference| is_within(&left.path, &of.path);
        // Where only the masked ones differ, what was said is the same, unless it stands under a masked key.
        let is_clear = |left: &Difference| {
            differences.iter().any(|difference| is_near(left, difference))
                || mask::find(actual.bytes(), &left.path).is_some()
        };
        if !is_left_cut && left.iter().all(is_clear) {
            differences.retain(|difference| left.iter().any(|left| is_near(left, difference)));
        }
        (differences, is_cut)
    }

    /// As the report may show it; `None` if nobody can say what of it is secret.
    pub(super) fn shown(&self, message: &JsonRpcMessage) -> Option<JsonRpcMessage> {
        if self.masks.is_open() { Some(message.clone()) } else { self.masks.shown(message) }
    }
}

/// Whether one place is the other, or within it.
fn is_within(one: &str, other: &str) -> bool {
    let (outer, inner) = if one.len() < other.len() { (one, other) } else { (other, one) };
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
