//! One limit.

use std::time::Duration;

use super::Per;
use super::key::as_read;
use crate::clock::FAR;
use crate::message::JsonRpcMessage;
use crate::protocol::peek;
use crate::rules::Text;

/// A rate or a quota: what it counts, for whom, and how much is let through.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::layer::quota::{Limit, Per};
/// use shadowcat::rules::Text;
///
/// let writes = Limit::rate("writes", 60, Duration::from_secs(60))
///     .burst(5)
///     .per(Per::new().principal())
///     .tool(Text::glob("write_*"));
/// ```
#[derive(Clone, Debug)]
pub struct Limit {
    pub(super) id: String,
    pub(super) per: Per,
    pub(super) amount: Amount,
    pub(super) max_keys: usize,
    method: Option<Text>,
    tool: Option<Text>,
    /// The same of folds; `None` also where a regular expression grows too large by that.
    folded: Option<Text>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Amount {
    /// One in each `interval`, and after a pause `burst` at once.
    Rate {
        interval: Duration,
        burst: u32,
    },
    Quota {
        most: u64,
        window: Duration,
    },
}

impl Limit {
    /// Lets `count` pass in each `time`, evenly, and as many at once after a pause. A count of 0 lets nothing pass.
    pub fn rate(id: &str, count: u32, time: Duration) -> Self {
        // No burst changes that nothing is nothing.
        let Some(interval) = time.checked_div(count) else { return Self::quota(id, 0, time) };
        let interval = interval.clamp(Duration::from_nanos(1), FAR);
        Self::new(id, Amount::Rate { interval, burst: count })
    }

    /// Lets `most` pass in all, in a window of time that begins with a key's first request; then the next may begin.
    pub fn quota(id: &str, most: u64, window: Duration) -> Self {
        Self::new(id, Amount::Quota { most, window: window.min(FAR) })
    }

    fn new(id: &str, amount: Amount) -> Self {
        Self {
            id: id.to_owned(),
            per: Per::new(),
            amount,
            max_keys: 10_000,
            method: None,
            tool: None,
            folded: None,
        }
    }

    /// How many pass at once after a pause, where that is not as many as in the whole time. A quota has none.
    pub fn burst(mut self, most: u32) -> Self {
        if let Amount::Rate { burst, .. } = &mut self.amount {
            *burst = most;
        }
        self
    }

    /// For whom is counted apart; all together, if it is not said.
    pub fn per(mut self, per: Per) -> Self {
        self.per = per;
        self
    }

    /// Counts requests of these methods only.
    pub fn method(mut self, method: Text) -> Self {
        self.method = Some(method);
        self
    }

    /// Counts calls of these tools only, also under names that a lax server may take for theirs.
    pub fn tool(mut self, tool: Text) -> Self {
        self.folded = tool.folded();
        self.tool = Some(tool);
        self
    }

    /// Keys that are counted apart at a time: 10,000 if it is not said, at some 50 bytes each. While there is no room,
    /// all others share one count.
    pub fn max_keys(mut self, keys: usize) -> Self {
        self.max_keys = keys;
        self
    }

    /// Whether it counts such a request.
    pub(super) fn counts(&self, request: &JsonRpcMessage) -> bool {
        let is_method = |text: &Text| request.method().is_some_and(|method| text.matches(method));
        let is_tool = |text: &Text| {
            let tool = peek::tool_name(request).ok().flatten();
            tool.is_some_and(|tool| {
                let read = as_read(&tool);
                let is_read = |text: &Text| text.matches(&tool) || text.matches(&read);
                is_read(text) || self.folded.as_ref().is_some_and(is_read)
            })
        };
        self.method.as_ref().is_none_or(is_method) && self.tool.as_ref().is_none_or(is_tool)
    }
}
