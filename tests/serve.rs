//! A stack behind the stdio front end: one answer each, whatever happens.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::time::Duration;

use futures::{StreamExt, stream};
use shadowcat::reply::ReplySender;
use shadowcat::{BoxError, Error, JsonRpcMessage, Reply, RpcService, serve};
use support::{Dropped, Peer, Seen, call_text, cancelled, done, echo, leaf, msg, note, peer, settled};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tower::service_fn;

type Served = JoinHandle<Result<(), Error>>;

fn serve_with<S: RpcService>(front: serve::Stdio<S>) -> (Peer, Served) {
    let (peer, read, write) = peer(1 << 20);
    (peer, tokio::spawn(front.run_on(read, write)))
}

fn serve<S: RpcService>(stack: S) -> (Peer, Served) {
    serve_with(serve::stdio(stack))
}

/// A stack whose every reply is a channel, given to the test.
fn by_hand() -> (impl RpcService, mpsc::Receiver<(JsonRpcMessage, ReplySender)>) {
    let (calls, to_test) = mpsc::channel(100);
    let stack = service_fn(move |message: JsonRpcMessage| {
        let (sender, reply) = Reply::channel(100);
        calls.try_send((message, sender)).unwrap();
        async { Ok::<_, Error>(reply) }
    });
    (stack, to_test)
}

fn question(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#)
}

async fn hear_error(client: &mut Peer, id: Option<&str>, code: i64) -> String {
    let answer = client.hear_message().await;
    assert_eq!(answer.id().map(|id| id.as_str()), id, "{answer:?}");
    let error: serde_json::Value = serde_json::from_slice(answer.error().unwrap()).unwrap();
    assert_eq!(error["code"].as_i64(), Some(code), "{error}");
    error.to_string()
}

#[tokio::test(start_paused = true)]
async fn each_request_gets_exactly_one_answer_and_a_notification_none() {
    let leaf = leaf(echo);
    let seen = leaf.seen.clone();
    let (mut client, served) = serve(leaf);
    for line in [call_text(1), note("notifications/x"), call_text("\"1\"")] {
        client.say(line).await;
    }
    assert_eq!(client.hear().await.unwrap(), done(1));
    assert_eq!(client.hear().await.unwrap(), done("\"1\""));
    client.hears_nothing().await;
    assert_eq!(seen.all()[1..], [call_text(1), note("notifications/x"), call_text("\"1\"")]);
    client.close().await;
    served.await.unwrap().unwrap();
    assert_eq!(client.hear().await, None);
}

#[tokio::test(start_paused = true)]
async fn the_session_listen_is_asked_first_marked_and_never_answered() {
    let (stack, mut calls) = by_hand();
    let (mut client, _served) = serve_with(serve::stdio(stack).session("s-1"));
    let (listen, sender) = calls.recv().await.unwrap();
    assert!(listen.is_listen() && listen.is_session_listen());
    assert_eq!(listen.context().unwrap().session_id(), Some("s-1"));
    sender.finish(listen.responder().result("{}").unwrap().unwrap());
    client.hears_nothing().await;
    client.say(call_text(1)).await;
    let (call, _sender) = calls.recv().await.unwrap();
    assert!(!call.is_session_listen() && call.context().unwrap().session_id() == Some("s-1"));
}

