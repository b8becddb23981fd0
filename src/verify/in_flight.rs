//! The calls under way: who has something to say, and how many of which there are.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};

use super::active::{Active, Event, Purpose};
use super::script::Awaited;
use crate::error::BoxError;
use crate::ready::{Ready, SlotWaker};
use crate::reply::Reply;

/// All calls that are not over. Nothing that it is asked takes a look at each: a tape may hold any number of calls that
/// never end.
pub(super) struct InFlight<F> {
    slots: Vec<Slot<F>>,
    free: Vec<usize>,
    ready: Arc<Ready>,
    woken: VecDeque<usize>,
    /// The slot of each, but for [`Purpose::OneWay`], of which there may be several.
    places: HashMap<Purpose, usize>,
    counts: Counts,
    /// Calls of the tape, by the step before which they were over.
    due: BTreeSet<(usize, usize)>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Calls of the tape.
    pub(super) calls: usize,
    /// Those that end by themselves, if only by their time.
    pub(super) ending: usize,
    /// Those whose answer was not recorded.
    pub(super) unrecorded: usize,
    pub(super) one_way: usize,
}

/// A place for a call, and its waker.
struct Slot<F> {
    active: Option<Active<F>>,
    awaited: Awaited,
    waker: Arc<SlotWaker>,
    task: Waker,
}

impl<F> Default for InFlight<F> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            ready: Arc::default(),
            woken: VecDeque::new(),
            places: HashMap::new(),
            counts: Counts::default(),
            due: BTreeSet::new(),
        }
    }
}

impl<F, E> InFlight<F>
where
    F: Future<Output = Result<Reply, E>>,
    E: Into<BoxError>,
{
    /// It is polled in its turn.
    pub(super) fn begin(&mut self, active: Active<F>, awaited: Awaited) {
        let purpose = active.purpose;
        let at = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::new(self.ready.waker(self.slots.len())));
            self.slots.len() - 1
        });
        let slot = &mut self.slots[at];
        (slot.active, slot.awaited) = (Some(active), awaited);
        slot.task.wake_by_ref();
        match purpose {
            Purpose::OneWay => self.counts.one_way += 1,
            _ => {
                self.places.insert(purpose, at);
            }
        }
        if let Purpose::Call(call) = purpose {
            self.counts.calls += 1;
            self.counts.ending += usize::from(awaited.ends);
            self.counts.unrecorded += usize::from(awaited.is_unrecorded);
            self.due.extend(awaited.due.map(|step| (step, call)));
        }
    }

    /// Takes out the call of a slot, which is over.
    pub(super) fn take(&mut self, at: usize) -> Option<Active<F>> {
        let slot = &mut self.slots[at];
        let (active, awaited) = (slot.active.take()?, slot.awaited);
        self.free.push(at);
        match active.purpose {
            Purpose::OneWay => self.counts.one_way -= 1,
            purpose => {
                self.places.remove(&purpose);
            }
        }
        if let Purpose::Call(call) = active.purpose {
            self.counts.calls -= 1;
            self.counts.ending -= usize::from(awaited.ends);
            self.counts.unrecorded -= usize::from(awaited.is_unrecorded);
            if let Some(step) = awaited.due {
                self.due.remove(&(step, call));
            }
        }
        Some(active)
    }

    /// The slot of the only one that is for this; of [`Purpose::OneWay`] there may be several, and none is found.
    pub(super) fn place(&self, purpose: Purpose) -> Option<usize> {
        self.places.get(&purpose).copied()
    }

    pub(super) fn get(&self, at: usize) -> Option<&Active<F>> {
        self.slots[at].active.as_ref()
    }

    pub(super) fn get_mut(&mut self, at: usize) -> Option<&mut Active<F>> {
        self.slots[at].active.as_mut()
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// The first of those that were over before this step.
    pub(super) fn overdue(&self, step: usize) -> Option<Purpose> {
        self.due.first().filter(|(over, _)| *over <= step).map(|(_, call)| Purpose::Call(*call))
    }

    /// Polls those that were woken, in turn, until one has something to say. What wakes itself is not waited for: it has
    /// its next turn when the executor and its clock have had theirs.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<(usize, Event)> {
        // What was left of the last round, and one more.
        for _ in 0..2 {
            while let Some(at) = self.woken.pop_front() {
                if let Poll::Ready(event) = self.slots[at].poll() {
                    return Poll::Ready((at, event));
                }
            }
            self.ready.take(&mut self.woken, cx.waker());
            if self.woken.is_empty() {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl<F> Slot<F> {
    fn new(waker: Arc<SlotWaker>) -> Self {
        Self { active: None, awaited: Awaited::default(), task: Waker::from(waker.clone()), waker }
    }
}

impl<F, E> Slot<F>
where
    F: Future<Output = Result<Reply, E>>,
    E: Into<BoxError>,
{
    fn poll(&mut self) -> Poll<Event> {
        self.waker.reset();
        // Or it is a late wake of a call that is over.
        let Some(active) = &mut self.active else { return Poll::Pending };
        let event = ready!(active.poll(&mut Context::from_waker(&self.task)));
        if matches!(event, Event::Item(_)) {
            // There may be more, behind what others have to say.
            self.task.wake_by_ref();
        }
        Poll::Ready(event)
    }
}
