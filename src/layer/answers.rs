//! Answers of a layer's own to what the server asks.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::task::Context;

use crate::error::BoxError;
use crate::message::JsonRpcMessage;
use crate::reply::RpcService;

/// A clone of a service without a reservation, to make others from: one for each call would cost what a stack of
/// clones does.
pub(super) struct Spare<S>(OnceLock<Mutex<S>>);

impl<S> Default for Spare<S> {
    fn default() -> Self {
        Self(OnceLock::new())
    }
}

impl<S: Clone> Spare<S> {
    /// Calls are made through clones of this one.
    pub(super) fn over(&self, service: &S) {
        self.0.get_or_init(|| Mutex::new(service.clone()));
    }

    /// A service to make one more call with.
    pub(super) fn service(&self) -> Option<S> {
        Some(self.0.get()?.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Answers to the server that wait for the service to be ready; they go on while the reply is read.
#[derive(Default)]
pub(super) struct Answers(Vec<Pin<Box<dyn Future<Output = ()> + Send>>>);

/// So many wait; what is answered beyond is lost.
const MOST: usize = 64;

impl Answers {
    /// Answers the server in the client's place. What it waits for is not waited for by the messages behind.
    pub(super) fn add<S: RpcService>(&mut self, service: Option<S>, answer: JsonRpcMessage) {
        if self.0.len() == MOST {
            tracing::warn!("too many answers to the server wait; one is lost");
            return;
        }
        let Some(mut service) = service else { return };
        self.0.push(Box::pin(async move {
            let ready = poll_fn(|cx| service.poll_ready(cx)).await.map_err(Into::into);
            let sent = match ready {
                Ok(()) => service.call(answer).await.map(drop).map_err(Into::into),
                Err(error) => Err::<(), BoxError>(error),
            };
            if let Err(error) = sent {
                tracing::debug!(%error, "an answer to the server's question could not be sent");
            }
        }));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>) {
        self.0.retain_mut(|answer| answer.as_mut().poll(cx).is_pending());
    }
}

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").field("waiting", &self.0.len()).finish()
    }
}
