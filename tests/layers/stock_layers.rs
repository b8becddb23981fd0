//! tower's own layers in one stack over stdio, the two traps, and the order of layers.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use shadowcat::layer::{CatchErrorLayer, Next, OnRequestsLayer, TraceLayer, from_fn};
use shadowcat::{Error, JsonRpcMessage, Kind, Reply, RpcService, connect, serve};
use tokio::sync::Notify;
use tower::{Layer, Service, ServiceBuilder, ServiceExt, retry};

use crate::support::*;

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;

/// A client, and the server at the other end of what `stack` makes of the leaf.
fn session<S: RpcService>(stack: impl FnOnce(connect::Multiplex) -> S) -> (Peer, Peer) {
    let (server, read, write) = peer(1 << 20);
    let stack = stack(connect::pipe(read, write));
    let (client, read, write) = peer(1 << 20);
    tokio::spawn(serve::stdio(stack).run_on(read, write));
    (client, server)
}

/// Tries again what never left, and what the server was too busy for.
#[derive(Clone)]
struct Again {
    left: u32,
}

impl retry::Policy<JsonRpcMessage, Reply, Error> for Again {
    type Future = std::future::Ready<()>;

    fn retry(&mut self, _: &mut JsonRpcMessage, outcome: &mut Result<Reply, Error>) -> Option<Self::Future> {
        let again = match outcome {
            Ok(reply) => reply
                .as_one()
                .and_then(JsonRpcMessage::error)
                .is_some_and(|error| error.ends_with(b"\"busy\"}")),
            Err(error) => error.is_unsent(),
        };
        self.left = self.left.checked_sub(u32::from(again))?;
        again.then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, message: &JsonRpcMessage) -> Option<JsonRpcMessage> {
        Some(message.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn all_of_towers_limits_stack_with_no_adapter() {
    let (mut client, mut server) = session(|leaf| {
        ServiceBuilder::new()
            .layer(CatchErrorLayer::new())
            .load_shed()
            .buffer(64)
            .layer(TraceLayer::new())
            .timeout(Duration::from_secs(5))
            .concurrency_limit(8)
            .rate_limit(1000, Duration::from_secs(1))
            .retry(Again { left: 2 })
            .service(leaf)
    });
    client.say(call_text(1)).await;
    for _ in 0..2 {
        assert_eq!(server.hear().await.unwrap(), call_text(1));
        server.say(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"busy"}}"#).await;
    }
    assert_eq!(server.hear().await.unwrap(), call_text(1), "the third time");
    server.say(done(1)).await;
    assert_eq!(client.hear().await.unwrap(), done(1));

    for line in [note("notifications/initialized"), done(99), call_text(2)] {
        client.say(line).await;
    }
    assert_eq!(server.hear().await.unwrap(), note("notifications/initialized"));
    assert_eq!(server.hear().await.unwrap(), call_text(2));
    assert!(client.hear_message().await.id().is_none(), "nobody asked 99");
    let late = client.hear_message().await;
    assert!(
        late.error().is_some() && late.id().unwrap().as_i64() == Some(2),
        "the timeout's error is an answer"
    );
    assert_eq!(server.hear().await.unwrap(), cancelled(2), "and its drop a cancellation");
    server.say(note("notifications/tools/list_changed")).await;
    assert_eq!(client.hear().await.unwrap(), note("notifications/tools/list_changed"));
}

#[tokio::test(start_paused = true)]
async fn requests_beyond_a_limit_are_shed_and_answered() {
    let (mut client, mut server) = session(|leaf| {
        let shed = ServiceBuilder::new().load_shed().concurrency_limit(1).into_inner();
        ServiceBuilder::new().layer(CatchErrorLayer::new()).layer(OnRequestsLayer::new(shed)).service(leaf)
    });
    client.say(call_text(1)).await;
    client.say(call_text(2)).await;
    let shed = client.hear_message().await;
    assert_eq!((shed.id().unwrap().as_i64(), shed.error().is_some()), (Some(2), true));
    assert_eq!(server.hear().await.unwrap(), call_text(1));
    server.say(done(1)).await;
    assert_eq!(client.hear().await.unwrap(), done(1));
}

/// A leaf of one permit, with a call that has begun to stream.
async fn streaming<S>(stack: &mut S, server: &mut Peer) -> Reply
where
    S: Service<JsonRpcMessage, Response = Reply>,
    S::Error: std::fmt::Debug,
{
    let with_token =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1}}}"#;
    let pending = stack.ready().await.unwrap().call(msg(with_token));
    server.hear().await.unwrap();
    server.say(progress(1, 1)).await;
    pending.await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn first_trap_a_stock_permit_ends_at_the_first_message() {
    let (mut server, read, write) = peer(1 << 20);
    let mut stack = ServiceBuilder::new().concurrency_limit(1).service(connect::pipe(read, write));
    let _reply = streaming(&mut stack, &mut server).await;
    let _second = stack.ready().await.unwrap().call(call(2));
    assert_eq!(server.hear().await.unwrap(), call_text(2), "two calls run, though the limit is one");
}

