//! The way out of traffic: bounded, never waited for, and honest about what it lost.

mod receiver;
mod state;

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
#[cfg(feature = "tape")]
use std::task::{Context, Poll};

use tokio::sync::Notify;

use state::State;
#[cfg(feature = "tape")]
use state::Thread;

/// A queue of at most `max_items`, which weigh at most `max_bytes` together; one item fits always.
pub(crate) fn queue<T>(max_items: usize, max_bytes: usize) -> (Sender<T>, Receiver<T>) {
    let state = State::new(max_items, max_bytes);
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

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing is queued any more.
    fn close(&self) {
        let mut state = self.lock();
        state.sender_gone = true;
        let reader = state.reader.take();
        drop(state);
        self.came.notify_one();
        reader.into_iter().for_each(Waker::wake);
    }
}

impl<T> Sender<T> {
    /// Queues an item of this weight, if there is room. It never waits; whether it was queued.
    pub(crate) fn offer(&self, item: T, bytes: usize) -> bool {
        let mut state = self.0.lock();
        if state.is_full(bytes) || state.receiver_gone {
            state.lose();
            drop(state);
            return false;
        }
        let woken = state.push(item, bytes);
        drop(state);
        woken.wake(&self.0.came);
        true
    }

    /// Queues an item also where there is no room: who does it sees to it that there are not many. Whether it was
    /// queued: not where nobody reads.
    #[cfg(feature = "tape")]
    pub(crate) fn force(&self, item: T, bytes: usize) -> bool {
        let mut state = self.0.lock();
        if state.receiver_gone {
            state.lose();
            return false;
        }
        let woken = state.push(item, bytes);
        drop(state);
        woken.wake(&self.0.came);
        true
    }

    /// There is room, or nobody to wait for.
    #[cfg(feature = "tape")]
    pub(crate) fn has_room(&self) -> bool {
        let state = self.0.lock();
        !state.is_full(0) || state.receiver_gone
    }

    /// Waits for that.
    #[cfg(feature = "tape")]
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        if !state.is_full(0) || state.receiver_gone {
            return Poll::Ready(());
        }
        if !state.blocked.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.blocked.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The reader is not to linger.
    #[cfg(feature = "tape")]
    pub(crate) fn urge(&self) {
        self.0.lock().thread = Thread::Works;
        self.0.came.notify_one();
    }

    /// As if the sender were dropped: what is queued is read, and then there is nothing more.
    #[cfg(feature = "tape")]
    pub(crate) fn close(&self) {
        self.0.close();
    }

    /// Something was not even made, for want of room.
    #[cfg(any(feature = "tape", all(feature = "audit", unix)))]
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

    /// Waits until nobody reads any more.
    #[cfg(feature = "tape")]
    pub(crate) async fn closed(&self) {
        loop {
            let progress = self.0.progress.notified();
            if self.is_closed() {
                return;
            }
            progress.await;
        }
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

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.close();
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