#[tokio::test(start_paused = true)]
async fn an_id_in_flight_is_refused_without_harm_to_its_call() {
    let (stack, mut calls) = by_hand();
    let (mut client, _served) = serve(stack);
    let _listen = calls.recv().await;
    client.say(call_text("\"a\"")).await;
    let (_, first) = calls.recv().await.unwrap();
    client.say(call_text(r#""\u0061""#)).await;
    hear_error(&mut client, None, -32600).await;
    first.finish(msg(done("\"a\"")));
    assert_eq!(client.hear().await.unwrap(), done("\"a\""));
    client.say(call_text("\"a\"")).await;
    assert!(calls.recv().await.is_some(), "and it is free again");
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_is_dropped_and_never_answered() {
    let (stack, mut calls) = by_hand();
    let (mut client, _served) = serve(stack);
    let _listen = calls.recv().await;
    client.say(call_text(1)).await;
    let (call, sender) = calls.recv().await.unwrap();
    client.say(cancelled("\"1\"")).await;
    settled().await;
    sender.try_send(msg(note("still/running"))).unwrap();
    assert_eq!(client.hear().await.unwrap(), note("still/running"));
    client.say(cancelled(1)).await;
    support::soon(sender.cancelled()).await;
    assert_eq!(call.cancellation().unwrap().take(), Some(msg(cancelled(1))), "reason and all");
    client.say(cancelled(1)).await;
    client.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_is_cancelled_while_its_future_runs_and_while_it_waits_for_the_stack() {
    let held = Dropped::default();
    let guard = held.clone();
    let hangs = leaf(move |message: JsonRpcMessage| {
        let guard = guard.guard();
        async move {
            let reply = if message.is_listen() {
                Reply::stream(stream::pending())
            } else {
                std::future::pending().await
            };
            drop(guard);
            Ok(reply)
        }
    });
    let seen = hangs.seen.clone();
    let stack = tower::ServiceBuilder::new().concurrency_limit(2).service(hangs);
    let (mut client, _served) = serve(stack);
    for id in 1..=3 {
        client.say(call_text(id)).await;
    }
    settled().await;
    let before = (seen.len(), held.alive());
    client.say(cancelled(3)).await; // waits, so it never reaches the stack
    client.say(cancelled(1)).await;
    settled().await;
    assert_eq!(held.alive(), before.1 - 1);
    assert!(seen.len() == before.0 && !seen.all().contains(&call_text(3)));
    client.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_one_error_to_one_caller() {
    let stack = leaf(|message: JsonRpcMessage| {
        let id = message.id().and_then(|id| id.as_i64());
        assert!(id != Some(1), "in call");
        async move {
            assert!(id != Some(2), "in the future");
            match id {
                Some(3) => Ok(Reply::stream(stream::poll_fn(|_| panic!("in the reply")))),
                Some(4) => {
                    let begun = stream::iter([Ok(msg(note("begun")))]);
                    Ok(Reply::stream(begun.chain(stream::poll_fn(|_| panic!("later in the reply")))))
                }
                _ => echo(message).await,
            }
        }
    });
    let (mut client, served) = serve(stack);
    for id in 1..=5 {
        client.say(call_text(id)).await;
    }
    for id in ["1", "2", "3"] {
        let error = hear_error(&mut client, Some(id), -32603).await;
        assert!(!error.contains("server is gone"), "nor is the server to blame: {error}");
    }
    assert_eq!(client.hear().await.unwrap(), note("begun"));
    hear_error(&mut client, Some("4"), -32603).await;
    assert_eq!(client.hear().await.unwrap(), done(5));
    client.close().await;
    served.await.unwrap().unwrap();
}

/// Not ready, broken or panicking, as the next word says.
#[derive(Clone)]
struct Moody(Seen);

impl tower::Service<JsonRpcMessage> for Moody {
    type Response = Reply;
    type Error = Error;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        self.0.push("asked");
        match self.0.len() {
            2 => panic!("in poll_ready"),
            3 => std::task::Poll::Ready(Err(Error::closed("secret"))),
            _ => std::task::Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        Box::pin(echo(message))
    }
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_panics_or_fails_when_asked_is_one_error_each() {
    let (mut client, _served) = serve(Moody(Seen::default()));
    settled().await;
    for id in 1..=3 {
        client.say(call_text(id)).await;
    }
    hear_error(&mut client, Some("1"), -32603).await;
    assert!(!hear_error(&mut client, Some("2"), -32603).await.contains("secret"));
    assert_eq!(client.hear().await.unwrap(), done(3));
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_something_is_dropped_harms_nobody() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                panic!("in drop");
            }
        }
    }
    let stack = service_fn(|message: JsonRpcMessage| async move {
        if message.id().is_some_and(|id| id.as_i64() == Some(1)) {
            return Ok::<_, Error>(Reply::stream(stream::pending()).hold(Bomb));
        }
        echo(message).await
    });
    let (mut client, _served) = serve(stack);
    for line in [call_text(1), cancelled(1), call_text(2)] {
        client.say(line).await;
    }
    assert_eq!(client.hear().await.unwrap(), done(2));
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_an_internal_error_without_its_details() {
    let stack = service_fn(|message: JsonRpcMessage| async move {
        match message.id().and_then(|id| id.as_i64()) {
            Some(1) => Err::<_, BoxError>("secret one".into()),
            Some(2) => {
                Ok(Reply::stream(stream::iter([Err(Error::io("secret two", std::io::Error::other("x")))])))
            }
            Some(3) => Ok(Reply::empty()),
            Some(4) => Ok(Reply::one(msg(done(99)))),
            Some(5) => Ok(Reply::one(msg(note("n")))),
            _ if message.is_listen() => Ok(Reply::stream(stream::pending())),
            _ => Err("secret three".into()),
        }
    });
    let (mut client, _served) = serve(stack);
    client.say(note("notifications/x")).await;
    for id in ["1", "2", "3", "4"] {
        client.say(call_text(id)).await;
        assert!(!hear_error(&mut client, Some(id), -32603).await.contains("secret"));
    }
    client.say(call_text(5)).await;
    assert_eq!(client.hear().await.unwrap(), note("n"));
    hear_error(&mut client, Some("5"), -32603).await;
    client.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn the_end_of_input_lets_calls_finish() {
    let (stack, mut calls) = by_hand();
    let (mut client, served) = serve(stack);
    let _listen = calls.recv().await;
    client.say(call_text(1)).await;
    client.close().await;
    let (_, sender) = calls.recv().await.unwrap();
    settled().await;
    assert!(!served.is_finished());
    sender.finish(msg(done(1)));
    assert_eq!(client.hear().await.unwrap(), done(1));
    served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_the_clients_patience_is_cancelled() {
    let (stack, mut calls) = by_hand();
    let (mut client, served) = serve_with(serve::stdio(stack).drain(Duration::from_secs(7)));
    let _listen = calls.recv().await;
    let start = tokio::time::Instant::now();
    client.say(call_text(1)).await;
    client.close().await;
    let (_, sender) = calls.recv().await.unwrap();
    sender.cancelled().await;
    served.await.unwrap().unwrap();
    assert_eq!(start.elapsed().as_secs(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_future_is_dropped_cancels_everything() {
    let (stack, mut calls) = by_hand();
    let (mut client, served) = serve(stack);
    let (_, listen) = calls.recv().await.unwrap();
    client.say(call_text(1)).await;
    let (_, sender) = calls.recv().await.unwrap();
    served.abort();
    sender.cancelled().await;
    listen.cancelled().await;
    assert_eq!(client.hear().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_ends_the_session_after_the_last_answer() {
    let (stack, mut calls) = by_hand();
    let (mut client, served) = serve(stack);
    let (_, listen) = calls.recv().await.unwrap();
    client.say(call_text(1)).await;
    let (_, sender) = calls.recv().await.unwrap();
    listen.fail(Error::closed("the server exited with status 3"));
    settled().await;
    assert!(!served.is_finished(), "a call is still pending");
    sender.fail(Error::closed("the server exited with status 3"));
    hear_error(&mut client, Some("1"), -32603).await;
    let error = served.await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), "the server exited with status 3");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_listen_does_not_end_the_session() {
    let stack = service_fn(|message: JsonRpcMessage| async move {
        match message.is_listen() {
            true => {
                Ok::<_, Error>(Reply::stream(stream::poll_fn(|_| panic!("a layer that watches the listen"))))
            }
            false => echo(message).await,
        }
    });
    let (mut client, served) = serve(stack);
    client.say(call_text(1)).await;
    assert_eq!(client.hear().await.unwrap(), done(1));
    assert!(!served.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_question_reaches_the_client_and_its_answer_the_stack() {
    let (stack, mut calls) = by_hand();
    let (mut client, _served) = serve(stack);
    let (_, listen) = calls.recv().await.unwrap();
    listen.try_send(msg(question("\"q\""))).unwrap();
    assert_eq!(client.hear().await.unwrap(), question("\"q\""));
    for wrong in [done("\"Q\""), done(1)] {
        client.say(wrong).await;
        hear_error(&mut client, None, -32600).await;
    }
    client.say(done(r#""\u0071""#)).await;
    assert_eq!(calls.recv().await.unwrap().0, msg(done(r#""\u0071""#)));
    client.say(done("\"q\"")).await;
    hear_error(&mut client, None, -32600).await;
}

#[tokio::test(start_paused = true)]
async fn questions_that_the_server_takes_back_do_not_use_up_the_room() {
    let (stack, mut calls) = by_hand();
    let (mut client, _served) = serve_with(serve::stdio(stack).max_in_flight(2));
    let (_, listen) = calls.recv().await.unwrap();
    for id in 0..20 {
        let id = id.to_string();
        listen.send(msg(question(&id))).await.unwrap();
        assert_eq!(client.hear().await.unwrap(), question(&id));
        listen.send(msg(cancelled(&id))).await.unwrap();
        assert_eq!(client.hear().await.unwrap(), cancelled(&id));
    }
}

#[tokio::test]
async fn a_front_end_takes_any_stack() {
    fn front_end<S: RpcService>(_: S) {}
    front_end(leaf(echo));
    front_end(
        tower::ServiceBuilder::new()
            .concurrency_limit(1)
            .rate_limit(1, Duration::from_secs(1))
            .service(leaf(echo)),
    );
}
