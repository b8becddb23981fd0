//! The HTTP client of a session with a process of our own: what breaks because the process ended says so.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, header::CONTENT_TYPE};
use http_body::Frame;
use tokio::sync::watch;
use tokio::time::timeout;
use tower_service::Service;

use crate::connect::child::daemon;
use crate::connect::http::{Body, HttpClient, ResponseBody};
use crate::connect::leaf::Exit;
use crate::error::Error;

/// How long the end of the process is awaited once a connection broke, so that the error can name it.
const STATUS: Duration = Duration::from_millis(250);

#[derive(Clone, Debug)]
pub(super) struct Client {
    inner: HttpClient,
    process: Process,
}

/// How it ended, once it has.
#[derive(Clone, Debug)]
struct Process(watch::Receiver<Option<Exit>>);

impl Client {
    pub(super) fn new(end: watch::Receiver<Option<Exit>>) -> Self {
        Self { inner: HttpClient::new(), process: Process(end) }
    }
}

impl Process {
    /// Why the process ended, if it has or is about to.
    async fn end(self) -> Option<Error> {
        let exit = timeout(STATUS, daemon::ended(self.0)).await.ok()?;
        Some(exit.error().clone())
    }

    /// The error, or what is behind it.
    async fn blame(self, error: Error) -> Error {
        if !error.is_closed() {
            return error;
        }
        match self.end().await {
            Some(end) if error.is_unsent() => end.unsent(),
            Some(end) => end,
            None => error,
        }
    }
}

impl Service<Request<Body>> for Client {
    type Response = Response<Incoming>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Incoming>, Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (asked, process) = (self.inner.call(request), self.process.clone());
        Box::pin(async move {
            match asked.await {
                Ok(response) => Ok(watched(response, process)),
                Err(error) => Err(process.blame(error).await),
            }
        })
    }
}

fn watched(response: Response<ResponseBody>, process: Process) -> Response<Incoming> {
    let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.as_bytes());
    let is_stream = kind.is_some_and(|kind| kind.starts_with(b"text/event-stream"));
    response.map(|body| Incoming { body, process, is_stream, last: None })
}

/// What ends a body.
type Last = Pin<Box<dyn Future<Output = Option<Error>> + Send>>;

/// The body of a response.
pub(super) struct Incoming {
    body: ResponseBody,
    process: Process,
    /// Of events: its end may be the process's.
    is_stream: bool,
    last: Option<Last>,
}

impl http_body::Body for Incoming {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            if let Some(last) = &mut self.last {
                let why = ready!(last.as_mut().poll(cx));
                self.last = Some(Box::pin(std::future::ready(None)));
                return Poll::Ready(why.map(Err));
            }
            let process = self.process.clone();
            self.last = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Err(error)) => Some(Box::pin(async { Some(process.blame(error).await) })),
                None if self.is_stream => Some(Box::pin(process.end())),
                frame => return Poll::Ready(frame),
            };
        }
    }

    fn is_end_stream(&self) -> bool {
        self.last.is_none() && !self.is_stream && self.body.is_end_stream()
    }
}
