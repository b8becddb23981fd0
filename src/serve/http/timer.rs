//! The time that a head may take, by the clock of all requests.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use tokio::time;

use crate::clock::{Alarm, Clock};

/// Deadlines are put off to the next multiple of this, so that thousands of connections share a few.
const STEP: Duration = Duration::from_millis(STEP_MILLIS);
const STEP_MILLIS: u64 = 250;

/// A timer of the runtime for each head would cost more than the check of the head.
#[derive(Clone, Debug)]
pub(super) struct HeadTimer {
    clock: Arc<Clock>,
    begun: Instant,
}

struct Waiting(Alarm);

impl HeadTimer {
    pub(super) fn new(clock: Arc<Clock>) -> Self {
        Self { clock, begun: time::Instant::now().into_std() }
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let after = deadline.saturating_duration_since(self.begun);
        let steps = after.as_secs().saturating_mul(1000).saturating_add(after.subsec_millis().into())
            / STEP_MILLIS
            + 1;
        let deadline = u32::try_from(steps).map_or(deadline, |steps| self.begun + STEP * steps);
        Box::pin(Waiting(Alarm::new(&self.clock, deadline.into())))
    }

    fn now(&self) -> Instant {
        time::Instant::now().into_std()
    }
}

impl Sleep for Waiting {}

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.poll(cx)
    }
}
