//! Events for a callback, on a thread of its own.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::Event;
use crate::layer::tap::{Receiver, Taken};

/// A callback that is told of events, on a thread of its own, until the layer, its stores and all stacks that it is in are
/// gone. Dropping this changes nothing.
#[derive(Clone, Debug)]
pub struct Hook(Arc<State>);

#[derive(Debug, Default)]
struct State {
    removed: AtomicBool,
    panics: AtomicU64,
    lost: AtomicU64,
}

impl Hook {
    pub(super) fn start(
        mut events: Receiver<Event>,
        mut callback: impl FnMut(&Event) + Send + 'static,
    ) -> io::Result<Self> {
        let hook = Self(Arc::default());
        let state = hook.0.clone();
        thread::Builder::new().name("shadowcat-events".to_owned()).spawn(move || {
            while events.wait() {
                while let Some(taken) = events.try_next() {
                    if state.removed.load(Ordering::Relaxed) {
                        return;
                    }
                    state.tell(taken, &mut callback);
                }
            }
        })?;
        Ok(hook)
    }

    /// It is not called again, except where it is being called now. Its queue is given up with the next event.
    pub fn remove(&self) {
        self.0.removed.store(true, Ordering::Relaxed);
    }

    /// How often it panicked.
    pub fn panics(&self) -> u64 {
        self.0.panics.load(Ordering::Relaxed)
    }

    /// Events that it was too slow for, as far as it was told.
    pub fn lost(&self) -> u64 {
        self.0.lost.load(Ordering::Relaxed)
    }
}

impl State {
    fn tell(&self, taken: Taken<Event>, callback: &mut impl FnMut(&Event)) {
        let event = match taken {
            Taken::Item(event) => event,
            Taken::Lost(events) => {
                self.lost.fetch_add(events, Ordering::Relaxed);
                Event::Lost(events)
            }
        };
        if catch_unwind(AssertUnwindSafe(|| callback(&event))).is_err() {
            self.panics.fetch_add(1, Ordering::Relaxed);
        }
    }
}
