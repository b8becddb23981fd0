//! The one handshake of a shared leaf: what spoils it for nobody, and what begins it anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/many.rs"]
mod many;
#[path = "support/supervised.rs"]
mod supervised;
mod support;

use many::{id, server};
use shadowcat::connect::Leaf;
use shadowcat::connect::shared::Client;
use supervised::{initialize, initialized, welcome};
use support::{Peer, soon, text};
use tower::Service;

/// A client opens the session, and the server agrees.
async fn opened<L: Leaf>(peer: &mut Peer, client: &mut Client<L>) {
    let answer = client.call(initialize(1));
    let asked = peer.hear_message().await;
    let answers = welcome(1, "2025-06-18").replace(r#""id":1"#, &format!(r#""id":{}"#, id(&asked)));
    peer.say(answers).await;
    assert!(soon(answer).await.unwrap().as_one().unwrap().result().is_some());
}

#[tokio::test(start_paused = true)]
async fn an_initialized_before_the_handshake_is_not_the_last() {
    let (mut peer, shared) = server();
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    drop(ann.call(initialized()).await.unwrap());
    peer.hears_nothing().await;
    opened(&mut peer, &mut bob).await;
    for client in [&mut bob, &mut ann] {
        drop(client.call(initialized()).await.unwrap());
    }
    assert_eq!(peer.hear().await.unwrap(), text(&initialized()));
    peer.hears_nothing().await;
}
