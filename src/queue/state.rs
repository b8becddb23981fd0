//! What both ends share.

#[cfg(feature = "tape")]
use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::Condvar;
use std::task::Waker;

use super::Taken;

#[derive(Debug)]
pub(super) struct State<T> {
    /// Each with its weight, and how many were lost before it.
    pub(super) items: VecDeque<(T, usize, u64)>,
    pub(super) max_items: usize,
    /// Of all items, and of those that are held.
    pub(super) bytes: usize,
    /// Of what the reader has taken and has in hand.
    #[cfg(feature = "tape")]
    pub(super) held: usize,
    pub(super) max_bytes: usize,
    /// Since the last item that was queued.
    pub(super) unsaid: u64,
    pub(super) lost: u64,
    pub(super) offered: u64,
    /// Items that the reader has taken and come back from.
    pub(super) done: u64,
    pub(super) reader: Option<Waker>,
    /// What a reader that is a thread does: it is woken only where it waits for that.
    pub(super) thread: Thread,
    /// Who waits for room, in the order of asking.
    #[cfg(feature = "tape")]
    pub(super) blocked: BTreeMap<u64, Waker>,
    #[cfg(feature = "tape")]
    places: u64,
    pub(super) sender_gone: bool,
    pub(super) receiver_gone: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Thread {
    Works,
    /// For anything.
    Waits,
    /// For so much that it is time.
    #[cfg(feature = "tape")]
    Lingers,
}

impl<T> State<T> {
    pub(super) fn new(max_items: usize, max_bytes: usize) -> Self {
        Self {
            items: VecDeque::new(),
            max_items: max_items.max(1),
            bytes: 0,
            #[cfg(feature = "tape")]
            held: 0,
            max_bytes,
            unsaid: 0,
            lost: 0,
            offered: 0,
            done: 0,
            reader: None,
            thread: Thread::Works,
            #[cfg(feature = "tape")]
            blocked: BTreeMap::new(),
            #[cfg(feature = "tape")]
            places: 0,
            sender_gone: false,
            receiver_gone: false,
        }
    }

    pub(super) fn lose(&mut self) {
        self.unsaid += 1;
        self.lost += 1;
    }

    /// The reader is done with the first so many, or never will be.
    pub(super) fn is_done(&self, items: u64) -> bool {
        self.done >= items || self.receiver_gone
    }

    pub(super) fn is_full(&self, bytes: usize) -> bool {
        self.items.len() >= self.max_items
            || self.bytes > 0 && self.bytes.saturating_add(bytes) > self.max_bytes
    }

    /// More than half of the room is taken.
    #[cfg(feature = "tape")]
    pub(super) fn is_pressed(&self) -> bool {
        self.items.len() > self.max_items / 2 || self.bytes > self.max_bytes / 2
    }

    /// A place of its own for one that waits for room.
    #[cfg(feature = "tape")]
    pub(super) fn next_place(&mut self) -> u64 {
        self.places += 1;
        self.places
    }

    /// Queues an item, or counts it as lost and gives it back: to be dropped without the lock.
    pub(super) fn enter(&mut self, item: T, bytes: usize, forced: bool) -> Result<Woken, T> {
        if self.receiver_gone || !forced && self.is_full(bytes) {
            self.lose();
            return Err(item);
        }
        Ok(self.push(item, bytes))
    }

    fn push(&mut self, item: T, bytes: usize) -> Woken {
        let lost = std::mem::take(&mut self.unsaid);
        self.items.push_back((item, bytes, lost));
        self.bytes = self.bytes.saturating_add(bytes);
        self.offered += 1;
        Woken { task: self.reader.take(), thread: self.wakes() }
    }

    /// Whether the thread is to be woken; once is enough.
    pub(super) fn wakes(&mut self) -> bool {
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

    pub(super) fn take(&mut self) -> Option<Taken<T>> {
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

    /// The same of an item that goes on to weigh.
    #[cfg(feature = "tape")]
    pub(super) fn take_and_hold(&mut self) -> Option<Taken<T>> {
        let before = self.bytes;
        let taken = self.take();
        self.held += before - self.bytes;
        self.bytes = before;
        taken
    }

    /// What is held weighs no more.
    #[cfg(feature = "tape")]
    pub(super) fn let_go(&mut self) {
        self.bytes -= std::mem::take(&mut self.held);
    }
}

/// Who is to be told of an item, once the lock is free.
pub(super) struct Woken {
    pub(super) task: Option<Waker>,
    pub(super) thread: bool,
}

impl Woken {
    pub(super) fn wake(self, came: &Condvar) {
        if self.thread {
            came.notify_one();
        }
        self.task.into_iter().for_each(Waker::wake);
    }
}
