//! One interceptor in a chain: its name, its limits, its numbers.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::interceptor::Decide;
use super::{Action, Interceptor, Interest};
use crate::macros::counters;
use crate::message::{Direction, Kind};

/// An interceptor with a name, as it joins a [`Chain`](super::Chain).
///
/// ```
/// use std::time::Duration;
/// use shadowcat::layer::intercept::{Action, Chain, Interest, Link, on};
///
/// let chain = Chain::new();
/// let look = on(Interest::everything(), |_| Action::Continue);
/// chain.add_link(Link::new("look", look).budget(Duration::from_millis(50)).fail_open())?;
/// assert_eq!(chain.names(), ["look"]);
/// # Ok::<(), shadowcat::layer::intercept::NameTaken>(())
/// ```
#[derive(Clone)]
#[must_use = "a link does nothing outside a chain"]
pub struct Link {
    pub(super) name: Arc<str>,
    pub(super) interest: Interest,
    pub(super) interceptor: Arc<dyn Decide>,
    pub(super) budget: Duration,
    pub(super) opens: bool,
    pub(super) counts: Arc<Counts>,
}

impl Link {
    /// With the interceptor's own budget, and failing closed.
    pub fn new(name: &str, interceptor: impl Interceptor) -> Self {
        Self {
            name: name.into(),
            interest: interceptor.interest(),
            budget: interceptor.budget(),
            interceptor: Arc::new(interceptor),
            opens: false,
            counts: Arc::default(),
        }
    }

    /// How long it may take to decide about one message; beyond, it has failed. What it holds or delays is not
    /// counted in.
    pub fn budget(mut self, budget: Duration) -> Self {
        self.budget = budget;
        self
    }

    /// When it fails, panics or takes too long, the message goes on as it was.
    pub fn fail_open(mut self) -> Self {
        self.opens = true;
        self
    }

    /// When it fails, panics or takes too long, the message is blocked. The default.
    pub fn fail_closed(mut self) -> Self {
        self.opens = false;
        self
    }
}

impl Link {
    /// Whether it is shown such a message. One that cannot even say that is asked about the message.
    pub(super) fn takes(&self, direction: Direction, kind: Kind, method: Option<&str>) -> bool {
        let wants = || self.interceptor.is_wanting(direction, kind, method);
        self.interest.takes(direction, kind, method) && catch_unwind(AssertUnwindSafe(wants)).unwrap_or(true)
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("name", &self.name)
            .field("interest", &self.interest)
            .field("budget", &self.budget)
            .field("fails", &if self.opens { "open" } else { "closed" })
            .finish_non_exhaustive()
    }
}

/// What an interceptor did since it joined its chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Messages that it was shown.
    pub seen: u64,
    /// Messages that it changed.
    pub modified: u64,
    /// Messages that it blocked.
    pub blocked: u64,
    /// Messages that it answered.
    pub answered: u64,
    /// Messages that it delayed or collected.
    pub delayed: u64,
    /// Messages that it dropped or lost.
    pub dropped: u64,
    /// Messages that it held.
    pub held: u64,
    /// Errors of its own, and decisions that made no sense.
    pub failed: u64,
    /// Panics.
    pub panicked: u64,
    /// Decisions that did not come in time.
    pub late: u64,
}

counters!(seen modified blocked answered delayed dropped held failed panicked late);

impl Counts {
    pub(super) fn count(&self, action: &Action) {
        let which = match action {
            Action::Continue => return,
            Action::Modify(_) => &self.modified,
            Action::Block(_) => &self.blocked,
            Action::Respond(_) => &self.answered,
            Action::Delay(_) | Action::Collect(_) => &self.delayed,
            Action::Drop | Action::Lose => &self.dropped,
            Action::Hold(_) => &self.held,
        };
        add(which);
    }
}

pub(super) fn add(count: &AtomicU64) {
    count.fetch_add(1, Ordering::Relaxed);
}
