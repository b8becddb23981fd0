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
        thread: Thread::Works,
        blocked: Vec::new(),
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
    /// What a reader that is a thread does: it is woken only where it waits for that.
    thread: Thread,
    /// Who waits for room.
    blocked: Vec<Waker>,
    sender_gone: bool,
    receiver_gone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thread {
    Works,
    /// For anything.
    Waits,
    /// For so much that it is time.
    #[cfg(feature = "tape")]
    Lingers,
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

    fn is_full(&self, bytes: usize) -> bool {
        self.items.len() >= self.max_items
            || !self.items.is_empty() && self.bytes.saturating_add(bytes) > self.max_bytes
    }

    /// Half of the room is taken.
    #[cfg(feature = "tape")]
    fn is_pressed(&self) -> bool {
        self.items.len() >= self.max_items / 2 || self.bytes >= self.max_bytes / 2
    }

    fn push(&mut self, item: T, bytes: usize) -> Woken {
        let lost = std::mem::take(&mut self.unsaid);
        self.items.push_back((item, bytes, lost));
        self.bytes = self.bytes.saturating_add(bytes);
        self.offered += 1;
        Woken { task: self.reader.take(), thread: self.wakes() }
    }

    /// Whether the thread is to be woken; once is enough.
    fn wakes(&mut self) -> bool {
        let wakes = match self.thread {
            Thread::Works => false,
            Thread::Waits => true,
            #[cfg(feature = "tape")]
            Thread::Lingers => self.is_pressed(),
        };
        if wakes {
            self.thread = Thread::Works;
        }
        wakes
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

/// Who is to be told of an item, once the lock is free.
struct Woken {
    task: Option<Waker>,
    thread: bool,
}

impl Woken {
    fn wake(self, came: &Condvar) {
        if self.thread {
            came.notify_one();
        }
        self.task.into_iter().for_each(Waker::wake);
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

    /// The same, up to so many at once; who waits for room learns of it.
    #[cfg(feature = "tape")]
    pub(crate) fn take_some(&mut self, most: usize, into: &mut VecDeque<Taken<T>>) {
        let mut state = self.0.lock();
        into.extend(std::iter::from_fn(|| state.take()).take(most));
        let woken = if state.is_pressed() { Vec::new() } else { std::mem::take(&mut state.blocked) };
        drop(state);
        woken.into_iter().for_each(Waker::wake);
    }

    /// What was taken is done with.
    pub(crate) fn done(&mut self) {
        let mut state = self.0.lock();
        state.done = state.offered - state.items.len() as u64;
        drop(state);
        self.0.progress.notify_waiters();
    }

    /// Waits, on a thread, for so long or until the sender is gone. False once it is.
    #[cfg(any(feature = "tape", all(feature = "audit", unix)))]
    pub(crate) fn pause(&mut self, most: std::time::Duration) -> bool {
        let waits = |state: &mut State<T>| !state.sender_gone;
        let waited = self.0.came.wait_timeout_while(self.0.lock(), most, waits);
        !waited.unwrap_or_else(PoisonError::into_inner).0.sender_gone
    }

    /// Waits, on a thread, for so long, or until half of the room is taken, somebody urges or the sender is gone.
    #[cfg(feature = "tape")]
    pub(crate) fn linger(&mut self, most: std::time::Duration) {
        let mut state = self.0.lock();
        state.thread = Thread::Lingers;
        let waits = |state: &mut State<T>| {
            state.thread == Thread::Lingers && !state.is_pressed() && !state.sender_gone
        };
        let waited = self.0.came.wait_timeout_while(state, most, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.thread = Thread::Works;
    }

    /// Nothing more comes.
    #[cfg(feature = "tape")]
    pub(crate) fn is_last(&self) -> bool {
        self.0.lock().sender_gone
    }

    /// Nothing is there now.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().items.is_empty()
    }

    /// Waits, on a thread, until there is something. False once the sender is gone and everything read.
    pub(crate) fn wait(&mut self) -> bool {
        let is_idle = |state: &mut State<T>| {
            let is_idle = state.items.is_empty() && state.unsaid == 0 && !state.sender_gone;
            state.thread = if is_idle { Thread::Waits } else { Thread::Works };
            is_idle
        };
        let state = self.0.came.wait_while(self.0.lock(), is_idle).unwrap_or_else(PoisonError::into_inner);
        !state.items.is_empty() || state.unsaid > 0
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.receiver_gone = true;
        state.bytes = 0;
        let unread = std::mem::take(&mut state.items);
        state.lost += unread.len() as u64;
        let blocked = std::mem::take(&mut state.blocked);
        drop(state);
        blocked.into_iter().for_each(Waker::wake);
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
