//! The way out of traffic: bounded, never waited for, and honest about what it lost.

mod receiver;
#[cfg(feature = "tape")]
mod room;
mod sender;
mod state;
#[cfg(feature = "tape")]
mod watcher;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::Notify;

use state::State;

#[cfg(feature = "tape")]
pub(crate) use room::Room;
#[cfg(feature = "tape")]
pub(crate) use watcher::Watcher;

/// A queue of at most `max_items`, which weigh at most `max_bytes` together; one item fits always.
pub(crate) fn queue<T>(max_items: usize, max_bytes: usize) -> (Sender<T>, Receiver<T>) {
    let shared = Arc::new(Shared {
        state: Mutex::new(State::new(max_items, max_bytes)),
        came: Condvar::new(),
        progress: Notify::new(),
        is_full: AtomicBool::new(false),
        #[cfg(feature = "tape")]
        is_pressed: AtomicBool::new(false),
        is_closed: AtomicBool::new(false),
    });
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
    /// As the state is, for who only looks: nothing more fits in, and somebody reads.
    is_full: AtomicBool,
    /// As the state is: more than half of the room is taken.
    #[cfg(feature = "tape")]
    is_pressed: AtomicBool,
    /// Nobody reads any more.
    is_closed: AtomicBool,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows what has changed to those who look without the lock; whoever calls it has the lock.
    fn show(&self, state: &State<T>) {
        self.is_full.store(state.is_full(0) && !state.receiver_gone, Ordering::Release);
        #[cfg(feature = "tape")]
        self.is_pressed.store(state.is_pressed(), Ordering::Relaxed);
        self.is_closed.store(state.receiver_gone, Ordering::Release);
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// There is room, or nobody to wait for.
    #[cfg(feature = "tape")]
    fn has_room(&self) -> bool {
        !self.is_full.load(Ordering::Acquire)
    }

    fn lost(&self) -> u64 {
        self.lock().lost
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

    #[cfg(feature = "tape")]
    #[test]
    fn who_waits_for_room_is_forgotten_when_it_does_not_any_more() {
        use std::task::{Context, Waker};
        let (sender, mut receiver) = queue(1, 9);
        assert!(sender.has_room() && sender.offer('a', 1) && !sender.has_room());
        let cx = &mut Context::from_waker(Waker::noop());
        let (mut first, mut second) = (sender.room(), sender.room());
        for _ in 0..3 {
            assert!(first.poll(cx).is_pending() && second.poll(cx).is_pending());
        }
        assert_eq!(sender.0.lock().blocked.len(), 2);
        drop(first);
        assert_eq!(sender.0.lock().blocked.len(), 1);
        receiver.take_some(9, 99, &mut std::collections::VecDeque::new());
        assert!(sender.0.lock().blocked.is_empty() && second.poll(cx).is_ready());
        assert!(sender.force('b', 1) && sender.force('c', 1) && second.poll(cx).is_pending());
        drop(receiver);
        assert!(second.poll(cx).is_ready(), "there is nobody to wait for");
    }

    #[cfg(feature = "tape")]
    #[test]
    fn what_is_in_hand_weighs_until_more_is_asked_for() {
        let (sender, mut receiver) = queue(9, 10);
        for item in ['a', 'b', 'c'] {
            assert!(sender.offer(item, 3));
        }
        let mut taken = std::collections::VecDeque::new();
        receiver.take_some(9, 4, &mut taken);
        assert_eq!(taken.drain(..).collect::<Vec<_>>(), [Taken::Item('a'), Taken::Item('b')]);
        assert!(!sender.offer('d', 3), "nothing is done with yet");
        receiver.take_some(9, 99, &mut taken);
        assert!(sender.offer('e', 7) && !sender.offer('f', 1));
        assert_eq!(taken.drain(..).collect::<Vec<_>>(), [Taken::Item('c'), Taken::Lost(1)]);
        receiver.take_some(9, 99, &mut taken);
        receiver.take_some(9, 99, &mut taken);
        assert!(sender.offer('g', 99) && !sender.offer('h', 1), "one fits always");
    }

    #[cfg(feature = "tape")]
    #[test]
    fn two_at_once_are_each_as_alone() {
        let (sender, mut receiver) = queue(9, 5);
        sender.push_both([('a', 3), ('b', 3)], false);
        sender.push_both([('c', 3), ('d', 3)], true);
        let all: Vec<_> = std::iter::from_fn(|| receiver.try_next()).collect();
        assert_eq!(all, [Taken::Item('a'), Taken::Lost(1), Taken::Item('c'), Taken::Item('d')]);
    }
}
