//! A request that is being answered.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::Response;
use pin_project_lite::pin_project;

use super::body::Body;

/// Resolves to the response; never fails. Dropping it is what a client that leaves looks like.
#[must_use = "a request is not answered before this is polled"]
pub struct ResponseFuture(Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>);

impl ResponseFuture {
    pub(super) fn new(
        response: impl Future<Output = Result<Response<Body>, Infallible>> + Send + 'static,
    ) -> Self {
        Self(Box::pin(response))
    }
}

pin_project! {
    /// The same, before it is boxed.
    #[project = Projected]
    pub(super) enum Responding<F> {
        Usual { #[pin] response: F },
        Rare { response: Pin<Box<dyn Future<Output = Response<Body>> + Send>> },
    }
}

impl<F> Responding<F> {
    pub(super) fn rarely(response: impl Future<Output = Response<Body>> + Send + 'static) -> Self {
        Self::Rare { response: Box::pin(response) }
    }
}

impl<F: Future<Output = Response<Body>>> Future for Responding<F> {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projected::Usual { response } => response.poll(cx).map(Ok),
            Projected::Rare { response } => response.as_mut().poll(cx).map(Ok),
        }
    }
}

impl Future for ResponseFuture {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
