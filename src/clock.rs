//! One timer for all calls of a service, a leaf or a front end.
//!
//! A timer of the runtime for each call would cost a system call whenever the first one is set, and calls end
//! long before their time. Here one task sleeps to the earliest deadline that was known when it last looked;
//! a call is an entry in a table. Deadlines are exact.

#[cfg(feature = "http")]
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[cfg(feature = "http")]
use pin_project_lite::pin_project;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Thirty years.
pub(crate) const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

#[derive(Debug, Default)]
pub(crate) struct Clock {
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
pub(crate) struct Alarm {
    clock: Arc<Clock>,
    deadline: Instant,
    /// Its entry, once it was polled.
    entry: Option<usize>,
}

impl Alarm {
    pub(crate) fn new(clock: &Arc<Clock>, deadline: Instant) -> Self {
        Self { clock: clock.clone(), deadline, entry: None }
    }

    /// Moves the deadline, even after it has passed.
    pub(crate) fn reset(&mut self, deadline: Instant) {
        self.deadline = deadline;
        self.remove();
    }

    /// Ready when the deadline has passed. Must be called inside a tokio runtime with time enabled.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
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

#[cfg(feature = "http")]
#[derive(Clone, Copy, Debug)]
enum Limit {
    At(Instant),
    /// From the first poll on.
    After(Duration),
}

#[cfg(feature = "http")]
pin_project! {
    /// What comes of the work; `None` if it is not done by its deadline.
    #[must_use = "work is done when it is polled"]
    pub(crate) struct Before<'a, F> {
        #[pin]
        work: F,
        clock: &'a Arc<Clock>,
        limit: Limit,
        // Once the work has to be waited for.
        alarm: Option<Alarm>,
    }
}

#[cfg(feature = "http")]
impl<F: Future> Future for Before<'_, F> {
    type Output = Option<F::Output>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.work.poll(cx) {
            Poll::Ready(done) => Poll::Ready(Some(done)),
            Poll::Pending => {
                let alarm = this.alarm.get_or_insert_with(|| this.limit.alarm(this.clock));
                alarm.poll(cx).map(|()| None)
            }
        }
    }
}

#[cfg(feature = "http")]
impl Limit {
    fn alarm(self, clock: &Arc<Clock>) -> Alarm {
        let deadline = match self {
            Self::At(deadline) => deadline,
            // A limit that no clock reaches is none, for as long as it takes.
            Self::After(limit) => {
                let now = Instant::now();
                now.checked_add(limit).unwrap_or_else(|| now + FAR)
            }
        };
        Alarm::new(clock, deadline)
    }
}

impl Clock {
    /// The work, unless it is not done by then.
    #[cfg(feature = "http")]
    pub(crate) fn before<F: Future>(self: &Arc<Self>, deadline: Instant, work: F) -> Before<'_, F> {
        Before { work, clock: self, limit: Limit::At(deadline), alarm: None }
    }

    /// The work, unless it takes longer.
    #[cfg(feature = "http")]
    pub(crate) fn within<F: Future>(self: &Arc<Self>, limit: Duration, work: F) -> Before<'_, F> {
        Before { work, clock: self, limit: Limit::After(limit), alarm: None }
    }

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
