//! The front end on HTTP: clients that leave, and come back.

use http::{Request, StatusCode};
use shadowcat::serve::http::SessionInfo;
use shadowcat::{Error, connect, serve};
use tower::{ServiceExt, service_fn};

use crate::front::{
    self, Events, INITIALIZE, by_hand, endpoint, get, modern, open, open_as, post, send, sending, sessions,
};
use crate::support::{self, call_text, cancelled, done, msg, note, peer, progress, soon};

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":51,"method":"roots/list"}"#;

fn after(session: &str, id: &str) -> Request<String> {
    let mut request = get(session);
    request.headers_mut().insert("last-event-id", id.parse().unwrap());
    request
}

#[tokio::test]
async fn leaving_cancels_a_modern_request_at_any_time() {
    let (stack, mut calls) = by_hand();
    let http = serve::http(endpoint()).stateless(stack).build();
    // Before anything came.
    let response = sending(&http, modern(1, "x/y"));
    let (_, sender) = calls.take("x/y").await;
    response.abort();
    soon(sender.cancelled()).await;
    // In the middle of a stream.
    let response = sending(&http, modern(2, "x/y"));
    let (_, sender) = calls.take("x/y").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    drop(response.await.unwrap());
    soon(sender.cancelled()).await;
    assert!(http.is_idle());
}

#[tokio::test(start_paused = true)]
async fn leaving_does_not_cancel_a_sessions_request() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let early = sending(&http, post(Some(&session), call_text(1)));
    let (_, first) = calls.take("tools/call").await;
    early.abort();
    let late = sending(&http, post(Some(&session), call_text(2)));
    let (_, second) = calls.take("tools/call").await;
    second.try_send(msg(progress(1, 1))).unwrap();
    drop(late.await.unwrap());
    support::settled().await;
    for sender in [&first, &second] {
        assert!(futures::poll!(Box::pin(sender.cancelled())).is_pending());
    }
    // What nobody will see is read to the end all the same.
    first.try_send(msg(QUESTION)).unwrap();
    let (refusal, _) = calls.next().await;
    assert!(support::text(&refusal).contains(r#""id":51,"error""#));
    first.finish(msg(done(1)));
    second.finish(msg(done(2)));
    support::settled().await;
    assert!(http.is_idle());
}

#[tokio::test]
async fn a_response_that_broke_off_is_taken_up_where_it_was() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    let mut events = Events::of(response.await.unwrap());
    let seen = events.next().await.unwrap().id.unwrap();
    sender.try_send(msg(progress(1, 2))).unwrap();
    drop(events);
    sender.try_send(msg(progress(1, 3))).unwrap();
    let mut again = Events::of(send(&http, after(&session, &seen)).await);
    assert_eq!(again.data().await, progress(1, 2));
    assert_eq!(again.data().await, progress(1, 3));
    sender.finish(msg(done(1)));
    let last = again.next().await.unwrap();
    assert_eq!(last.data, done(1));
    assert!(again.next().await.is_none());
    // And after it has ended, as long as it is kept.
    let mut once_more = Events::of(send(&http, after(&session, &seen)).await);
    assert_eq!(once_more.data().await, progress(1, 2));
}

#[tokio::test(start_paused = true)]
async fn who_takes_up_a_stream_has_it_although_the_first_reader_still_seems_to_be_there() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    let mut stale = Events::of(response.await.unwrap());
    let seen = stale.next().await.unwrap().id.unwrap();
    let mut again = Events::of(send(&http, after(&session, &seen)).await);
    sender.try_send(msg(progress(1, 2))).unwrap();
    assert_eq!(again.data().await, progress(1, 2));
    assert!(stale.next().await.is_none());
    sender.finish(msg(done(1)));
    assert_eq!(again.data().await, done(1));

    let mut listening = Events::of(send(&http, get(&session)).await);
    listening.is_silent().await;
    let (_, unasked) = calls.take("subscriptions/listen").await;
    unasked.try_send(msg(note("notifications/a"))).unwrap();
    let seen = listening.next().await.unwrap().id.unwrap();
    let mut again = Events::of(send(&http, after(&session, &seen)).await);
    assert!(listening.next().await.is_none());
    unasked.try_send(msg(note("notifications/b"))).unwrap();
    assert_eq!(again.data().await, note("notifications/b"));
}

