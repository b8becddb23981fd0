//! What was found, for whoever wants to know.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::layer::tap::{self, Receiver, Sender, queue};
use crate::message::Direction;
use crate::secret::Found;

/// What events that wait for one subscriber may weigh.
const MAX_QUEUED: usize = 1 << 20;

/// Something that subscribers are told.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// A secret was found.
    Found(Taken),
    /// So many events found no room here and are lost.
    Lost(u64),
}

/// A secret that was found on its way.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Taken {
    /// Where it was going.
    pub direction: Direction,
    /// The message's method, of a response that of its request; none of a client's answer.
    pub method: Option<Arc<str>>,
    /// The session's name, where its front end gave it one.
    pub session_id: Option<Arc<str>>,
    /// Of what kind it is and where in the message.
    pub found: Found,
    /// It was only told: the message went on with it.
    pub dry_run: bool,
}

/// Events in the order in which they happened; it ends when the layer and all stacks that it is in are gone.
#[derive(Debug)]
#[must_use = "a subscription that is not read loses events"]
pub struct Subscription(Receiver<Taken>);

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.poll_next(cx).map(|taken| {
            taken.map(|taken| match taken {
                tap::Taken::Item(found) => Event::Found(found),
                tap::Taken::Lost(events) => Event::Lost(events),
            })
        })
    }
}

/// Who is told.
#[derive(Debug, Default)]
pub(super) struct Reports {
    is_heard: AtomicBool,
    subscribers: Mutex<Vec<Sender<Taken>>>,
}

impl Reports {
    pub(super) fn subscribe(&self, events: usize) -> Subscription {
        let (sender, receiver) = queue(events, MAX_QUEUED);
        self.subscribers.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        self.is_heard.store(true, Ordering::Release);
        Subscription(receiver)
    }

    pub(super) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Acquire)
    }

    /// Nobody is waited for.
    pub(super) fn tell(&self, taken: &Taken) {
        let mut subscribers = self.subscribers.lock().unwrap_or_else(PoisonError::into_inner);
        subscribers.retain(|subscriber| !subscriber.is_closed());
        self.is_heard.store(!subscribers.is_empty(), Ordering::Release);
        let tokens = taken.found.path.tokens();
        let weight = 128 + tokens.map(|token| token.len() + 24).sum::<usize>();
        for subscriber in &*subscribers {
            subscriber.offer(taken.clone(), weight);
        }
    }
}
