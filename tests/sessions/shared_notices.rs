//! What a shared server says to all: who hears it, and what the server is asked for.

use futures::StreamExt;
use shadowcat::JsonRpcMessage;
use shadowcat::connect::{Multiplex, shared::Client};
use tower::Service;

use crate::many::{id, is_quiet, listen, server};
use crate::support::{self, Peer, done, msg, next, note, rest, session_listen, settled, soon};

#[tokio::test(start_paused = true)]
async fn list_changes_come_to_every_listen_and_a_slow_one_fails_alone() {
    let (mut peer, shared) = server();
    let shared = shared.queue(4, 1 << 20);
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    let change = note("notifications/tools/list_changed");
    settled().await;
    peer.say(&change).await;
    settled().await;
    let (mut quick, mut slow) = (listen(&mut ann).await, listen(&mut bob).await);
    for round in 0..8 {
        assert_eq!(next(&mut quick).await, change, "{round}");
        peer.say(&change).await;
        settled().await;
    }
    assert_eq!(next(&mut quick).await, change);
    for _ in 0..4 {
        assert_eq!(next(&mut slow).await, change);
    }
    assert!(soon(slow.next()).await.unwrap().unwrap_err().is_overflow());
    assert_eq!(shared.stats().overflows, 1);
    drop(slow);
    let mut again = listen(&mut bob).await;
    peer.say(&change).await;
    assert_eq!(next(&mut again).await, change);
}

#[tokio::test(start_paused = true)]
async fn a_client_has_one_listen() {
    let (_peer, shared) = server();
    let mut ann = shared.client().unwrap();
    let first = listen(&mut ann).await;
    assert!(ann.call(session_listen()).await.unwrap_err().is_busy());
    drop(first);
    listen(&mut ann).await.is_end();
}

fn about(method: &str, id: u32, uri: &str) -> JsonRpcMessage {
    msg(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"resources/{method}","params":{{"uri":"{uri}"}}}}"#))
}

fn updated(uri: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":"{uri}"}}}}"#)
}

#[tokio::test(start_paused = true)]
async fn the_server_sees_the_first_subscription_and_the_last_withdrawal() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob, mut cat] = [(); 3].map(|()| shared.client().unwrap());
    let (mut to_ann, mut to_bob, mut to_cat) =
        (listen(&mut ann).await, listen(&mut bob).await, listen(&mut cat).await);
    let first = ann.call(about("subscribe", 1, "file:///a"));
    let asked = peer.hear_message().await;
    peer.say(done(id(&asked))).await;
    rest(first.await.unwrap()).await;
    assert_eq!(rest(bob.call(about("subscribe", 2, "file:///a")).await.unwrap()).await, [done(2)]);
    peer.hears_nothing().await;

    for uri in ["file:///a", "file:///a/part"] {
        peer.say(updated(uri)).await;
        assert_eq!((next(&mut to_ann).await, next(&mut to_bob).await), (updated(uri), updated(uri)));
    }
    peer.say(updated("file:///ab")).await;
    is_quiet(&mut to_ann).await;
    is_quiet(&mut to_cat).await;

    assert_eq!(rest(cat.call(about("unsubscribe", 1, "file:///a")).await.unwrap()).await, [done(1)]);
    assert_eq!(rest(ann.call(about("unsubscribe", 3, "file:///a")).await.unwrap()).await, [done(3)]);
    peer.hears_nothing().await;
    peer.say(updated("file:///a")).await;
    assert_eq!(next(&mut to_bob).await, updated("file:///a"));
    is_quiet(&mut to_ann).await;
    drop((bob, to_bob));
    let last = peer.hear_message().await;
    assert_eq!(last.method(), Some("resources/unsubscribe"), "a client that goes withdraws");
    peer.say(done(id(&last))).await;
    assert_eq!(shared.stats().subscriptions, 0);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_failed_or_was_cancelled_is_none() {
    let (mut peer, shared) = server();
    let mut ann = shared.client().unwrap();
    let first = ann.call(about("subscribe", 1, "x:1"));
    let asked = peer.hear_message().await;
    peer.say(format!(r#"{{"jsonrpc":"2.0","id":{},"error":{{"code":-32002,"message":"no"}}}}"#, id(&asked)))
        .await;
    support::error_of(&first.await.unwrap());
    assert_eq!(shared.stats().subscriptions, 0);
    peer.hears_nothing().await;
    drop(ann.call(about("subscribe", 2, "x:1")));
    assert_eq!(shared.stats().subscriptions, 0);
    let sent = [peer.hear_message().await, peer.hear_message().await, peer.hear_message().await];
    let methods = sent.each_ref().map(|message| message.method().unwrap());
    assert_eq!(methods, ["resources/subscribe", "notifications/cancelled", "resources/unsubscribe"]);
}

fn level(id: u32, level: &str) -> JsonRpcMessage {
    msg(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"logging/setLevel","params":{{"level":"{level}"}}}}"#
    ))
}

