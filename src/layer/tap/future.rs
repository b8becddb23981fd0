//! One message of the client and all that becomes of it.

use std::any::Any;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::error::{BoxError, Error};
use crate::message::JsonRpcMessage;
use crate::reply::{End, Event, Reply};

/// Is shown what becomes of one message.
pub(in crate::layer) trait Exchange: Send + 'static {
    /// Its reply is there; what it holds is shown next.
    fn replied(&mut self, _reply: &Reply) {}

    /// A message of its reply passes.
    fn received(&mut self, message: &JsonRpcMessage);

    /// It is over; nothing comes after this.
    fn ended(&mut self, how: Ending<'_>);
}

/// How it was over.
pub(in crate::layer) enum Ending<'a> {
    /// Everything was read.
    Complete,
    /// The channel below broke, with an error of ours if it is one.
    Failed(Option<&'a Error>),
    /// The future or the reply was dropped.
    Cancelled,
}

/// An exchange that is shown its end, whatever that is.
struct Watch<X: Exchange>(Option<X>);

impl<X: Exchange> Watch<X> {
    fn see(&mut self, event: Event<'_>) {
        match event {
            Event::Message(message) => self.0.iter_mut().for_each(|exchange| exchange.received(message)),
            Event::End(End::Complete) => self.end(Ending::Complete),
            Event::End(End::Failed(error)) => self.end(Ending::Failed(Some(error))),
            Event::End(End::Dropped) => self.end(Ending::Cancelled),
        }
    }

    fn end(&mut self, how: Ending<'_>) {
        if let Some(mut exchange) = self.0.take() {
            exchange.ended(how);
        }
    }
}

impl<X: Exchange> Drop for Watch<X> {
    fn drop(&mut self) {
        self.end(Ending::Cancelled);
    }
}

pin_project! {
    /// A call that is watched, or not.
    pub(in crate::layer) struct Tapped<F, X: Exchange> {
        #[pin]
        inner: F,
        watch: Option<Watch<X>>,
    }

    impl<F, X: Exchange> PinnedDrop for Tapped<F, X> {
        /// Told before the call below is cancelled, which takes the client's word for it along.
        fn drop(this: Pin<&mut Self>) {
            drop(this.project().watch.take());
        }
    }
}

impl<F, X: Exchange> Tapped<F, X> {
    pub(in crate::layer) fn new(inner: F, exchange: Option<X>) -> Self {
        Self { inner, watch: exchange.map(|exchange| Watch(Some(exchange))) }
    }
}

impl<F, X, E> Future for Tapped<F, X>
where
    F: Future<Output = Result<Reply, E>>,
    X: Exchange,
    E: 'static,
{
    type Output = Result<Reply, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = ready!(this.inner.poll(cx));
        let Some(mut watch) = this.watch.take() else { return Poll::Ready(outcome) };
        Poll::Ready(match outcome {
            Ok(reply) => {
                watch.0.iter_mut().for_each(|exchange| exchange.replied(&reply));
                Ok(reply.inspect(move |event| watch.see(event)))
            }
            Err(error) => {
                watch.end(Ending::Failed(own(&error)));
                Err(error)
            }
        })
    }
}

/// The error as one of this crate, boxed or not.
fn own<E: 'static>(error: &E) -> Option<&Error> {
    let error: &dyn Any = error;
    error.downcast_ref().or_else(|| error.downcast_ref::<BoxError>()?.downcast_ref())
}
