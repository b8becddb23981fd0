//! What one client, or the server, can do to a shared leaf: not more than its share.

use std::time::{Duration, Instant};

use shadowcat::JsonRpcMessage;
use shadowcat::connect::{Multiplex, shared::Client};
use tower::Service;

use crate::many::{id, listen, server};
use crate::support::{self, Peer, call, done, msg, next, note, rest, soon};

fn subscribe(uri: &str) -> JsonRpcMessage {
    msg(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{{"uri":"{uri}"}}}}"#))
}

async fn subscribed(peer: &mut Peer, client: &mut Client<Multiplex>, uri: &str) {
    let pending = client.call(subscribe(uri));
    let asked = peer.hear_message().await;
    peer.say(done(id(&asked))).await;
    rest(pending.await.unwrap()).await;
}

#[tokio::test]
async fn a_resource_with_a_long_name_holds_nobody_up() {
    let (mut peer, shared) = server();
    let mut ann = shared.client().unwrap();
    let mut to_ann = listen(&mut ann).await;
    subscribed(&mut peer, &mut ann, "x:1").await;
    let uri = "/".repeat(512 << 10);
    let began = Instant::now();
    peer.say(format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":"{uri}"}}}}"#
    ))
    .await;
    let change = note("notifications/tools/list_changed");
    peer.say(&change).await;
    let heard = tokio::time::timeout(Duration::from_secs(30), next(&mut to_ann)).await;
    assert_eq!(heard.unwrap(), change);
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn our_own_requests_are_not_what_the_server_works_on() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    let mut to_bob = listen(&mut bob).await;
    subscribed(&mut peer, &mut ann, "x:1").await;
    drop(ann);
    let withdrawal = peer.hear_message().await;
    assert_eq!(withdrawal.method(), Some("resources/unsubscribe"));
    peer.say(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#).await;
    assert_eq!(soon(peer.hear()).await.unwrap(), done("\"p\""));
    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#;
    peer.say(log).await;
    assert_eq!(next(&mut to_bob).await, log);
}

#[tokio::test(start_paused = true)]
async fn what_a_gone_client_watched_takes_no_room_of_anothers_calls() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    for number in 0..1024 {
        subscribed(&mut peer, &mut ann, &format!("x:{number}")).await;
    }
    drop(ann);
    let mut pending = Box::pin(bob.call(call(1)));
    assert!(support::poll_once(pending.as_mut()).is_pending(), "it was refused");
}

#[tokio::test(start_paused = true)]
async fn names_of_resources_are_weighed() {
    let (mut peer, shared) = server();
    let mut ann = shared.client().unwrap();
    let long = |number: u32| format!("x:{number}{}", "y".repeat(300 << 10));
    for number in 0..3 {
        subscribed(&mut peer, &mut ann, &long(number)).await;
    }
    support::error_of(&ann.call(subscribe(&long(3))).await.unwrap());
    subscribed(&mut peer, &mut ann, "x:1").await;
}
