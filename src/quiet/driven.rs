//! What a connection is driven by.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Bell;

/// A connection whose wake-ups can be held back.
pub(crate) struct Driven<C> {
    connection: C,
    bell: Arc<Bell>,
    waker: Waker,
}

impl<C: Future + Unpin> Driven<C> {
    pub(crate) fn new(connection: C) -> Self {
        let bell = Arc::new(Bell(Mutex::new(None)));
        Self { connection, waker: bell.clone().into(), bell }
    }

    #[cfg(feature = "http-server")]
    pub(crate) fn get_mut(&mut self) -> Pin<&mut C> {
        Pin::new(&mut self.connection)
    }
}

impl<C: Future + Unpin> Future for Driven<C> {
    type Output = C::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<C::Output> {
        let this = &mut *self;
        let mut outer = this.bell.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *outer {
            Some(outer) => outer.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        drop(outer);
        Pin::new(&mut this.connection).poll(&mut Context::from_waker(&this.waker))
    }
}
