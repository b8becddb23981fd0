//! Which of many calls want to be polled, so that nobody asks all of them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The slots that were woken, oldest first, and the task to wake when one is.
#[derive(Debug, Default)]
pub(crate) struct Ready(Mutex<Queue>);

#[derive(Debug, Default)]
struct Queue {
    slots: VecDeque<usize>,
    task: Option<Waker>,
}

/// The waker of one slot. It is made once and serves every call that the slot ever holds: a late wake of an
/// earlier call costs one poll.
#[derive(Debug)]
pub(crate) struct SlotWaker {
    slot: usize,
    queued: AtomicBool,
    ready: Arc<Ready>,
}

impl Ready {
    pub(crate) fn waker(self: &Arc<Self>, slot: usize) -> Arc<SlotWaker> {
        Arc::new(SlotWaker { slot, queued: AtomicBool::new(false), ready: self.clone() })
    }

    /// Moves the slots to poll into the empty `slots`; none arms the task's waker.
    pub(crate) fn take(&self, slots: &mut VecDeque<usize>, task: &Waker) {
        let mut queue = self.lock();
        std::mem::swap(&mut queue.slots, slots);
        if slots.is_empty() && !queue.task.as_ref().is_some_and(|armed| armed.will_wake(task)) {
            queue.task = Some(task.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SlotWaker {
    /// It was woken and has not been polled since.
    pub(crate) fn is_woken(&self) -> bool {
        self.queued.load(Ordering::Acquire)
    }

    /// The slot is about to be polled: later wakes count again.
    pub(crate) fn reset(&self) {
        self.queued.store(false, Ordering::Release);
    }
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        let mut queue = self.ready.lock();
        let was_empty = queue.slots.is_empty();
        queue.slots.push_back(self.slot);
        let task = if was_empty { queue.task.take() } else { None };
        drop(queue);
        if let Some(task) = task {
            task.wake();
        }
    }
}