#[tokio::test]
async fn each_stream_is_replayed_alone_and_ids_are_never_shared() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let mut ids = Vec::new();
    for id in 1..=2 {
        let response = sending(&http, post(Some(&session), call_text(id)));
        let (_, sender) = calls.take("tools/call").await;
        sender.try_send(msg(progress(id, 1))).unwrap();
        sender.finish(msg(done(id)));
        let mut events = Events::of(response.await.unwrap());
        ids.push(events.next().await.unwrap().id.unwrap());
        ids.push(events.next().await.unwrap().id.unwrap());
    }
    let mut unique = ids.clone();
    unique.dedup();
    assert_eq!(unique.len(), 4);
    let mut replayed = Events::of(send(&http, after(&session, &ids[0])).await);
    assert_eq!(replayed.data().await, done(1));
    assert!(replayed.next().await.is_none());
    for unknown in ["7", "p9-1", "x1-1"] {
        assert_eq!(send(&http, after(&session, unknown)).await.status(), StatusCode::BAD_REQUEST);
    }
    // A stream of unasked messages goes on, even if nothing of it is kept.
    assert_eq!(send(&http, after(&session, "g9-1")).await.status(), StatusCode::OK);
    let other = open(&http, &mut calls).await;
    assert_eq!(send(&http, after(&other, &ids[0])).await.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn what_is_kept_is_bounded_and_may_be_nothing() {
    let (http, mut calls) = sessions(|http| http.replay(2, 1000));
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    (1..=4).for_each(|step| sender.try_send(msg(progress(1, step))).unwrap());
    sender.finish(msg(done(1)));
    let mut events = Events::of(response.await.unwrap());
    let seen = events.next().await.unwrap().id.unwrap();
    while events.next().await.is_some() {}
    let mut replayed = Events::of(send(&http, after(&session, &seen)).await);
    assert_eq!(replayed.data().await, progress(1, 4));
    assert_eq!(replayed.data().await, done(1));
    assert!(replayed.next().await.is_none());

    let (http, mut calls) = sessions(|http| http.replay(0, 0));
    let session = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    assert_eq!(Events::of(response.await.unwrap()).next().await.unwrap().id, None);
}

#[tokio::test]
async fn streams_are_primed_for_clients_that_know_what_it_means() {
    let (http, mut calls) = sessions(|http| http);
    let newer =
        r#"{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}"#;
    let session = open_as(&http, &mut calls, post(None, INITIALIZE), newer).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    let mut events = Events::of(response.await.unwrap());
    let primed = events.next().await.unwrap();
    assert!(primed.data.is_empty());
    drop(events);
    let mut again = Events::of(send(&http, after(&session, &primed.id.unwrap())).await);
    assert_eq!(again.data().await, progress(1, 1));
    let mut listening = Events::of(send(&http, get(&session)).await);
    assert!(listening.data().await.is_empty());
}

/// Sessions over one pipe.
fn piped() -> (support::Peer, serve::Http) {
    let (peer, read, write) = peer(1 << 16);
    let leaf = connect::pipe(read, write);
    let make = service_fn(move |_: SessionInfo| std::future::ready(Ok::<_, Error>(leaf.clone())));
    (peer, serve::http(endpoint()).sessions(make).build())
}

async fn open_piped(peer: &mut support::Peer, http: &serve::Http) -> String {
    let response = sending(http, post(None, INITIALIZE));
    let id = peer.hear_message().await.id().unwrap().as_str().to_owned();
    peer.say(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{}}}"#, front::AGREED)).await;
    response.await.unwrap().headers()["mcp-session-id"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_cancellation_reaches_a_pipe_as_the_client_wrote_it() {
    let (mut peer, http) = piped();
    let session = open_piped(&mut peer, &http).await;
    let response = sending(&http, post(Some(&session), call_text(7)));
    let called = peer.hear_message().await;
    let reasoned = cancelled(7).replace("7}", r#"7,"reason":"bored"}"#);
    assert_eq!(send(&http, post(Some(&session), reasoned)).await.status(), StatusCode::ACCEPTED);
    let heard = peer.hear().await.unwrap();
    let id = called.id().unwrap().as_str().to_owned();
    assert_eq!(heard, cancelled(&id).replace(&format!("{id}}}"), &format!(r#"{id},"reason":"bored"}}"#)));
    assert!(Events::of(response.await.unwrap()).next().await.is_none());
}

#[tokio::test]
async fn a_pipe_that_closes_ends_the_session() {
    let (mut peer, http) = piped();
    let session = open_piped(&mut peer, &http).await;
    let response = sending(&http, post(Some(&session), call_text(7)));
    peer.hear().await;
    drop(peer);
    assert_eq!(response.await.unwrap().status(), StatusCode::BAD_GATEWAY);
    let next = soon(http.clone().oneshot(post(Some(&session), call_text(8)))).await.unwrap();
    assert_eq!(next.status(), StatusCode::NOT_FOUND);
    assert!(http.sessions().is_empty());
}
