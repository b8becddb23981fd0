//! The one handshake of a shared leaf: what spoils it for nobody, and what begins it anew.

use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::StreamExt;
use shadowcat::connect::{Exit, Leaf, Multiplex, Shared, pipe, shared::Client};
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::Service;

use crate::many::{id, server};
use crate::supervised::{self, initialize, initialized, welcome};
use crate::support::{self, Peer, call, done, next, note, rest, session_listen, settled, soon, text};

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

#[tokio::test(start_paused = true)]
async fn a_lost_session_is_told_to_its_clients_and_begun_anew() {
    let (supervisor, mut peers) = supervised::supervisor();
    let server = supervisor.start();
    let shared = Shared::new(server.clone());
    let mut peer = peers.recv().await.unwrap();
    let [mut ann, mut bob, mut cat] = [(); 3].map(|()| shared.client().unwrap());
    opened(&mut peer, &mut ann).await;
    assert!(bob.call(initialize(1)).await.unwrap().as_one().is_some());
    drop(ann.call(initialized()).await.unwrap());
    peer.hear().await;
    let mut to_ann = ann.call(session_listen()).await.unwrap();
    drop(peer);
    let mut peer = peers.recv().await.unwrap();
    soon(server.running()).await.unwrap();
    assert!(soon(to_ann.next()).await.unwrap().unwrap_err().is_session_lost());
    drop(to_ann);
    assert!(ann.call(call(2)).await.unwrap_err().is_session_lost());
    assert!(bob.call(session_listen()).await.unwrap_err().is_session_lost());

    opened(&mut peer, &mut cat).await;
    assert!(bob.call(call(2)).await.unwrap_err().is_session_lost(), "it has not begun anew");
    assert!(ann.call(initialize(3)).await.unwrap().as_one().unwrap().result().is_some());
    drop(ann.call(initialized()).await.unwrap());
    assert_eq!(peer.hear().await.unwrap(), text(&initialized()));
    let mut to_ann = ann.call(session_listen()).await.unwrap();
    settled().await;
    peer.say(note("notifications/tools/list_changed")).await;
    assert_eq!(next(&mut to_ann).await, note("notifications/tools/list_changed"));
    let answer = ann.call(call(4));
    let asked = peer.hear_message().await;
    peer.say(done(id(&asked))).await;
    assert_eq!(rest(soon(answer).await.unwrap()).await, [done(4)]);
}

/// Panics at a tool call.
#[derive(Clone)]
struct Panics(Multiplex);

impl Service<JsonRpcMessage> for Panics {
    type Response = Reply;
    type Error = Error;
    type Future = <Multiplex as Service<JsonRpcMessage>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        assert!(!message.is_method("tools/call"), "the leaf panics");
        self.0.call(message)
    }
}

impl Leaf for Panics {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        self.0.ended()
    }

    fn stop(&self, why: Error) {
        self.0.stop(why)
    }
}

#[test]
fn a_leaf_that_panics_locks_nobody_out() {
    let (tell, told) = std::sync::mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (_peer, read, write) = support::peer(1 << 16);
            let shared = Shared::new(Panics(pipe(read, write)));
            let mut ann = shared.client().unwrap();
            let caught = std::panic::catch_unwind(AssertUnwindSafe(|| drop(ann.call(call(1)))));
            tell.send((caught.is_err(), shared.stats().running_clients)).unwrap();
        });
    });
    assert_eq!(told.recv_timeout(Duration::from_secs(5)), Ok((true, 0)));
}

/// Takes its time to end once nothing goes through it.
#[derive(Clone)]
struct EndsLate(Multiplex);

impl Service<JsonRpcMessage> for EndsLate {
    type Response = Reply;
    type Error = Error;
    type Future = <Multiplex as Service<JsonRpcMessage>>::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        self.0.call(message)
    }
}

impl Leaf for EndsLate {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        std::future::pending()
    }

    fn closed(&self) -> impl Future<Output = Error> + Send + 'static {
        self.0.closed()
    }

    fn stop(&self, why: Error) {
        self.0.stop(why)
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_is_closed_as_soon_as_its_leaf_is() {
    let (peer, read, write) = support::peer(1 << 16);
    let shared = Shared::new(EndsLate(pipe(read, write)));
    let [ann, bob] = [(); 2].map(|()| shared.client().unwrap());
    ann.stop(Error::closed("gone"));
    soon(ann.closed()).await;
    assert!(support::poll_once(std::pin::pin!(bob.closed())).is_pending());
    drop(peer);
    soon(bob.closed()).await;
}
