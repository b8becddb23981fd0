//! What several test files need: a scripted peer on an in-memory pipe, and short ways to write messages.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::StreamExt;
use shadowcat::{Context as Facts, Direction, Error, JsonRpcMessage, Reply, ReplySender, RpcService};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tower::{Layer, Service, ServiceExt, service_fn};

/// A message, strictly parsed.
pub(crate) fn msg(text: impl AsRef<str>) -> JsonRpcMessage {
    let text = text.as_ref().to_owned();
    JsonRpcMessage::parse(text.clone()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

/// A `tools/call` under `id`, which is raw JSON.
pub(crate) fn call(id: impl std::fmt::Display) -> JsonRpcMessage {
    msg(call_text(id))
}

pub(crate) fn call_text(id: impl std::fmt::Display) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t"}}}}"#)
}

/// An empty result for `id`, which is raw JSON.
pub(crate) fn done(id: impl std::fmt::Display) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#)
}

/// A notification without params.
pub(crate) fn note(method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#)
}

pub(crate) fn progress(token: impl std::fmt::Display, step: u32) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/progress","params":{{"progressToken":{token},"progress":{step}}}}}"#
    )
}

pub(crate) fn cancelled(id: impl std::fmt::Display) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id}}}}}"#)
}

/// The text of a message's bytes.
pub(crate) fn text(message: &JsonRpcMessage) -> String {
    String::from_utf8(message.bytes().to_vec()).unwrap()
}

/// The next message of a reply that must have one.
pub(crate) async fn next(reply: &mut Reply) -> String {
    text(&soon(reply.next()).await.expect("the reply has another message").expect("the reply has not failed"))
}

/// The rest of a reply.
pub(crate) async fn rest(reply: Reply) -> Vec<String> {
    soon(reply.collect(usize::MAX)).await.unwrap().iter().map(text).collect()
}

/// Everything that can happen without the clock has happened. Needs paused time, which moves on only when
/// every task waits.
pub(crate) async fn settled() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

/// Never waited for: the test fails long before.
pub(crate) const NEVER: Duration = Duration::from_secs(60);

/// What does not come within a minute, at once where time is paused, does not come.
pub(crate) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(60), future).await.expect("it does not come")
}

/// Polls once with a waker that does nothing.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The other end of a pipe, line by line.
pub(crate) struct Peer {
    lines: Lines<BufReader<ReadHalf<DuplexStream>>>,
    write: Option<WriteHalf<DuplexStream>>,
}

/// A peer, and the two halves that it talks to.
pub(crate) fn peer(buffer: usize) -> (Peer, ReadHalf<DuplexStream>, WriteHalf<DuplexStream>) {
    let (ours, theirs) = tokio::io::duplex(buffer);
    let (read, write) = tokio::io::split(theirs);
    let (our_read, our_write) = tokio::io::split(ours);
    (Peer { lines: BufReader::new(read).lines(), write: Some(write) }, our_read, our_write)
}

impl Peer {
    /// Writes a line.
    pub(crate) async fn say(&mut self, line: impl AsRef<[u8]>) {
        self.say_raw(&[line.as_ref(), b"\n"].concat()).await;
    }

    /// Writes bytes.
    pub(crate) async fn say_raw(&mut self, bytes: &[u8]) {
        soon(self.write.as_mut().unwrap().write_all(bytes)).await.unwrap();
    }

    /// The next line; `None` once the other side has closed.
    pub(crate) async fn hear(&mut self) -> Option<String> {
        soon(self.lines.next_line()).await.unwrap()
    }

    /// The next line, as a message.
    pub(crate) async fn hear_message(&mut self) -> JsonRpcMessage {
        msg(self.hear().await.expect("the other side has not closed"))
    }

    /// An error under `id`, as written, with this code; its text.
    pub(crate) async fn hear_error(&mut self, id: Option<&str>, code: i64) -> String {
        let answer = self.hear_message().await;
        assert_eq!(answer.id().map(|id| id.as_str()), id, "{answer:?}");
        let error: serde_json::Value = serde_json::from_slice(answer.error().unwrap()).unwrap();
        assert_eq!(error["code"].as_i64(), Some(code), "{error}");
        error.to_string()
    }

