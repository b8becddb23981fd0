//! One timer for all calls of a service.
//!
//! A timer of the runtime for each call would cost a system call whenever the first one is set, and calls end
//! long before their time. Here one task sleeps to the earliest deadline that was known when it last looked;
//! a call is an entry in a table. Deadlines are exact.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

#[derive(Debug, Default)]
pub(super) struct Clock {
    table: Mutex<Table>,
    earlier: Notify,
}

#[derive(Debug, Default)]
struct Table {
    entries: Vec<Entry>,
    free: Vec<usize>,
    /// Where the task sleeps to; `None` while there is none.
    armed: Option<Instant>,
}

#[derive(Debug)]
struct Entry {
    /// `None` once it has passed.
    deadline: Option<Instant>,
    waker: Option<Waker>,
}

/// A deadline of one call.
#[derive(Debug)]
pub(super) struct Alarm {
    clock: Arc<Clock>,
    deadline: Instant,
    /// Its entry, once it was polled.
    entry: Option<usize>,
}

impl Alarm {
    pub(super) fn new(clock: &Arc<Clock>, deadline: Instant) -> Self {
        Self { clock: clock.clone(), deadline, entry: None }
    }

    /// Moves the deadline, even after it has passed.
    pub(super) fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.remove();
    }

    /// Ready when the deadline has passed. Must be called inside a tokio runtime with time enabled.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut table = self.clock.lock();
        match self.entry {
            Some(at) => {
                let entry = &mut table.entries[at];
                if entry.deadline.is_none() {
                    return Poll::Ready(());
                }
                if !entry.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                    entry.waker = Some(cx.waker().clone());
                }
            }
            None => self.entry = Some(table.insert(self.deadline, cx.waker().clone())),
        }
        let armed = table.armed;
        if armed.is_none_or(|armed| self.deadline < armed) {
            table.armed = Some(self.deadline);
            drop(table);
            match armed {
                Some(_) => self.clock.earlier.notify_one(),
                None => drop(tokio::spawn(Task { clock: self.clock.clone(), done: false }.run())),
            }
        }
        Poll::Pending
    }

    fn remove(&mut self) {
        if let Some(at) = self.entry.take() {
            self.clock.lock().remove(at);
        }
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Clock {
    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn insert(&mut self, deadline: Instant, waker: Waker) -> usize {
        let entry = Entry { deadline: Some(deadline), waker: Some(waker) };
        match self.free.pop() {
            Some(at) => {
                self.entries[at] = entry;
                at
            }
            None => {
                self.entries.push(entry);
                self.entries.len() - 1
            }
        }
    }

    fn remove(&mut self, at: usize) {
        self.entries[at] = Entry { deadline: None, waker: None };
        self.free.push(at);
    }

    /// Takes the wakers of what has passed, and finds the next deadline.
    fn expire(&mut self, now: Instant) -> Vec<Waker> {
        let mut woken = Vec::new();
        self.armed = None;
        for entry in &mut self.entries {
            match entry.deadline {
                Some(deadline) if deadline <= now => {
                    entry.deadline = None;
                    woken.extend(entry.waker.take());
                }
                Some(deadline) => self.armed = Some(self.armed.map_or(deadline, |armed| armed.min(deadline))),
                None => {}
            }
        }
        woken
    }
}

/// Sleeps while there are deadlines.
struct Task {
    clock: Arc<Clock>,
    /// There were none: from then on, another task may be the one.
    done: bool,
}

impl Task {
    async fn run(mut self) {
        loop {
            let next = self.clock.lock().armed;
            let Some(next) = next else {
                self.done = true;
                return;
            };
            tokio::select! {
                biased;
                () = self.clock.earlier.notified() => {}
                () = sleep_until(next) => {
                    let woken = self.clock.lock().expire(Instant::now());
                    woken.into_iter().for_each(Waker::wake);
                }
            }
        }
    }
}

impl Drop for Task {
    /// A task that ends with its runtime makes room for one in another runtime: whoever is polled there next.
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let mut table = self.clock.lock();
        table.armed = None;
        let woken: Vec<_> = table.entries.iter().filter_map(|entry| entry.waker.clone()).collect();
        drop(table);
        woken.into_iter().for_each(Waker::wake);
    }
}
