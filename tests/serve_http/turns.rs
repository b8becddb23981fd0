//! The front end on HTTP over stacks that are not ready, and stacks that panic.

use http::StatusCode;
use shadowcat::Error;
use shadowcat::serve::{self, Http, http::SessionInfo};
use tower::limit::ConcurrencyLimit;
use tower::{ServiceExt, service_fn};

use crate::front::{
    self, ByHand, Calls, Events, body, by_hand, endpoint, get, modern, open, post, send, sending,
};
use crate::support::{self, call_text, done, msg, note, settled, soon};

/// Sessions that take one message at a time, until its reply begins.
fn one_at_a_time() -> (Http, Calls) {
    let (stack, calls) = by_hand();
    let make = service_fn(move |_: SessionInfo| {
        let stack = ConcurrencyLimit::new(Late(stack.clone()), 1);
        async move { Ok::<_, Error>(stack) }
    });
    (serve::http(endpoint()).sessions(make).build(), calls)
}

/// Resolves when the reply has its first message, as leaves do.
#[derive(Clone)]
struct Late(ByHand);

impl tower::Service<shadowcat::JsonRpcMessage> for Late {
    type Response = shadowcat::Reply;
    type Error = Error;
    type Future = futures::future::BoxFuture<'static, Result<shadowcat::Reply, Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: shadowcat::JsonRpcMessage) -> Self::Future {
        let is_ordinary = message.kind() == shadowcat::Kind::Request && !message.is_listen();
        let reply = self.0.call(message);
        Box::pin(async move {
            let mut reply = reply.await?;
            match is_ordinary {
                true => futures::StreamExt::next(&mut reply).await.unwrap().map(shadowcat::Reply::one),
                false => Ok(reply),
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_waited_for_its_turn_and_left_keeps_it_from_nobody() {
    let (http, mut calls) = one_at_a_time();
    let session = open(&http, &mut calls).await;
    let first = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    let mut waits = Events::of(send(&http, get(&session)).await);
    waits.is_silent().await;
    drop(waits);
    sender.finish(msg(done(1)));
    assert_eq!(first.await.unwrap().status(), StatusCode::OK);
    let second = sending(&http, post(Some(&session), call_text(2)));
    calls.take("tools/call").await.1.finish(msg(done(2)));
    assert_eq!(second.await.unwrap().status(), StatusCode::OK);
    let mut stays = Events::of(send(&http, get(&session)).await);
    stays.is_silent().await;
    let (_, listen) = calls.take("subscriptions/listen").await;
    listen.try_send(msg(note("notifications/a"))).unwrap();
    assert_eq!(stays.data().await, note("notifications/a"));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_nothing_keeps_the_turn_from_nobody() {
    let (stack, mut handle): (support::Mock, support::Handle) = tower_test::mock::pair();
    handle.allow(0);
    let http = serve::http(endpoint()).stateless(stack).build();
    let unread = tokio::spawn(http.clone().oneshot(modern(1, "x/y")));
    let _unread = unread.await.unwrap(); // a stream since it waited so long, and nobody polls it
    let other = sending(&http, modern(2, "x/y"));
    settled().await;
    handle.allow(2);
    for id in 1..=2 {
        let (message, respond) = soon(handle.next_request()).await.unwrap();
        respond.send_response(msg(done(message.id().unwrap().as_str())).into());
        assert_eq!(message.id().unwrap().as_i64(), Some(id));
    }
    assert_eq!(body(other.await.unwrap()).await, done(2));
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_turn_is_called_in_turn_and_not_at_all_once_it_left() {
    let (stack, mut calls) = by_hand();
    let stack = ConcurrencyLimit::new(Late(stack), 1);
    let http = serve::http(endpoint()).stateless(stack).build();
    let running = sending(&http, modern(0, "x/y"));
    let (_, sender) = calls.take("x/y").await;
    let mut waiting: Vec<_> = Vec::new();
    for id in 1..=200 {
        waiting.push(sending(&http, modern(id, "x/y")));
        tokio::task::yield_now().await;
    }
    let left = waiting.drain(..190);
    left.for_each(|request| request.abort());
    settled().await;
    assert!(calls.is_empty());
    sender.finish(msg(done(0)));
    assert_eq!(running.await.unwrap().status(), StatusCode::OK);
    for id in 191..=200 {
        let (message, sender) = calls.next().await;
        assert_eq!(message.id().unwrap().as_i64(), Some(id));
        sender.finish(msg(done(id)));
    }
    for request in waiting {
        assert_eq!(request.await.unwrap().status(), StatusCode::OK);
    }
    assert!(http.is_idle());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_ends_who_waits_in_it() {
    let (http, mut calls) = one_at_a_time();
    let session = open(&http, &mut calls).await;
    let running = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    let waiting = sending(&http, post(Some(&session), call_text(2)));
    settled().await;
    let delete = front::request("DELETE", Some(&session)).body(String::new()).unwrap();
    assert_eq!(send(&http, delete).await.status(), StatusCode::NO_CONTENT);
    soon(sender.cancelled()).await;
    for ended in [running, waiting] {
        assert_eq!(ended.await.unwrap().status(), StatusCode::BAD_GATEWAY);
    }
    settled().await;
    assert!(calls.is_empty());
    assert_eq!(calls.stacks.alive(), 1); // the factory's
}

/// Panics where it is told to.
struct Panics {
    stack: ByHand,
    when_called: bool,
    when_dropped: bool,
}

impl tower::Service<shadowcat::JsonRpcMessage> for Panics {
    type Response = shadowcat::Reply;
    type Error = Error;
    type Future = std::future::Ready<Result<shadowcat::Reply, Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: shadowcat::JsonRpcMessage) -> Self::Future {
        assert!(!self.when_called || message.is_method("initialize"), "on purpose");
        self.stack.call(message)
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        assert!(!self.when_dropped, "on purpose");
    }
}

fn panicking(when_called: bool, when_dropped: bool) -> (Http, Calls) {
    let (stack, calls) = by_hand();
    let make = service_fn(move |_: SessionInfo| {
        let stack = Panics { stack: stack.clone(), when_called, when_dropped };
        async move { Ok::<_, Error>(stack) }
    });
    (serve::http(endpoint()).sessions(make).build(), calls)
}

#[tokio::test]
async fn a_stack_that_panics_fails_one_call() {
    let (http, mut calls) = panicking(true, false);
    let session = open(&http, &mut calls).await;
    for id in 1..=2 {
        let failed = send(&http, post(Some(&session), call_text(id))).await;
        assert_eq!(failed.status(), StatusCode::BAD_GATEWAY);
        let text = body(failed).await;
        assert!(text.contains(&format!(r#""id":{id}"#)) && !text.contains("panic"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_panics_at_its_end_takes_nobody_along() {
    let (http, mut calls) = panicking(false, true);
    let session = open(&http, &mut calls).await;
    let delete = front::request("DELETE", Some(&session)).body(String::new()).unwrap();
    assert_eq!(send(&http, delete).await.status(), StatusCode::NO_CONTENT);
    for _ in 0..2 {
        open(&http, &mut calls).await;
        tokio::time::sleep(std::time::Duration::from_secs(31 * 60)).await;
        assert!(http.sessions().is_empty()); // still looked after
    }
}

#[tokio::test]
async fn a_maker_that_panics_fails_one_session() {
    let (stack, mut calls) = by_hand();
    let mut made = 0;
    let make = service_fn(move |_: SessionInfo| {
        made += 1;
        let (nth, stack) = (made, stack.clone());
        assert!(nth != 1, "on purpose");
        async move {
            tokio::task::yield_now().await;
            assert!(nth != 2, "on purpose");
            Ok::<_, Error>(stack)
        }
    });
    let http = serve::http(endpoint()).sessions(make).build();
    for _ in 0..2 {
        let failed = send(&http, post(None, front::INITIALIZE)).await;
        assert_eq!(failed.status(), StatusCode::BAD_GATEWAY);
        assert!(body(failed).await.contains(r#""id":0"#));
    }
    assert!(http.sessions().is_empty());
    open(&http, &mut calls).await;
}

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":51,"method":"roots/list"}"#;

#[tokio::test]
async fn requests_in_flight_keep_no_answer_out() {
    let (http, mut calls) = front::sessions(|http| http.max_in_flight(1));
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(QUESTION)).unwrap();
    let mut events = Events::of(response.await.unwrap());
    assert_eq!(events.data().await, QUESTION);
    for text in [note("notifications/progress"), done(51)] {
        assert_eq!(send(&http, post(Some(&session), text)).await.status(), StatusCode::ACCEPTED);
    }
    assert_eq!(send(&http, post(Some(&session), call_text(2))).await.status(), 503);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_finds_no_room_may_be_sent_again() {
    let (stack, mut handle): (support::Mock, support::Handle) = tower_test::mock::pair();
    let make = service_fn(move |_: SessionInfo| std::future::ready(Ok::<_, Error>(stack.clone())));
    let http = serve::http(endpoint()).sessions(make).max_in_flight(1).build();
    let response = sending(&http, post(None, front::INITIALIZE));
    let (message, respond) = soon(handle.next_request()).await.unwrap();
    respond.send_response(message.responder().result(front::AGREED).unwrap().unwrap().into());
    let session = response.await.unwrap().headers()["mcp-session-id"].to_str().unwrap().to_owned();

    let response = sending(&http, post(Some(&session), call_text(1)));
    let (sender, reply) = shadowcat::Reply::channel(8);
    soon(handle.next_request()).await.unwrap().1.send_response(reply);
    sender.try_send(msg(QUESTION)).unwrap();
    let mut events = Events::of(response.await.unwrap());
    assert_eq!(events.data().await, QUESTION);
    let notes = [1, 2].map(|_| sending(&http, post(Some(&session), note("notifications/x"))));
    settled().await;
    assert_eq!(send(&http, post(Some(&session), done(51))).await.status(), 503);
    for note in notes {
        soon(handle.next_request()).await.unwrap().1.send_response(shadowcat::Reply::empty());
        assert_eq!(note.await.unwrap().status(), StatusCode::ACCEPTED);
    }
    let again = sending(&http, post(Some(&session), done(51)));
    soon(handle.next_request()).await.unwrap().1.send_response(shadowcat::Reply::empty());
    assert_eq!(again.await.unwrap().status(), StatusCode::ACCEPTED);
}
