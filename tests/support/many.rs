//! A shared leaf whose peer the test holds.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use futures::StreamExt;
use shadowcat::connect::{Multiplex, Shared, pipe, shared::Client};
use shadowcat::{JsonRpcMessage, Reply};
use tower::Service;

use crate::support::*;

pub(crate) fn server() -> (Peer, Shared<Multiplex>) {
    let (peer, read, write) = peer(1 << 20);
    (peer, Shared::new(pipe(read, write)))
}

pub(crate) fn id(message: &JsonRpcMessage) -> String {
    message.id().unwrap().as_str().to_owned()
}

pub(crate) async fn listen(client: &mut Client<Multiplex>) -> Reply {
    client.call(session_listen()).await.unwrap()
}

/// Nothing has come, and nothing does.
pub(crate) async fn is_quiet(reply: &mut Reply) {
    let heard = tokio::time::timeout(Duration::from_millis(50), reply.next()).await;
    assert!(heard.is_err(), "{heard:?}");
}
