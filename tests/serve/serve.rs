//! A stack behind the stdio front end: one answer each, whatever happens.

use std::time::Duration;

use futures::stream;
use shadowcat::{Error, JsonRpcMessage, OwnedId, Reply, RpcService, serve};
use tokio::task::JoinHandle;

use crate::support::{
    self, Dropped, Peer, by_hand, call_text, cancelled, done, echo, leaf, msg, note, peer, settled,
};

type Served = JoinHandle<Result<(), Error>>;

fn serve_with<S: RpcService>(front: serve::Stdio<S>) -> (Peer, Served) {
    let (peer, read, write) = peer(1 << 20);
    (peer, tokio::spawn(front.run_on(read, write)))
}

fn serve<S: RpcService>(stack: S) -> (Peer, Served) {
    serve_with(serve::stdio(stack))
}

fn question(id: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"roots/list"}}"#)
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
    client.hear_error(None, -32600).await;
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
    let kept = call.context().unwrap().take_cancellation(&OwnedId::from(1));
    assert_eq!(kept, None, "it is there while the call is dropped, and not longer");
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
async fn a_question_reaches_the_client_and_its_answer_the_stack() {
    let (stack, mut calls) = by_hand();
    let (mut client, _served) = serve(stack);
    let (_, listen) = calls.recv().await.unwrap();
    listen.try_send(msg(question("\"q\""))).unwrap();
    assert_eq!(client.hear().await.unwrap(), question("\"q\""));
    for wrong in [done("\"Q\""), done(1)] {
        client.say(wrong).await;
        client.hear_error(None, -32600).await;
    }
    client.say(done(r#""\u0071""#)).await;
    assert_eq!(calls.recv().await.unwrap().0, msg(done(r#""\u0071""#)));
    client.say(done("\"q\"")).await;
    client.hear_error(None, -32600).await;
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

#[tokio::test(start_paused = true)]
async fn a_modern_client_is_asked_nothing() {
    let modern = |id: i64, method: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}}}}"#
        )
    };
    for (first, is_asked) in [(modern(1, "tools/list"), false), (modern(1, "server/discover"), true)] {
        let (stack, mut calls) = by_hand();
        let (mut client, _served) = serve(stack);
        let _listen = calls.recv().await;
        client.say(first).await;
        let (_, sender) = calls.recv().await.unwrap();
        sender.try_send(msg(question("7"))).unwrap();
        sender.finish(msg(done(1)));
        if is_asked {
            assert_eq!(client.hear().await.unwrap(), question("7"), "a probe decides nothing");
        }
        assert_eq!(client.hear().await.unwrap(), done(1));
    }
}
