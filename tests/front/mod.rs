//! What the tests of the front end on HTTP need: requests, responses, and a stack for each session that is answered
//! by hand.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body::Body as _;
use shadowcat::serve::http::{Body, Builder, Http, SessionInfo};
use shadowcat::wire::http::Endpoint;
use shadowcat::wire::sse::{Decoder, Event, Limits};
use shadowcat::{Error, JsonRpcMessage, Reply, ReplySender, serve};
use tokio::sync::mpsc;
use tower::{Service, ServiceExt, service_fn};

use crate::support::{Dropped, soon};

pub(crate) const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"roots":{}},"clientInfo":{"name":"t","version":"1"}}}"#;
pub(crate) const AGREED: &str =
    r#"{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}"#;

/// What reaches the stacks, with the way to answer.
pub(crate) struct Calls {
    calls: mpsc::Receiver<(JsonRpcMessage, ReplySender)>,
    /// Each stack that was not dropped.
    pub(crate) stacks: Dropped,
}

impl Calls {
    pub(crate) async fn next(&mut self) -> (JsonRpcMessage, ReplySender) {
        soon(self.calls.recv()).await.unwrap()
    }

    /// The next call must be of this method.
    pub(crate) async fn take(&mut self, method: &str) -> (JsonRpcMessage, ReplySender) {
        let (message, sender) = self.next().await;
        assert_eq!(message.method(), Some(method));
        (message, sender)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }
}

/// A stack whose every reply is a channel, given to the test. A notification needs none.
#[derive(Clone)]
pub(crate) struct ByHand {
    calls: mpsc::Sender<(JsonRpcMessage, ReplySender)>,
    _alive: Dropped,
}

impl Service<JsonRpcMessage> for ByHand {
    type Response = Reply;
    type Error = Error;
    type Future = std::future::Ready<Result<Reply, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        let is_answered = message.kind() == shadowcat::Kind::Request;
        let (sender, reply) = Reply::channel(100);
        self.calls.try_send((message, sender)).unwrap();
        std::future::ready(Ok(if is_answered { reply } else { Reply::empty() }))
    }
}

pub(crate) fn by_hand() -> (ByHand, Calls) {
    let (sender, calls) = mpsc::channel(1000);
    let stacks = Dropped::default();
    (ByHand { calls: sender, _alive: stacks.guard() }, Calls { calls, stacks })
}

pub(crate) fn endpoint() -> Endpoint {
    Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse().unwrap()).unwrap()
}

/// Sessions, each with a stack that is answered by hand.
pub(crate) fn sessions(change: impl FnOnce(Builder) -> Builder) -> (Http, Calls) {
    let (sender, calls) = mpsc::channel(1000);
    let stacks = Dropped::default();
    let alive = stacks.clone();
    let make = service_fn(move |_: SessionInfo| {
        let stack = ByHand { calls: sender.clone(), _alive: alive.guard() };
        async move { Ok::<_, Error>(stack) }
    });
    let http = change(serve::http(endpoint()).sessions(make)).build();
    // The factory holds one.
    (http, Calls { calls, stacks: stacks.clone() })
}

/// How many sessions' stacks live.
pub(crate) fn stacks(calls: &Calls) -> usize {
    calls.stacks.alive() - 1
}

pub(crate) fn request(method: &str, session: Option<&str>) -> http::request::Builder {
    let request = Request::builder().method(method).uri("/mcp").header("host", "localhost:8080");
    let request = request.header("accept", "application/json, text/event-stream");
    match session {
        Some(session) => request.header("mcp-session-id", session),
        None => request,
    }
}

pub(crate) fn post(session: Option<&str>, body: impl Into<String>) -> Request<String> {
    request("POST", session).header("content-type", "application/json").body(body.into()).unwrap()
}

pub(crate) fn get(session: &str) -> Request<String> {
    request("GET", Some(session)).body(String::new()).unwrap()
}

pub(crate) fn at(uri: &str, mut request: Request<String>) -> Request<String> {
    *request.uri_mut() = uri.parse().unwrap();
    request
}

pub(crate) fn modern(id: u32, method: &str) -> Request<String> {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    );
    let mut request = post(None, body);
    request.headers_mut().insert("mcp-protocol-version", "2026-07-28".parse().unwrap());
    request.headers_mut().insert("mcp-method", method.parse().unwrap());
    request
}

pub(crate) async fn send(http: &Http, request: Request<String>) -> Response<Body> {
    soon(http.clone().oneshot(request)).await.unwrap()
}

/// Sends in a task of its own, because the response may wait for the test.
pub(crate) fn sending(http: &Http, request: Request<String>) -> tokio::task::JoinHandle<Response<Body>> {
    let http = http.clone();
    tokio::spawn(async move { send(&http, request).await })
}

/// The whole body; it must end.
pub(crate) async fn body(response: Response<Body>) -> String {
    let body = soon(http_body_util::BodyExt::collect(response.into_body())).await.unwrap();
    String::from_utf8(body.to_bytes().to_vec()).unwrap()
}

/// Opens a session; its id.
pub(crate) async fn open(http: &Http, calls: &mut Calls) -> String {
    open_as(http, calls, post(None, INITIALIZE), AGREED).await
}

pub(crate) async fn open_as(
    http: &Http,
    calls: &mut Calls,
    request: Request<String>,
    agreed: &str,
) -> String {
    let response = sending(http, request);
    let (message, sender) = calls.take("initialize").await;
    sender.finish(message.responder().result(agreed).unwrap().unwrap());
    let response = response.await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    response.headers()["mcp-session-id"].to_str().unwrap().to_owned()
}

/// An event stream as its client reads it.
pub(crate) struct Events {
    body: Pin<Box<Body>>,
    decoder: Decoder,
    ready: VecDeque<Event>,
}

impl Events {
    pub(crate) fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        let body = Box::pin(response.into_body());
        Self { body, decoder: Decoder::new(Limits::default()), ready: VecDeque::new() }
    }

    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        soon(poll_fn(|cx| self.poll_next(cx))).await
    }

    /// The data of the next event, which there must be.
    pub(crate) async fn data(&mut self) -> String {
        let event = self.next().await.expect("the stream has another event");
        String::from_utf8(event.data.to_vec()).unwrap()
    }

    /// Everything that can happen has happened, and no event came. Needs paused time.
    pub(crate) async fn is_silent(&mut self) {
        let next = tokio::time::timeout(Duration::from_millis(5), poll_fn(|cx| self.poll_next(cx))).await;
        assert!(next.is_err(), "{next:?}");
    }

    /// The stream breaks, with no event before.
    pub(crate) async fn breaks(&mut self) {
        assert!(self.ready.is_empty());
        let frame = soon(poll_fn(|cx| self.body.as_mut().poll_frame(cx))).await;
        assert!(frame.expect("the stream does not end well").is_err());
    }

    pub(crate) fn comments(&self) -> u64 {
        self.decoder.comments()
    }

    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Poll::Ready(Some(event));
            }
            match self.body.as_mut().poll_frame(cx) {
                Poll::Ready(Some(frame)) => self.decoder.push(frame.unwrap().into_data().unwrap()),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => return Poll::Pending,
            }
            while let Some(event) = self.decoder.next_event().unwrap() {
                self.ready.push_back(event);
            }
        }
    }
}

/// An arc that is shared with nobody.
pub(crate) fn is_alone<T>(arc: &Arc<T>) -> bool {
    Arc::strong_count(arc) == 1
}
