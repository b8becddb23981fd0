//! Who is told, and of which sessions.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Event, Passed, SessionName};
use crate::layer::tap::{Receiver, Sender, queue};
use crate::message::JsonRpcMessage;
use crate::session::Session;

/// Sessions whose end is told; of more, neither begin nor end is.
const MAX_SESSIONS: usize = 16 << 10;
/// Bytes of messages that wait for one subscriber.
const MAX_QUEUED: usize = 8 << 20;

#[derive(Debug, Default)]
pub(super) struct Hub {
    /// Whether anybody is told.
    is_heard: AtomicBool,
    subscribers: Mutex<Vec<Sender<Event>>>,
    sessions: Mutex<HashMap<Key, SessionName>>,
    stacks: AtomicU64,
}

/// What a session is told from others by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Named(Arc<str>),
    /// The only one of its stack.
    OfStack(u64),
}

impl Hub {
    /// An atomic load.
    pub(super) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Acquire)
    }

    pub(super) fn subscribe(&self, events: usize) -> Receiver<Event> {
        let (sender, receiver) = queue(events, MAX_QUEUED);
        self.subscribers().push(sender);
        self.is_heard.store(true, Ordering::Release);
        receiver
    }

    /// Everybody is told in the same order. Nobody is waited for.
    pub(super) fn tell(&self, event: &Event) {
        let mut subscribers = self.subscribers();
        subscribers.retain(|subscriber| !subscriber.is_closed());
        if subscribers.is_empty() {
            self.is_heard.store(false, Ordering::Release);
        }
        let bytes = bytes(event);
        for subscriber in &*subscribers {
            subscriber.offer(event.clone(), bytes);
        }
    }

    /// A session begins, unless it has.
    pub(super) fn open(&self, key: &Key, session: Option<Arc<Session>>) {
        if !self.is_heard() {
            return;
        }
        let id = match key {
            Key::Named(name) => Some(name.clone()),
            Key::OfStack(_) => None,
        };
        let name = SessionName { id, session };
        let mut sessions = self.sessions();
        if sessions.contains_key(key) || sessions.len() >= MAX_SESSIONS {
            return;
        }
        sessions.insert(key.clone(), name.clone());
        // Under the lock: its end is not told before.
        self.tell(&Event::SessionCreated(name));
    }

    /// A session is over, if it was told of.
    pub(super) fn close(&self, key: &Key) {
        let mut sessions = self.sessions();
        if let Some(name) = sessions.remove(key) {
            self.tell(&Event::SessionClosed(name));
        }
    }

    fn subscribers(&self) -> MutexGuard<'_, Vec<Sender<Event>>> {
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<Key, SessionName>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bytes(event: &Event) -> usize {
    let size = |message: &JsonRpcMessage| message.bytes().len();
    match event {
        // Its request is counted where it was sent, and the same bytes are.
        Event::Sent(Passed { message, .. }) | Event::Received(Passed { message, .. }) => size(message),
        Event::Failed(unfinished) | Event::Cancelled(unfinished) => size(&unfinished.message),
        Event::SessionCreated(_) | Event::SessionClosed(_) | Event::Lost(_) => 0,
    }
}

/// One stack and its clones: it is over when the last of them is dropped.
#[derive(Debug)]
pub(super) struct Stack {
    hub: Arc<Hub>,
    number: u64,
    opened: Mutex<Vec<Key>>,
}

impl Stack {
    pub(super) fn new(hub: &Arc<Hub>) -> Arc<Self> {
        let number = hub.stacks.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self { hub: hub.clone(), number, opened: Mutex::default() })
    }

    pub(super) fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The session of this request was opened here.
    pub(super) fn opens(&self, initialize: &JsonRpcMessage) {
        let context = initialize.context();
        let name = context.and_then(|context| context.session_id());
        let key = name.map_or(Key::OfStack(self.number), |name| Key::Named(name.into()));
        let session = context.and_then(|context| context.shared().get::<Arc<Session>>().cloned());
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if !opened.contains(&key) && opened.len() < MAX_SESSIONS {
            opened.push(key.clone());
        }
        drop(opened);
        self.hub.open(&key, session);
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        let opened = self.opened.get_mut().unwrap_or_else(PoisonError::into_inner);
        opened.iter().for_each(|key| self.hub.close(key));
    }
}
