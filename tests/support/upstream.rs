//! A scripted HTTP server without a socket: the test sees each request and says what is answered.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io;

use axum::body::Body as Answer;
use bytes::Bytes;
use futures::channel::mpsc as chunks;
use http::request::Parts;
use http::{Method, Request, Response};
use shadowcat::connect::Http;
use shadowcat::connect::http::{Body, Options};
use shadowcat::{BoxError, Error, JsonRpcMessage, Reply};
use tokio::sync::{mpsc, oneshot};
use tower::util::BoxCloneService;
use tower::{Service, service_fn};

use crate::support::{msg, soon};

pub(crate) type Client = BoxCloneService<Request<Body>, Response<Answer>, BoxError>;
pub(crate) type Session = Http<Client>;

pub(crate) const URI: &str = "http://server.example:8000/mcp?key=k";

/// The server's side.
pub(crate) struct Upstream {
    asked: mpsc::Receiver<Asked>,
}

/// A request that waits for its answer.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) head: Parts,
    pub(crate) body: String,
    answer: oneshot::Sender<Result<Response<Answer>, BoxError>>,
}

/// A stream of events that is being written.
pub(crate) struct Events(chunks::Sender<io::Result<Bytes>>);

pub(crate) fn upstream() -> (Session, Upstream) {
    upstream_with(Options::new())
}

pub(crate) fn upstream_with(options: Options) -> (Session, Upstream) {
    upstream_at(URI, options)
}

pub(crate) fn upstream_at(uri: &str, options: Options) -> (Session, Upstream) {
    let (client, upstream) = client();
    (Http::with_options(client, uri.parse().unwrap(), options), upstream)
}

/// What the server is asked with.
pub(crate) fn client() -> (Client, Upstream) {
    let (tell, asked) = mpsc::channel(64);
    let client = service_fn(move |request: Request<Body>| {
        let tell = tell.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(Answer::new(body), usize::MAX).await?;
            let (answer, answered) = oneshot::channel();
            let body = String::from_utf8(body.to_vec())?;
            tell.send(Asked { head, body, answer }).await.map_err(|_| "the test is over")?;
            answered.await.map_err(|_| "the server broke off")?
        }
    });
    (Client::new(client), Upstream { asked })
}

impl Upstream {
    /// The next request.
    pub(crate) async fn asked(&mut self) -> Asked {
        soon(self.asked.recv()).await.expect("the leaf is there")
    }

    /// The next request, if the leaf is there.
    pub(crate) async fn next(&mut self) -> Option<Asked> {
        self.asked.recv().await
    }

    pub(crate) async fn get(&mut self) -> Asked {
        let asked = self.asked().await;
        assert_eq!(asked.head.method, Method::GET, "{asked:?}");
        asked
    }

    /// The next request is a POST of this message.
    pub(crate) async fn post(&mut self, body: &str) -> Asked {
        let asked = self.asked().await;
        assert_eq!((&asked.head.method, asked.body.as_str()), (&Method::POST, body), "{asked:?}");
        asked
    }

    /// Whatever comes from now on is refused.
    pub(crate) fn refuse_all(self) {
        let mut server = self;
        tokio::spawn(async move {
            while let Some(asked) = server.asked.recv().await {
                asked.status(400);
            }
        });
    }

    /// No request comes, however long one waits. Needs paused time.
    pub(crate) async fn hears_nothing(&mut self) {
        let heard = tokio::time::timeout(std::time::Duration::from_millis(50), self.asked.recv()).await;
        assert!(matches!(heard, Err(_) | Ok(None)), "{heard:?}");
    }
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        assert!(self.head.headers.get_all(name).iter().count() <= 1, "{name} stands twice");
        self.head.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn answer(self, response: Response<Answer>) {
        _ = self.answer.send(Ok(response));
    }

    /// An answer with this status, type and body.
    pub(crate) fn say(self, status: u16, kind: &str, body: impl Into<Answer>) {
        let head = Response::builder().status(status).header("content-type", kind);
        self.answer(head.body(body.into()).unwrap());
    }

    pub(crate) fn json(self, body: impl Into<Answer>) {
        self.say(200, "application/json; charset=utf-8", body);
    }

    pub(crate) fn status(self, status: u16) {
        self.answer(Response::builder().status(status).body(Answer::empty()).unwrap());
    }

    pub(crate) fn events(self) -> Events {
        let (events, body) = chunks::channel(64);
        self.say(200, "text/event-stream", Answer::from_stream(body));
        Events(events)
    }

    /// The connection breaks instead of an answer.
    pub(crate) fn break_off(self, error: impl Into<BoxError>) {
        _ = self.answer.send(Err(error.into()));
    }

    /// Whether the leaf still waits.
    pub(crate) async fn abandoned(mut self) {
        soon(self.answer.closed()).await;
    }
}

impl Events {
    pub(crate) fn raw(&mut self, bytes: impl Into<Bytes>) {
        self.0.try_send(Ok(bytes.into())).expect("the stream is read");
    }

    pub(crate) fn say(&mut self, message: impl AsRef<str>) {
        self.raw(format!("data: {}\n\n", message.as_ref()));
    }

    pub(crate) fn break_off(mut self) {
        self.0.try_send(Err(io::ErrorKind::ConnectionReset.into())).unwrap();
    }

    /// The leaf has closed it.
    pub(crate) async fn closed(mut self) {
        soon(futures::future::poll_fn(|cx| match self.0.poll_ready(cx) {
            std::task::Poll::Ready(Err(_)) => std::task::Poll::Ready(()),
            _ => {
                cx.waker().wake_by_ref(); // nothing else tells
                std::task::Poll::Pending
            }
        }))
        .await;
    }
}

pub(crate) const INITIALIZE: &str =
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
pub(crate) const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

pub(crate) fn welcome(version: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":0,"result":{{"protocolVersion":"{version}","capabilities":{{}}}}}}"#)
}

/// An answer to `initialize` that opens the session `s-1`.
pub(crate) fn opened(version: &str) -> Response<Answer> {
    let head = Response::builder().header("content-type", "application/json").header("Mcp-Session-Id", "s-1");
    head.body(welcome(version).into()).unwrap()
}

/// A call that is running.
pub(crate) fn begin(
    leaf: &mut Session,
    message: JsonRpcMessage,
) -> tokio::task::JoinHandle<Result<Reply, Error>> {
    tokio::spawn(leaf.call(message))
}

/// Opens the session; the stream that the leaf asks for with it waits for its answer.
pub(crate) async fn open_session(leaf: &mut Session, upstream: &mut Upstream) -> Asked {
    let call = begin(leaf, msg(INITIALIZE));
    upstream.post(INITIALIZE).await.answer(opened("2025-11-25"));
    drop(soon(call).await.unwrap().unwrap());
    let call = begin(leaf, msg(INITIALIZED));
    upstream.post(INITIALIZED).await.status(202);
    drop(soon(call).await.unwrap().unwrap());
    upstream.get().await
}

/// What a server asks.
pub(crate) fn ask(id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#)
}
