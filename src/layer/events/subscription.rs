//! Events as a stream.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::Event;
use crate::layer::tap::{Receiver, Taken};

/// Events in the order in which they happened; it ends when the layer and all stacks that it is in are gone. Dropped, it
/// costs nothing any more.
#[derive(Debug)]
#[must_use = "a subscription that is not read loses events"]
pub struct Subscription {
    pub(super) events: Receiver<Event>,
}

impl Stream for Subscription {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_next(cx).map(|taken| {
            taken.map(|taken| match taken {
                Taken::Item(event) => event,
                Taken::Lost(events) => Event::Lost(events),
            })
        })
    }
}
