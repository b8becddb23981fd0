//! Whether and when a leaf that ended is made again: pure, so that it can be tested by the clock alone.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::connect::leaf::Exit;
use crate::error::Error;

/// When a leaf that ended is made again.
///
/// One that could not be made, that was unhealthy or that ended by itself with anything but status 0 has failed.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::connect::supervise::Restart;
///
/// let few = Restart::OnFailure { max_restarts: 3, window: Duration::from_secs(60) };
/// assert_ne!(few, Restart::default());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "it is given, not matched on")]
pub enum Restart {
    /// However it ended, and for ever.
    Always,
    /// Where it failed, and at most so often within the window; then the supervisor gives up.
    OnFailure {
        /// Restarts within the window.
        max_restarts: u32,
        /// How far back restarts count; with zero, none does.
        window: Duration,
    },
    /// Not at all.
    Never,
}

impl Default for Restart {
    /// Where it failed, at most 5 times in a minute.
    fn default() -> Self {
        Self::OnFailure { max_restarts: 5, window: Duration::from_secs(60) }
    }
}

/// Nobody waits longer.
const DAY: Duration = Duration::from_secs(86_400);

/// How long to wait before a restart: doubled from one failure to the next, up to a bound.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::connect::supervise::Backoff;
///
/// let backoff = Backoff::new(Duration::from_millis(50), Duration::from_secs(5)).jitter(0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    jitter: f64,
}

impl Default for Backoff {
    /// From 100 ms to 30 s, each made up to a quarter shorter or longer by chance.
    fn default() -> Self {
        Self::new(Duration::from_millis(100), Duration::from_secs(30))
    }
}

impl Backoff {
    /// The first wait, and the longest, each a day at most; with a jitter of a quarter.
    pub fn new(first: Duration, most: Duration) -> Self {
        let first = first.min(DAY);
        Self { first, most: most.clamp(first, DAY), jitter: 0.25 }
    }

    /// By which part of itself a wait is made longer or shorter by chance, from 0 to 1, so that many supervisors
    /// do not restart in step.
    pub fn jitter(mut self, part: f64) -> Self {
        self.jitter = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
        self
    }

    /// The wait after so many failures in a row; `chance` is from 0 to 1.
    fn wait(&self, failures: u32, chance: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(30)).min(self.most);
        doubled.mul_f64(1.0 + self.jitter * (2.0 * chance - 1.0))
    }
}

/// After running for so long it has recovered: the next wait is the first again.
const STEADY: Duration = Duration::from_secs(10);

/// What happened so far.
#[derive(Debug)]
pub(super) struct History {
    restart: Restart,
    backoff: Backoff,
    /// When restarts were decided, as far back as the window.
    restarts: VecDeque<Instant>,
    /// In a row.
    failures: u32,
}

/// What is to be done about a leaf that ended.
#[derive(Debug)]
pub(super) enum Decision {
    RestartAfter(Duration),
    Stop,
    GiveUp(Error),
}

impl History {
    pub(super) fn new(restart: Restart, backoff: Backoff) -> Self {
        Self { restart, backoff, restarts: VecDeque::new(), failures: 0 }
    }

    /// It ended after running for `ran`.
    pub(super) fn decide(&mut self, exit: &Exit, ran: Duration, now: Instant) -> Decision {
        self.failures = if ran >= STEADY { 1 } else { self.failures.saturating_add(1) };
        match self.restart {
            Restart::Never if exit.is_success() => Decision::Stop,
            Restart::Never => Decision::GiveUp(exit.error().clone()),
            Restart::Always => self.again(now, Duration::ZERO),
            Restart::OnFailure { .. } if exit.is_success() => Decision::Stop,
            Restart::OnFailure { max_restarts, window } => {
                self.restarts.retain(|at| now.duration_since(*at) < window);
                if self.restarts.len() >= max_restarts as usize {
                    return Decision::GiveUp(exit.error().within(format_args!(
                        "gave up after {max_restarts} restarts within {window:?}; the last failure"
                    )));
                }
                self.again(now, window)
            }
        }
    }

    fn again(&mut self, now: Instant, window: Duration) -> Decision {
        if !window.is_zero() {
            self.restarts.push_back(now);
        }
        Decision::RestartAfter(self.backoff.wait(self.failures, fastrand::f64()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn failed() -> Exit {
        Exit::new(None, Error::closed("it fell"))
    }

    #[tokio::test(start_paused = true)]
    async fn restarts_are_counted_within_the_window_only() {
        let window = Duration::from_secs(60);
        let mut history =
            History::new(Restart::OnFailure { max_restarts: 2, window }, Backoff::default().jitter(0.0));
        let start = Instant::now();
        let mut decide =
            |seconds| history.decide(&failed(), Duration::ZERO, start + Duration::from_secs(seconds));
        assert!(matches!(decide(0), Decision::RestartAfter(_)));
        assert!(matches!(decide(30), Decision::RestartAfter(_)));
        let Decision::GiveUp(why) = decide(59) else { panic!("the third within a minute is too much") };
        assert_eq!(why.to_string(), "gave up after 2 restarts within 60s; the last failure: it fell");
        assert!(matches!(decide(61), Decision::RestartAfter(_)), "the first counts no more");
    }

    #[tokio::test(start_paused = true)]
    async fn a_steady_run_makes_the_next_wait_short_again() {
        let backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(5)).jitter(0.0);
        let mut history = History::new(Restart::Always, backoff);
        let mut wait = |ran| match history.decide(&failed(), ran, Instant::now()) {
            Decision::RestartAfter(wait) => wait.as_secs(),
            other => panic!("{other:?}"),
        };
        let waits = [wait(Duration::ZERO), wait(Duration::ZERO), wait(Duration::ZERO), wait(Duration::ZERO)];
        assert_eq!(waits, [1, 2, 4, 5]);
        assert_eq!(wait(STEADY), 1);
    }

    proptest! {
        #[test]
        fn a_wait_is_within_its_bounds(failures in 0..100_u32, chance in 0.0..1.0_f64, jitter in -1.0..2.0_f64) {
            let (first, most) = (Duration::from_millis(100), Duration::from_secs(30));
            let backoff = Backoff::new(first, most).jitter(jitter);
            let wait = backoff.wait(failures, chance);
            prop_assert!(wait <= most.mul_f64(1.0 + backoff.jitter));
            prop_assert!(wait >= first.mul_f64(1.0 - backoff.jitter));
        }
    }
}
