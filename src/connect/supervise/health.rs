//! Is it alive? A question of our own, asked beside the calls.

use std::time::Duration;

use tokio::time::timeout;

use crate::connect::leaf::{Leaf, Probe, own_meta};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::protocol::{Era, method};

/// How the health of a leaf is checked.
///
/// A check is one request of the supervisor's own: `server/discover` to a modern server, `ping` to a legacy one,
/// and any answer to it, an error too, is life. It begins once the client's own first answer has told the era,
/// after `notifications/initialized` (some servers die of a question before), and does not count as a call: no
/// limit on calls refuses it and nothing that the server says is taken to be about it. It shares the pipe with the
/// calls, though, and waits for what is already being written.
///
/// A leaf that goes deaf is stopped after at most `failures × (interval + timeout)`.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::connect::supervise::HealthCheck;
///
/// let eager = HealthCheck::new().interval(Duration::from_secs(1)).timeout(Duration::from_millis(500)).failures(1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    pub(super) interval: Duration,
    pub(super) timeout: Duration,
    pub(super) failures: u32,
}

impl Default for HealthCheck {
    fn default() -> Self {
        Self { interval: Duration::from_secs(10), timeout: Duration::from_secs(5), failures: 2 }
    }
}

impl HealthCheck {
    /// Every 10 s, 5 s for the answer, unhealthy after 2 failures in a row.
    pub fn new() -> Self {
        Self::default()
    }

    /// From the end of one check to the next.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// How long an answer may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How many checks in a row must fail before the leaf is unhealthy; at least one.
    pub fn failures(mut self, failures: u32) -> Self {
        self.failures = failures.max(1);
        self
    }

    /// Asks once. `None` while nothing can be asked without harm.
    pub(super) fn question(number: u64, era: Option<Era>) -> Option<JsonRpcMessage> {
        let id = format!("shadowcat/health/{number}");
        let (name, params) = match era? {
            Era::Modern => (method::DISCOVER, format!("{{{}}}", own_meta())),
            Era::Legacy => (method::PING, String::new()),
        };
        let mut question = JsonRpcMessage::request(&*id, name, params).ok()?;
        question.extensions_mut().insert(Probe);
        Some(question.synthetic())
    }

    /// Whether the leaf answers.
    pub(super) async fn ask<L: Leaf>(self, mut leaf: L, question: JsonRpcMessage) -> Result<(), Error> {
        let name = question.method().unwrap_or_default().to_owned();
        // Bounded by the time: what comes before the answer is not kept.
        let answered = async {
            std::future::poll_fn(|cx| leaf.poll_ready(cx)).await?;
            let mut reply = leaf.call(question).await?;
            while let Some(message) = std::future::poll_fn(|cx| reply.poll_message(cx)).await {
                message?;
            }
            Ok(())
        };
        match timeout(self.timeout, answered).await {
            Ok(answered) => answered,
            Err(_) => Err(Error::timeout(format_args!("no answer to {name} within {:?}", self.timeout))),
        }
    }
}
