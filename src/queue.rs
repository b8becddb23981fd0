//! The way out of traffic: bounded, never waited for, and honest about what it lost.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::Notify;

/// A queue of at most `max_items`, which weigh at most `max_bytes` together; one item fits always.
pub(crate) fn queue<T>(max_items: usize, max_bytes: usize) -> (Sender<T>, Receiver<T>) {
    let state = State {
        items: VecDeque::new(),
        max_items: max_items.max(1),
        bytes: 0,
        max_bytes,
        unsaid: 0,
        lost: 0,
        offered: 0,
        done: 0,
        reader: None,
        sender_gone: false,
        receiver_gone: false,
    };
    let shared = Arc::new(Shared { state: Mutex::new(state), came: Condvar::new(), progress: Notify::new() });
    (Sender(shared.clone()), Receiver(shared))
}

/// What is read next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    Item(T),
    /// So many items were lost here.
    Lost(u64),
}

#[derive(Debug)]
pub(crate) struct Sender<T>(Arc<Shared<T>>);

#[derive(Debug)]
pub(crate) struct Receiver<T>(Arc<Shared<T>>);

#[derive(Debug)]
struct Shared<T> {
    state: Mutex<State<T>>,
    /// For a reader that is a thread.
    came: Condvar,
    /// The reader got on.
    progress: Notify,
}

#[derive(Debug)]
struct State<T> {
    /// Each with its weight, and how many were lost before it.
    items: VecDeque<(T, usize, u64)>,
    max_items: usize,
    bytes: usize,
    max_bytes: usize,
    /// Since the last item that was queued.
    unsaid: u64,
    lost: u64,
    offered: u64,
    /// Items that the reader has taken and come back from.
    done: u64,
    reader: Option<Waker>,
    sender_gone: bool,
    receiver_gone: bool,
}

impl<T> State<T> {
    fn lose(&mut self) {
        self.unsaid += 1;
        self.lost += 1;
    }

    /// The reader is done with the first so many, or never will be.
    fn is_done(&self, items: u64) -> bool {
        self.done >= items || self.receiver_gone
    }

    fn take(&mut self) -> Option<Taken<T>> {
        let Some((_, _, lost)) = self.items.front_mut() else {
            let lost = std::mem::take(&mut self.unsaid);
            return (lost > 0).then_some(Taken::Lost(lost));
        };
        if *lost > 0 {
            return Some(Taken::Lost(std::mem::take(lost)));
        }
        let (item, bytes, _) = self.items.pop_front()?;
        self.bytes -= bytes;
        Some(Taken::Item(item))
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Sender<T> {
    /// Queues an item of this weight, if there is room. It never waits; whether it was queued.
    pub(crate) fn offer(&self, item: T, bytes: usize) -> bool {
        let mut state = self.0.lock();
        let is_full = state.items.len() >= state.max_items
            || !state.items.is_empty() && state.bytes.saturating_add(bytes) > state.max_bytes;
        if is_full || state.receiver_gone {
            state.lose();
            drop(state);
            return false;
        }
        let lost = std::mem::take(&mut state.unsaid);
        state.items.push_back((item, bytes, lost));
        state.bytes += bytes;
        state.offered += 1;
        let reader = state.reader.take();
        drop(state);
        self.0.came.notify_one();
        reader.into_iter().for_each(Waker::wake);
        true
    }

    /// Something was not even made, for want of room.
    #[cfg(all(feature = "audit", unix))]
    pub(crate) fn lose(&self) {
        self.0.lock().lose();
    }

    /// Nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.0.lock().receiver_gone
    }

    /// Items that found no room, or nobody to read them, so far.
    pub(crate) fn lost(&self) -> u64 {
        self.0.lock().lost
    }

    /// Waits until the reader is done with everything that was queued before, or is gone.
    pub(crate) async fn flushed(&self) {
        let until = self.0.lock().offered;
        loop {
            let progress = self.0.progress.notified();
            if self.0.lock().is_done(until) {
                return;
            }
            progress.await;
        }
    }
}

impl<T> Receiver<T> {
    /// What comes next, for a task; `None` once the sender is gone and everything read.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Taken<T>>> {
        let mut state = self.0.lock();
        let taken = state.take();
        if taken.is_none() && !state.sender_gone {
            state.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        Poll::Ready(taken)
    }

