//! The end that writes.

#[cfg(feature = "tape")]
use std::sync::atomic::Ordering;

#[cfg(feature = "tape")]
use super::Room;
use super::Sender;
#[cfg(feature = "tape")]
use super::Watcher;
#[cfg(feature = "tape")]
use super::state::Thread;

impl<T> Sender<T> {
    /// Queues an item of this weight, if there is room. It never waits; whether it was queued.
    pub(crate) fn offer(&self, item: T, bytes: usize) -> bool {
        self.push(item, bytes, false)
    }

    /// Queues an item also where there is no room: who does it sees to it that there are not many. Whether it was
    /// queued: not where nobody reads.
    #[cfg(feature = "tape")]
    pub(crate) fn force(&self, item: T, bytes: usize) -> bool {
        self.push(item, bytes, true)
    }

    fn push(&self, item: T, bytes: usize, forced: bool) -> bool {
        let mut state = self.0.lock();
        let queued = state.enter(item, bytes, forced);
        self.0.show(&state);
        drop(state);
        let is_queued = queued.is_ok();
        queued.into_iter().for_each(|woken| woken.wake(&self.0.came));
        is_queued
    }

    /// Queues two at once, each as alone.
    #[cfg(feature = "tape")]
    pub(crate) fn push_both(&self, items: [(T, usize); 2], forced: bool) {
        let mut state = self.0.lock();
        let [(first, first_bytes), (second, second_bytes)] = items;
        let queued = [state.enter(first, first_bytes, forced), state.enter(second, second_bytes, forced)];
        self.0.show(&state);
        drop(state);
        queued.into_iter().flatten().for_each(|woken| woken.wake(&self.0.came));
    }

    /// There is room, or nobody to wait for.
    #[cfg(feature = "tape")]
    pub(crate) fn has_room(&self) -> bool {
        self.0.has_room()
    }

    /// More than half of the room is taken.
    #[cfg(feature = "tape")]
    pub(crate) fn is_pressed(&self) -> bool {
        self.0.is_pressed.load(Ordering::Relaxed)
    }

    /// To wait for that.
    #[cfg(feature = "tape")]
    pub(crate) fn room(&self) -> Room<T> {
        Room::new(self.0.clone())
    }

    /// Who waits for room asks again.
    #[cfg(feature = "tape")]
    pub(crate) fn wake(&self) {
        let blocked = std::mem::take(&mut self.0.lock().blocked);
        blocked.into_values().for_each(std::task::Waker::wake);
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
        self.0.is_closed()
    }

    /// Items that found no room, or nobody to read them, so far.
    pub(crate) fn lost(&self) -> u64 {
        self.0.lost()
    }

    /// Sees what becomes of the queue.
    #[cfg(feature = "tape")]
    pub(crate) fn watcher(&self) -> Watcher<T> {
        Watcher(self.0.clone())
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
