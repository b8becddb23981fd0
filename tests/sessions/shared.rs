//! Many clients over one leaf: ids, cancellations, the handshake, and who goes when.

use std::sync::Arc;

use futures::StreamExt;
use shadowcat::connect::{Leaf, PerSession};
use shadowcat::{Context, Direction, Error, JsonRpcMessage, OwnedId};
use tower::Service;

use crate::many::{id, listen, server};
use crate::support::{self, call, done, msg, next, note, progress, rest, settled, soon, text};

fn initialize(id: u32, version: &str, capabilities: &str, name: &str) -> JsonRpcMessage {
    msg(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize","params":{{"protocolVersion":"{version}","capabilities":{capabilities},"clientInfo":{{"name":"{name}","version":"1"}}}}}}"#
    ))
}

fn welcome(id: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":"2025-03-26","capabilities":{{}}}}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn two_calls_of_one_id_get_each_its_own_answer() {
    let (mut peer, shared) = server();
    let (mut ann, mut bob) = (shared.client().unwrap(), shared.client().unwrap());
    let (first, second) = (ann.call(call(1)), bob.call(call(1)));
    let (one, two) = (peer.hear_message().await, peer.hear_message().await);
    assert_ne!(id(&one), id(&two));
    peer.say(format!(r#"{{"jsonrpc":"2.0","id":{},"result":"bob's"}}"#, id(&two))).await;
    peer.say(format!(r#"{{"jsonrpc":"2.0","id":{},"result":"ann's"}}"#, id(&one))).await;
    assert_eq!(rest(first.await.unwrap()).await, [r#"{"jsonrpc":"2.0","id":1,"result":"ann's"}"#]);
    assert_eq!(rest(second.await.unwrap()).await, [r#"{"jsonrpc":"2.0","id":1,"result":"bob's"}"#]);
}

#[tokio::test(start_paused = true)]
async fn tokens_are_each_clients_own_and_come_back_as_they_were() {
    let (mut peer, shared) = server();
    let (mut ann, mut bob) = (shared.client().unwrap(), shared.client().unwrap());
    let with_token = |token: &str| {
        msg(format!(
            r#"{{"jsonrpc":"2.0","id":"x","method":"tools/call","params":{{"_meta":{{"progressToken":{token}}}}}}}"#
        ))
    };
    let (first, second) = (ann.call(with_token("\"t\"")), bob.call(with_token("\"t\"")));
    let (one, two) = (peer.hear_message().await, peer.hear_message().await);
    let token = |message: &JsonRpcMessage| {
        shadowcat::protocol::peek::progress_token(message).unwrap().unwrap().as_str().to_owned()
    };
    assert_ne!(token(&one), token(&two));
    peer.say(progress(token(&two), 2)).await;
    peer.say(progress(token(&one), 1)).await;
    peer.say(done(id(&one))).await;
    peer.say(done(id(&two))).await;
    assert_eq!(rest(first.await.unwrap()).await, [progress("\"t\"", 1), done("\"x\"")]);
    assert_eq!(rest(second.await.unwrap()).await, [progress("\"t\"", 2), done("\"x\"")]);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_reaches_ones_own_call_only_reason_and_all() {
    let (mut peer, shared) = server();
    let (mut ann, mut bob) = (shared.client().unwrap(), shared.client().unwrap());
    let session = Arc::new(Context::new(Direction::ToUpstream));
    let (first, second) = (ann.call(call(1).with_context(session.clone())), bob.call(call(1)));
    let (one, two) = (peer.hear_message().await, peer.hear_message().await);
    let own =
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"bored"}}"#;
    session.leave_cancellation(OwnedId::from(1), msg(own));
    drop(first);
    assert_eq!(
        peer.hear().await.unwrap(),
        own.replace(r#""requestId":1"#, &format!(r#""requestId":{}"#, id(&one)))
    );
    assert!(session.take_cancellation(&OwnedId::from(1)).is_none());

    // One that names a call of somebody else, or none, goes nowhere.
    ann.call(msg(support::cancelled(1))).await.unwrap().collect(1).await.unwrap();
    ann.call(msg(support::cancelled(id(&two)))).await.unwrap().collect(1).await.unwrap();
    peer.hears_nothing().await;
    bob.call(msg(support::cancelled(1))).await.unwrap().collect(1).await.unwrap();
    assert_eq!(peer.hear().await.unwrap(), support::cancelled(id(&two)));
    drop(second);
    assert_eq!(peer.hear().await.unwrap(), support::cancelled(id(&two)));
}

#[tokio::test(start_paused = true)]
async fn the_handshake_goes_up_once_and_suits_those_who_ask_the_same() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob, mut cat, mut dan] = [(); 4].map(|()| shared.client().unwrap());
    let first = ann.call(initialize(1, "2025-06-18", r#"{"roots":{},"sampling":{}}"#, "ann"));
    let same = bob.call(initialize(7, "2025-06-18", r#"{ "sampling": {}, "roots":{} }"#, "bob"));
    let others = cat.call(initialize(8, "2025-06-18", r#"{"roots":{}}"#, "cat"));
    let asked = peer.hear_message().await;
    assert!(text(&asked).contains("ann"));
    peer.say(welcome(&id(&asked))).await;
    assert_eq!(rest(first.await.unwrap()).await, [welcome("1")]);
    assert_eq!(rest(same.await.unwrap()).await, [welcome("7")]);
    let refused = others.await.unwrap();
    assert!(support::error_of(&refused).contains("capabilities"));
    assert_eq!(id(refused.as_one().unwrap()), "8");
    let negotiated = dan.call(initialize(9, "2025-03-26", r#"{"roots":{},"sampling":{}}"#, "dan"));
    assert_eq!(
        rest(negotiated.await.unwrap()).await,
        [welcome("9")],
        "it is what the server would have said"
    );
    let older = dan.call(initialize(9, "2024-11-05", r#"{"roots":{},"sampling":{}}"#, "dan"));
    support::error_of(&older.await.unwrap());

    for client in [&mut bob, &mut ann, &mut dan] {
        assert!(client.call(msg(note("notifications/initialized"))).await.unwrap().is_end());
    }
    assert_eq!(peer.hear().await.unwrap(), note("notifications/initialized"));
    peer.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_failed_or_was_given_up_spoils_nothing() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob, mut cat] = [(); 3].map(|()| shared.client().unwrap());
    let first = ann.call(initialize(1, "2025-06-18", "{}", "ann"));
    let second = tokio::spawn(bob.call(initialize(2, "2025-06-18", "{}", "bob")));
    let asked = peer.hear_message().await;
    settled().await;
    peer.say(format!(
        r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32603,"message":"not yet"}}}}"#,
        id(&asked)
    ))
    .await;
    assert!(support::error_of(&first.await.unwrap()).contains("not yet"));
    let asked = peer.hear_message().await;
    assert!(text(&asked).contains("bob"), "the next in line asks");
    let third = tokio::spawn(cat.call(initialize(3, "2025-06-18", "{}", "cat")));
    settled().await;
    second.abort();
    settled().await;
    peer.say(welcome(&id(&asked))).await;
    assert_eq!(rest(third.await.unwrap().unwrap()).await, [welcome("3")]);
    peer.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_clients_own_listen_of_the_modern_era_is_its_own() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    let request = r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{}}"#;
    let (first, second) = (ann.call(msg(request)), bob.call(msg(request)));
    let (one, two) = (peer.hear_message().await, peer.hear_message().await);
    let tagged = |id: &str, method: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
        )
    };
    peer.say(tagged(&id(&two), "notifications/b")).await;
    peer.say(tagged(&id(&one), "notifications/a")).await;
    let (mut first, mut second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!(next(&mut first).await, tagged("1", "notifications/a"));
    assert_eq!(next(&mut second).await, tagged("1", "notifications/b"));
    assert_eq!(shared.stats().running_clients, 0);
    drop(first);
    assert_eq!(peer.hear().await.unwrap(), support::cancelled(id(&one)));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_is_stopped_goes_alone() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    let mut to_ann = listen(&mut ann).await;
    let streaming = ann.call(msg(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1}}}"#,
    ));
    let one = peer.hear_message().await;
    peer.say(progress(id(&one), 1)).await;
    let mut streaming = streaming.await.unwrap();
    next(&mut streaming).await;
    let pending = tokio::spawn(ann.call(call(2)));
    let two = peer.hear_message().await;
    let others = bob.call(call(1));
    let three = peer.hear_message().await;
    settled().await;
    ann.stop(Error::closed("go away"));
    for error in [
        soon(pending).await.unwrap().unwrap_err(),
        soon(streaming.next()).await.unwrap().unwrap_err(),
        soon(to_ann.next()).await.unwrap().unwrap_err(),
        ann.call(call(3)).await.unwrap_err(),
        ann.ended().await.error().clone(),
    ] {
        assert!(error.is_closed() && error.to_string().contains("go away"), "{error}");
    }
    let mut cancelled = [peer.hear().await.unwrap(), peer.hear().await.unwrap()];
    cancelled.sort();
    assert_eq!(cancelled, [support::cancelled(id(&one)), support::cancelled(id(&two))]);
    peer.say(done(id(&three))).await;
    assert_eq!(rest(others.await.unwrap()).await, [done(1)]);
    assert_eq!(shared.stats().clients, 1);
}

#[tokio::test(start_paused = true)]
async fn clients_are_bounded_and_a_gone_one_makes_room() {
    let (_peer, shared) = server();
    let shared = shared.max_clients(1);
    let mut ann = shared.client().unwrap();
    assert!(shared.client().unwrap_err().is_busy());
    let pending = ann.call(call(1));
    drop(ann);
    assert!(shared.client().unwrap_err().is_busy(), "its call is pending");
    drop(pending);
    shared.client().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_leaf_ends_with_its_last_user_and_users_end_with_the_leaf() {
    let (mut peer, shared) = server();
    let mut ann = shared.client().unwrap();
    let pending = ann.call(call(1));
    let asked = peer.hear_message().await;
    drop((shared, ann));
    settled().await;
    peer.say(done(id(&asked))).await;
    assert_eq!(rest(pending.await.unwrap()).await, [done(1)]);
    assert_eq!(peer.hear().await, None);
    settled().await;
    assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);

    let (mut peer, shared) = server();
    let mut ann = shared.client().unwrap();
    let mut to_ann = listen(&mut ann).await;
    let pending = ann.call(call(1));
    peer.close().await;
    assert!(pending.await.unwrap_err().is_closed());
    assert!(soon(to_ann.next()).await.unwrap().unwrap_err().is_closed());
    ann.ended().await;
    shared.ended().await;
    assert!(shared.client().unwrap_err().is_closed());
}

#[tokio::test(start_paused = true)]
async fn each_session_of_a_front_end_is_a_client() {
    let (mut peer, shared) = server();
    let mut sessions = PerSession::new(shared.clone());
    let of = |session: &str, message: JsonRpcMessage| {
        message.with_context(Arc::new(Context::new(Direction::ToUpstream).session(session)))
    };
    let (first, second) = (sessions.call(of("a", call(1))), sessions.call(of("b", call(1))));
    let (one, two) = (peer.hear_message().await, peer.hear_message().await);
    peer.say(done(id(&two))).await;
    assert_eq!(rest(second.await.unwrap()).await, [done(1)]);
    sessions.end("a");
    assert!(first.await.unwrap_err().is_closed());
    assert_eq!(peer.hear().await.unwrap(), support::cancelled(id(&one)));
    assert_eq!(shared.stats().clients, 1);
}
