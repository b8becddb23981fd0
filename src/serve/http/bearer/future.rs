use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::WWW_AUTHENTICATE;
use http::{HeaderValue, Response};
use pin_project_lite::pin_project;

use super::Refused;

pin_project! {
    /// The future of [`Bearer`](super::Bearer).
    pub struct ResponseFuture<F> {
        // Gone where the request was refused.
        #[pin]
        inner: Option<F>,
        refused: Option<(Refused, HeaderValue)>,
    }
}

impl<F> ResponseFuture<F> {
    pub(super) fn passed(inner: F) -> Self {
        Self { inner: Some(inner), refused: None }
    }

    pub(super) fn refused(refused: Refused, challenge: HeaderValue) -> Self {
        Self { inner: None, refused: Some((refused, challenge)) }
    }
}

impl<F, R, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Default,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Some(inner) = this.inner.as_pin_mut() {
            return inner.poll(cx);
        }
        let (refused, challenge) = this.refused.take().expect("a future is not polled after it is ready");
        let mut response = Response::new(R::default());
        *response.status_mut() = refused.status();
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        response.extensions_mut().insert(refused);
        Poll::Ready(Ok(response))
    }
}

impl<F> fmt::Debug for ResponseFuture<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
