//! What one client, or the server, can do to a shared leaf: not more than its share.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/many.rs"]
mod many;
mod support;

use std::time::{Duration, Instant};

use many::{id, listen, server};
use shadowcat::JsonRpcMessage;
use shadowcat::connect::{Multiplex, shared::Client};
use support::{Peer, done, msg, next, note, rest};
use tower::Service;

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
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
