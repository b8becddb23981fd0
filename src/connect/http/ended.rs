//! Waiting for something unless the session ends first.
//!
//! Every call waits so, several times. A receiver of the runtime's own would cost more than the rest of the leaf: here a
//! waiting call is its waker in a table, once it has to wait at all.

use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use pin_project_lite::pin_project;

use super::state::Shared;
use crate::error::Error;

/// Who is to be woken when the session ends.
#[derive(Debug, Default)]
pub(super) struct Waiters(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// A place in the table.
struct Place<'a> {
    waiters: &'a Waiters,
    at: Option<usize>,
}

pin_project! {
    /// The work, unless the end comes first.
    #[must_use = "work is done when it is polled"]
    pub(super) struct UnlessEnded<'a, F> {
        #[pin]
        work: F,
        shared: &'a Shared,
        place: Place<'a>,
    }
}

impl Shared {
    /// The work, unless the end comes first.
    pub(super) fn unless_ended<F, T>(&self, work: F) -> UnlessEnded<'_, F>
    where
        F: Future<Output = Result<T, Error>>,
    {
        UnlessEnded { work, shared: self, place: Place { waiters: &self.waiters, at: None } }
    }
}

impl<F, T> Future for UnlessEnded<'_, F>
where
    F: Future<Output = Result<T, Error>>,
{
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(error) = this.shared.error() {
            return Poll::Ready(Err(error));
        }
        if let Poll::Ready(done) = this.work.poll(cx) {
            return Poll::Ready(done);
        }
        this.place.wait(cx);
        // The end may have come between the two.
        this.shared.error().map_or(Poll::Pending, |error| Poll::Ready(Err(error)))
    }
}

impl Waiters {
    pub(super) fn wake_all(&self) {
        let wakers: Vec<_> = self.lock().wakers.iter_mut().filter_map(Option::take).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place<'_> {
    fn wait(&mut self, cx: &Context<'_>) {
        let mut table = self.waiters.lock();
        let at = *self.at.get_or_insert_with(|| table.add());
        match &mut table.wakers[at] {
            Some(waker) => waker.clone_from(cx.waker()),
            empty => *empty = Some(cx.waker().clone()),
        }
    }
}

impl Table {
    fn add(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.wakers.push(None);
            self.wakers.len() - 1
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Some(at) = self.at else { return };
        let mut table = self.waiters.lock();
        let waker = table.wakers[at].take();
        table.free.push(at);
        drop(table);
        drop(waker);
    }
}