    /// What is there, without waiting. To ask again says that what was taken before is done with.
    pub(crate) fn try_next(&mut self) -> Option<Taken<T>> {
        self.done();
        self.take()
    }

    /// What is there, without waiting and without a word about what was taken before.
    pub(crate) fn take(&mut self) -> Option<Taken<T>> {
        self.0.lock().take()
    }

    /// What was taken is done with.
    pub(crate) fn done(&mut self) {
        let mut state = self.0.lock();
        state.done = state.offered - state.items.len() as u64;
        drop(state);
        self.0.progress.notify_waiters();
    }

    /// Waits, on a thread, for so long or until the sender is gone. False once it is.
    #[cfg(all(feature = "audit", unix))]
    pub(crate) fn pause(&mut self, most: std::time::Duration) -> bool {
        let waits = |state: &mut State<T>| !state.sender_gone;
        let waited = self.0.came.wait_timeout_while(self.0.lock(), most, waits);
        !waited.unwrap_or_else(PoisonError::into_inner).0.sender_gone
    }

    /// Nothing is there now.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().items.is_empty()
    }

    /// Waits, on a thread, until there is something. False once the sender is gone and everything read.
    pub(crate) fn wait(&mut self) -> bool {
        let is_idle =
            |state: &mut State<T>| state.items.is_empty() && state.unsaid == 0 && !state.sender_gone;
        let state = self.0.came.wait_while(self.0.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        !state.items.is_empty() || state.unsaid > 0
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.sender_gone = true;
        let reader = state.reader.take();
        drop(state);
        self.0.came.notify_one();
        reader.into_iter().for_each(Waker::wake);
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.receiver_gone = true;
        state.bytes = 0;
        let unread = std::mem::take(&mut state.items);
        state.lost += unread.len() as u64;
        drop(state);
        self.0.progress.notify_waiters();
        drop(unread);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_is_told_where_it_was_lost() {
        let (sender, mut receiver) = queue(2, 100);
        assert!(sender.offer('a', 1) && sender.offer('b', 1));
        assert!(!sender.offer('c', 1) && !sender.offer('d', 1));
        assert_eq!(receiver.try_next(), Some(Taken::Item('a')));
        assert!(sender.offer('e', 1));
        let rest: Vec<_> = std::iter::from_fn(|| receiver.try_next()).collect();
        assert_eq!(rest, [Taken::Item('b'), Taken::Lost(2), Taken::Item('e')]);
        assert_eq!(sender.lost(), 2);
    }

    #[test]
    fn weight_is_bounded_and_one_item_fits_always() {
        let (sender, mut receiver) = queue(9, 10);
        assert!(sender.offer('a', 99) && !sender.offer('b', 0));
        assert_eq!(receiver.try_next(), Some(Taken::Item('a')));
        assert!(sender.offer('c', 4) && sender.offer('d', 6) && !sender.offer('e', 1));
    }

    #[test]
    fn each_end_learns_that_the_other_is_gone() {
        let (sender, mut receiver) = queue(9, 9);
        assert!(sender.offer('a', 1));
        drop(sender);
        assert!(receiver.wait());
        assert_eq!(receiver.try_next(), Some(Taken::Item('a')));
        assert!(!receiver.wait());
        let (sender, receiver) = queue(9, 9);
        assert!(sender.offer('a', 1));
        drop(receiver);
        assert!(sender.is_closed() && !sender.offer('b', 1));
        assert_eq!(sender.lost(), 2, "what was never read is lost");
    }
}
