//! A supervised pipe whose other ends the test holds.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::time::Duration;

use shadowcat::connect::supervise::{Backoff, Supervised};
use shadowcat::connect::{MakeLeaf, Multiplex, Supervisor};
use shadowcat::{Error, JsonRpcMessage};
use tokio::sync::mpsc;
use tower::{Service, ServiceExt, service_fn};

use crate::support::*;

pub(crate) const WAIT: Duration = Duration::from_secs(1);

pub(crate) type Server = Supervised<Multiplex>;

/// A maker of pipes: an alias that a function may return.
pub(crate) trait MakePipe: MakeLeaf<Leaf = Multiplex> {}
impl<M: MakeLeaf<Leaf = Multiplex>> MakePipe for M {}

/// Makes pipes; the other end of each comes to the test.
pub(crate) fn maker() -> (impl MakePipe, mpsc::Receiver<Peer>) {
    let (peers, to_test) = mpsc::channel(16);
    let make = service_fn(move |()| {
        let (peer, read, write) = peer(1 << 16);
        let made = peers.try_send(peer).map_err(|_| Error::closed("no more are made"));
        std::future::ready(made.map(|()| shadowcat::connect::pipe(read, write)))
    });
    (make, to_test)
}

/// Restarts a second after a failure.
pub(crate) fn supervisor() -> (Supervisor<impl MakePipe>, mpsc::Receiver<Peer>) {
    let (make, peers) = maker();
    (Supervisor::new(make).backoff(Backoff::new(WAIT, WAIT).jitter(0.0)), peers)
}

pub(crate) fn initialize(id: u32) -> JsonRpcMessage {
    let params =
        r#"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}"#;
    JsonRpcMessage::request(i64::from(id), "initialize", params).unwrap()
}

pub(crate) fn initialized() -> JsonRpcMessage {
    JsonRpcMessage::notification("notifications/initialized", "").unwrap()
}

/// The server's answer to `initialize`.
pub(crate) fn welcome(id: u32, revision: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{{"protocolVersion":"{revision}","capabilities":{{"tools":{{"listChanged":true}},"prompts":{{}}}},"serverInfo":{{"name":"s","version":"1"}}}}}}"#
    )
}

/// The client opens a session, and the server agrees.
pub(crate) async fn open_session(server: &mut Server, peer: &mut Peer) {
    let answer = server.ready().await.unwrap().call(initialize(1));
    assert_eq!(peer.hear().await.unwrap(), text(&initialize(1)));
    peer.say(welcome(1, "2025-06-18")).await;
    assert!(soon(answer).await.unwrap().as_one().unwrap().result().is_some());
    drop(soon(server.call(initialized())).await.unwrap());
    assert_eq!(peer.hear().await.unwrap(), text(&initialized()));
}

/// One exchange goes through.
pub(crate) async fn works(server: &mut Server, peer: &mut Peer, id: u32) {
    let answer = server.ready().await.unwrap().call(call(id));
    assert_eq!(peer.hear().await.unwrap(), call_text(id));
    peer.say(done(id)).await;
    assert_eq!(text(soon(answer).await.unwrap().as_one().unwrap()), done(id));
}
