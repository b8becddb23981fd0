use std::fmt;
use std::io;
use std::sync::Arc;

use tower_layer::Layer;

use super::hub::{Hub, Stack};
use super::{Event, Events, Hook, Store, Subscription};
use crate::session::SessionStore;

/// Tells what passes to whoever subscribed. Cheap to clone, all clones tell the same. See the [module](super).
#[derive(Clone, Default)]
pub struct EventsLayer {
    hub: Arc<Hub>,
}

impl EventsLayer {
    /// Nobody is told yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What happens from now on, as a stream. Of a call that began before, nothing is told.
    ///
    /// # Backpressure
    ///
    /// It holds `events` of them, at least one, and 8 MiB of messages. What finds it full is lost, and
    /// [`Event::Lost`] says how much, at its place.
    pub fn subscribe(&self, events: usize) -> Subscription {
        Subscription { events: self.hub.subscribe(events) }
    }

    /// Has a callback told what happens from now on, on a thread of its own. However long it takes, nobody else waits
    /// for it; where it panics, it is called again for the next event.
    ///
    /// # Errors
    ///
    /// The system has no thread for it.
    ///
    /// # Backpressure
    ///
    /// As of [`subscribe`](Self::subscribe) for 1,024 events.
    pub fn on(&self, callback: impl FnMut(&Event) + Send + 'static) -> io::Result<Hook> {
        Hook::start(self.hub.subscribe(1024), callback)
    }

    /// A store for a front end on HTTP that tells exactly when its sessions begin and end.
    ///
    /// ```
    /// use shadowcat::layer::EventsLayer;
    /// use shadowcat::session::{MemoryStore, Session, SessionId, SessionStore};
    /// use futures::{FutureExt, StreamExt};
    ///
    /// let events = EventsLayer::new();
    /// let mut told = events.subscribe(64);
    /// let store = events.store(MemoryStore::new()); // for `serve::http::Builder::store`
    /// let id = SessionId::random()?;
    /// store.insert(Session::new(id.key(), None).into())?;
    /// store.remove(&id.key());
    /// for what in ["SessionCreated", "SessionClosed"] {
    ///     assert!(format!("{:?}", told.next().now_or_never().unwrap()).contains(what));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn store<T: SessionStore>(&self, inner: T) -> Store<T> {
        Store { inner, hub: self.hub.clone() }
    }
}

impl<S> Layer<S> for EventsLayer {
    type Service = Events<S>;

    fn layer(&self, inner: S) -> Events<S> {
        Events { inner, stack: Stack::new(&self.hub) }
    }
}

impl fmt::Debug for EventsLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventsLayer").field("is_heard", &self.hub.is_heard()).finish()
    }
}