    /// Nothing comes, however long one waits. Needs paused time.
    pub(crate) async fn hears_nothing(&mut self) {
        let heard = tokio::time::timeout(Duration::from_millis(50), self.lines.next_line()).await;
        assert!(heard.is_err(), "heard {heard:?}");
    }

    /// Ends what it says; it still hears.
    pub(crate) async fn close(&mut self) {
        if let Some(mut write) = self.write.take() {
            write.shutdown().await.unwrap();
        }
    }
}

/// A leaf that notes what reaches it and answers by `answer`.
#[derive(Clone)]
pub(crate) struct Leaf<F> {
    pub(crate) seen: Seen,
    answer: F,
}

/// What reached a place, in order.
#[derive(Clone, Default, Debug)]
pub(crate) struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    pub(crate) fn push(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

pub(crate) fn leaf<F, Fut>(answer: F) -> Leaf<F>
where
    F: FnMut(JsonRpcMessage) -> Fut,
    Fut: Future<Output = Result<Reply, Error>> + Send + 'static,
{
    Leaf { seen: Seen::default(), answer }
}

impl<F, Fut> Service<JsonRpcMessage> for Leaf<F>
where
    F: FnMut(JsonRpcMessage) -> Fut,
    Fut: Future<Output = Result<Reply, Error>> + Send + 'static,
{
    type Response = Reply;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        self.seen.push(text(&message));
        Box::pin((self.answer)(message))
    }
}

/// An empty result, or nothing where no answer is due; a listen stays open.
pub(crate) async fn echo(message: JsonRpcMessage) -> Result<Reply, Error> {
    if message.is_listen() {
        return Ok(Reply::stream(futures::stream::pending()));
    }
    Ok(message.responder().result("{}").unwrap().map_or_else(Reply::empty, Reply::one))
}

/// Tells when it is dropped.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dropped(Arc<()>);

impl Dropped {
    /// Whoever holds this has not been dropped.
    pub(crate) fn guard(&self) -> Dropped {
        self.clone()
    }

    /// How many guards live.
    pub(crate) fn alive(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

pub(crate) type Mock = tower_test::mock::Mock<JsonRpcMessage, Reply>;
pub(crate) type Handle = tower_test::mock::Handle<JsonRpcMessage, Reply>;

/// A layer over a service that is answered by hand.
pub(crate) fn mock<L: Layer<Mock>>(layer: L) -> (L::Service, Handle) {
    let (mock, handle) = tower_test::mock::pair();
    (layer.layer(mock), handle)
}

/// Waits until the stack is ready and calls it.
pub(crate) async fn run<S>(stack: &mut S, message: JsonRpcMessage) -> Result<Reply, S::Error>
where
    S: Service<JsonRpcMessage, Response = Reply>,
    S::Error: std::fmt::Debug,
{
    stack.ready().await.unwrap().call(message).await
}

/// A front end's own listen.
pub(crate) fn session_listen() -> JsonRpcMessage {
    let context = Facts::new(Direction::ToUpstream).session_listen();
    JsonRpcMessage::request("l", "subscriptions/listen", "{}").unwrap().with_context(Arc::new(context))
}

/// The error that the reply's one message is.
pub(crate) fn error_of(reply: &Reply) -> String {
    String::from_utf8(reply.as_one().unwrap().error().expect("an error").to_vec()).unwrap()
}

/// A stack whose every reply is a channel, given to the test.
pub(crate) fn by_hand() -> (impl RpcService, mpsc::Receiver<(JsonRpcMessage, ReplySender)>) {
    let (calls, to_test) = mpsc::channel(100);
    let stack = service_fn(move |message: JsonRpcMessage| {
        let (sender, reply) = Reply::channel(100);
        calls.try_send((message, sender)).unwrap();
        async { Ok::<_, Error>(reply) }
    });
    (stack, to_test)
}