#[tokio::test(start_paused = true)]
async fn its_cure_a_permit_that_the_reply_holds_covers_the_whole_exchange() {
    let permits = Arc::new(tokio::sync::Semaphore::new(1));
    let one_exchange = from_fn(move |message, next: Next| {
        let permits = permits.clone();
        async move {
            let permit = permits.acquire_owned().await?;
            Ok(next.run(message).await?.hold(permit))
        }
    });
    let (mut server, read, write) = peer(1 << 20);
    let mut stack = one_exchange.layer(connect::pipe(read, write));
    let mut reply = streaming(&mut stack, &mut server).await;
    let second = tokio::spawn(stack.ready().await.unwrap().call(call(2)));
    next(&mut reply).await;
    server.hears_nothing().await;
    server.say(done(1)).await;
    assert_eq!(rest(reply).await, [done(1)]);
    assert_eq!(server.hear().await.unwrap(), call_text(2));
    server.say(done(2)).await;
    assert!(second.await.unwrap().unwrap().as_one().is_some());
}

/// A server that asks its client something before it answers a call, on the stream of what is said unasked.
fn asking()
-> (impl Service<JsonRpcMessage, Response = Reply, Error = Error, Future: Send> + Clone + Send, Seen) {
    let listen = Arc::new(Mutex::new(None));
    let answers = Arc::new(Notify::new());
    let leaf = leaf(move |message: JsonRpcMessage| {
        let (listen, answers) = (listen.clone(), answers.clone());
        async move {
            if message.is_listen() {
                let (sender, reply) = Reply::channel(8);
                *listen.lock().unwrap() = Some(sender);
                return Ok(reply);
            }
            if message.kind() == Kind::Response {
                answers.notify_one();
                return Ok(Reply::empty());
            }
            listen.lock().unwrap().as_ref().unwrap().try_send(msg(QUESTION)).unwrap();
            answers.notified().await;
            echo(message).await
        }
    });
    let seen = leaf.seen.clone();
    (leaf, seen)
}

async fn ask_during_a_call<S: RpcService>(stack: S) -> Peer {
    let (mut client, read, write) = peer(1 << 20);
    tokio::spawn(serve::stdio(stack).run_on(read, write));
    client.say(call_text(1)).await;
    assert_eq!(client.hear().await.unwrap(), QUESTION);
    client.say(done("\"q\"")).await;
    client
}

#[tokio::test(start_paused = true)]
async fn second_trap_the_answer_waits_for_the_permit_of_the_call_that_waits_for_it() {
    let (server, seen) = asking();
    let mut client = ask_during_a_call(ServiceBuilder::new().concurrency_limit(1).service(server)).await;
    client.hears_nothing().await;
    assert_eq!(seen.len(), 2, "the answer has not reached the server");
}

#[tokio::test(start_paused = true)]
async fn second_trap_load_shed_throws_the_answer_away() {
    let (server, seen) = asking();
    let shed = ServiceBuilder::new().load_shed().concurrency_limit(1).service(server);
    let mut client = ask_during_a_call(shed).await;
    client.hears_nothing().await;
    assert_eq!(seen.len(), 2, "nor will it ever");
}

#[tokio::test(start_paused = true)]
async fn its_cure_a_limit_on_requests_lets_the_answer_through() {
    let (server, _) = asking();
    let limit = OnRequestsLayer::new(ServiceBuilder::new().concurrency_limit(1).into_inner());
    let mut client = ask_during_a_call(limit.layer(server)).await;
    assert_eq!(client.hear().await.unwrap(), done(1));

    let (server, _) = asking();
    let shed = OnRequestsLayer::new(ServiceBuilder::new().load_shed().concurrency_limit(1).into_inner());
    let mut client = ask_during_a_call(shed.layer(server)).await;
    assert_eq!(client.hear().await.unwrap(), done(1));
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_its_calls_first_message_frees_the_permit() {
    let (mut client, mut server) = session(|leaf| ServiceBuilder::new().concurrency_limit(1).service(leaf));
    client.say(call_text(1)).await;
    server.hear().await.unwrap();
    server.say(QUESTION).await;
    assert_eq!(client.hear().await.unwrap(), QUESTION);
    client.say(done("\"q\"")).await;
    assert_eq!(server.hear().await.unwrap(), done("\"q\""), "no trap where the question belongs to the call");
}

#[tokio::test(start_paused = true)]
async fn a_limit_on_requests_is_a_limit() {
    let limit = OnRequestsLayer::new(ServiceBuilder::new().concurrency_limit(2).into_inner());
    let (mut client, mut server) = session(|leaf| limit.layer(leaf));
    for id in 1..=3 {
        client.say(call_text(id)).await;
    }
    for id in 1..=2 {
        assert_eq!(server.hear().await.unwrap(), call_text(id));
    }
    server.hears_nothing().await;
    server.say(done(2)).await;
    assert_eq!(server.hear().await.unwrap(), call_text(3));
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_passes_a_full_limit() {
    let limit = OnRequestsLayer::new(ServiceBuilder::new().concurrency_limit(1).into_inner());
    let (mut client, mut server) = session(|leaf| limit.layer(leaf));
    for line in [call_text(1), call_text(2), call_text(3), cancelled(2), cancelled(1)] {
        client.say(line).await;
    }
    for line in [call_text(1), cancelled(1), call_text(3)] {
        assert_eq!(server.hear().await.unwrap(), line);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_sees_a_single_reply_and_leaves_streams_alone() {
    let (mut server, read, write) = peer(1 << 20);
    let mut stack = ServiceBuilder::new()
        .layer(retry::RetryLayer::new(Again { left: 1 }))
        .service(connect::pipe(read, write));
    let reply = streaming(&mut stack, &mut server).await;
    server.say(done(1)).await;
    assert_eq!(reply.count().await, 2);
    drop(server);
    settled().await;
    assert!(run(&mut stack, call(2)).await.unwrap_err().is_unsent());
}
