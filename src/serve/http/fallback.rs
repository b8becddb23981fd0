//! Requests that are not for an endpoint of ours: an HTTP service beside the stacks.

use std::convert::Infallible;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use http::{Request, Response};
use http_body::{Body as HttpBody, Frame, SizeHint};
use tower_service::Service;

use super::body::Body;
use crate::error::{BoxError, Error};

/// The body of a request that went to the [`fallback`](super::Builder::fallback), as it comes.
pub struct RequestBody(Pin<Box<dyn HttpBody<Data = Bytes, Error = BoxError> + Send>>);

/// A service without its type.
pub(super) struct Fallback(Mutex<Box<dyn Answer>>);

type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send>>;

trait Answer: Send {
    fn answer(&self, request: Request<RequestBody>) -> Answering;
}

impl<S, B> Answer for S
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible, Future: Send>,
    S: Clone + Send + 'static,
    B: HttpBody<Error: Into<BoxError>> + Send + 'static,
{
    fn answer(&self, request: Request<RequestBody>) -> Answering {
        let mut service = self.clone();
        Box::pin(async move {
            let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
            let Ok(response) = service.call(request).await;
            response.map(|body| Body::other(Plain { body }))
        })
    }
}

impl Fallback {
    pub(super) fn new<S, B>(service: S) -> Self
    where
        S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible, Future: Send>,
        S: Clone + Send + 'static,
        B: HttpBody<Error: Into<BoxError>> + Send + 'static,
    {
        Self(Mutex::new(Box::new(service)))
    }

    pub(super) fn answer<B>(&self, request: Request<B>) -> Answering
    where
        B: HttpBody<Error: Into<BoxError>> + Send + 'static,
    {
        let request = request.map(|body| RequestBody(Box::pin(Plain { body })));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).answer(request)
    }
}

pin_project_lite::pin_project! {
    /// Any body, with one type of data and one of errors.
    struct Plain<B> {
        #[pin]
        body: B,
    }
}

impl<B: HttpBody<Error: Into<BoxError>>> HttpBody for Plain<B> {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(self.project().body.poll_frame(cx));
        Poll::Ready(frame.map(|frame| {
            let data = |mut data: B::Data| data.copy_to_bytes(data.remaining());
            frame.map(|frame| frame.map_data(data)).map_err(Into::into)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.0.as_mut().poll_frame(cx).map_err(Error::from)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for RequestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RequestBody")
    }
}