fn log(level: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"{level}","data":1}}}}"#)
}

/// Asks for a level that goes up, and lets it be granted; gives what the server saw.
async fn goes_up(peer: &mut Peer, client: &mut Client<Multiplex>, wanted: &str) -> String {
    let pending = client.call(level(5, wanted));
    let asked = peer.hear_message().await;
    peer.say(done(id(&asked))).await;
    assert_eq!(rest(pending.await.unwrap()).await, [done(5)]);
    String::from_utf8(asked.params().unwrap().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_server_logs_at_the_most_verbose_level_and_each_gets_its_own() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob, mut cat] = [(); 3].map(|()| shared.client().unwrap());
    let (mut to_ann, mut to_bob, mut to_cat) =
        (listen(&mut ann).await, listen(&mut bob).await, listen(&mut cat).await);
    peer.say(log("debug")).await;
    for listen in [&mut to_ann, &mut to_bob, &mut to_cat] {
        assert_eq!(next(listen).await, log("debug"), "nobody asked for less");
    }
    assert_eq!(goes_up(&mut peer, &mut ann, "warning").await, r#"{"level":"warning"}"#);
    assert_eq!(goes_up(&mut peer, &mut bob, "debug").await, r#"{"level":"debug"}"#);
    assert_eq!(rest(ann.call(level(6, "error")).await.unwrap()).await, [done(6)]);
    peer.hears_nothing().await;
    for line in ["debug", "info", "warning", "error"] {
        peer.say(log(line)).await;
    }
    for line in ["debug", "info", "warning", "error"] {
        assert_eq!(next(&mut to_bob).await, log(line));
    }
    assert_eq!(next(&mut to_ann).await, log("error"));
    for line in ["info", "warning", "error"] {
        assert_eq!(next(&mut to_cat).await, log(line), "who asked for nothing gets info and above");
    }
    assert_eq!(goes_up(&mut peer, &mut bob, "critical").await, r#"{"level":"error"}"#, "ann's");
    drop((ann, to_ann));
    assert!(peer.hear().await.unwrap().contains(r#""level":"critical""#));
    support::error_of(&bob.call(level(7, "loud")).await.unwrap());
}

const STATUS: &str = r#"{"jsonrpc":"2.0","method":"notifications/tasks/status","params":{"taskId":"anns","status":"working"}}"#;

#[tokio::test(start_paused = true)]
async fn what_is_somebodys_is_told_to_nobody_else() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    let (mut to_ann, mut to_bob) = (listen(&mut ann).await, listen(&mut bob).await);
    peer.say(STATUS).await; // of whom, if nothing runs?
    settled().await;
    let pending = ann.call(support::call(1));
    peer.hear().await;
    is_quiet(&mut to_ann).await;
    assert_eq!(shared.stats().dropped_notifications, 1);
    peer.say(STATUS).await;
    assert_eq!(next(&mut to_ann).await, STATUS);
    let other = bob.call(support::call(1));
    peer.hear().await;
    peer.say(STATUS).await;
    is_quiet(&mut to_ann).await;
    is_quiet(&mut to_bob).await;
    assert_eq!(shared.stats().dropped_notifications, 2);
    drop((pending, other));
}

#[tokio::test(start_paused = true)]
async fn what_a_listen_that_is_over_would_have_heard_is_told_to_nobody() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    let mut to_bob = listen(&mut bob).await;
    let of_ann = ann.call(msg(r#"{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{}}"#));
    let asked = peer.hear_message().await;
    peer.say(done(id(&asked))).await;
    rest(of_ann.await.unwrap()).await;
    for method in ["notifications/x", "notifications/tools/list_changed", "notifications/message"] {
        let meta = format!(r#"{{"io.modelcontextprotocol/subscriptionId":{}}}"#, id(&asked));
        peer.say(format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"_meta":{meta}}}}}"#)).await;
    }
    is_quiet(&mut to_bob).await;
    assert_eq!(shared.stats().dropped_notifications, 3);
}
