//! When what is read was said, at the earliest.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use tokio::time::Instant;

/// Reads something message by message, and knows since when what it has not read was said: since the first wake-up
/// after it last found nothing. How late it reads changes nothing.
pub(super) struct Ear {
    bell: Arc<Bell>,
    waker: Waker,
    since: Instant,
    found_nothing: bool,
}

/// Passes a wake-up on, and notes the first one.
struct Bell(Mutex<Rung>);

struct Rung {
    at: Option<Instant>,
    reader: Waker,
}

impl Ear {
    /// Nothing that it will read was said before now.
    pub(super) fn new() -> Self {
        let bell = Arc::new(Bell(Mutex::new(Rung { at: None, reader: Waker::noop().clone() })));
        Self { waker: Waker::from(bell.clone()), bell, since: Instant::now(), found_nothing: false }
    }

    /// What was read last was said then or later.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    pub(super) fn poll<T>(
        &mut self,
        cx: &Context<'_>,
        poll: impl FnOnce(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        let rung = self.bell.lock().attend(cx.waker());
        if let Some(rung) = rung.filter(|_| self.found_nothing) {
            self.since = rung;
        }
        let outcome = poll(&mut Context::from_waker(&self.waker));
        self.found_nothing = outcome.is_pending();
        outcome
    }
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, Rung> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rung {
    fn attend(&mut self, reader: &Waker) -> Option<Instant> {
        self.reader.clone_from(reader);
        self.at.take()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut rung = self.lock();
        rung.at.get_or_insert_with(Instant::now);
        let reader = rung.reader.clone();
        drop(rung);
        reader.wake();
    }
}
