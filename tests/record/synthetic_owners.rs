//! What the owner of a leaf says to it by itself is marked; what a client says is not.

use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use shadowcat::connect::supervise::{Backoff, HealthCheck};
use shadowcat::connect::{Exit, Leaf, Multiplex, Shared, Supervisor, Wassette, multiplex, pipe};
use shadowcat::wassette::{ComponentUri, Dialect};
use shadowcat::{Error, JsonRpcMessage};
use tokio::sync::mpsc;
use tower::{Service, ServiceExt, service_fn};

use crate::supervised::{WAIT, initialize, initialized, welcome};
use crate::support::{self, Peer, done, msg, peer, session_listen, settled, soon};

/// Each message by its method, and whether it was marked.
type Seen = Arc<Mutex<Vec<(String, bool)>>>;

/// Notes what it is called with.
#[derive(Clone)]
struct Noting {
    leaf: Multiplex,
    seen: Seen,
}

impl Service<JsonRpcMessage> for Noting {
    type Response = shadowcat::Reply;
    type Error = Error;
    type Future = multiplex::ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.leaf.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        if !message.is_session_listen() {
            let what = message.method().unwrap_or("an answer").to_owned();
            self.seen.lock().unwrap().push((what, message.is_synthetic()));
        }
        self.leaf.call(message)
    }
}

impl Leaf for Noting {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        self.leaf.ended()
    }

    fn stop(&self, why: Error) {
        self.leaf.stop(why);
    }
}

fn noting() -> (Peer, Noting, Seen) {
    let (peer, read, write) = peer(1 << 16);
    let seen = Seen::default();
    (peer, Noting { leaf: pipe(read, write), seen: seen.clone() }, seen)
}

fn taken(seen: &Seen) -> Vec<(String, bool)> {
    std::mem::take(&mut *seen.lock().unwrap())
}

fn marked(methods: &[&str], mark: bool) -> Vec<(String, bool)> {
    methods.iter().map(|&method| (method.to_owned(), mark)).collect()
}

/// The server answers what it was asked next.
async fn answers(peer: &mut Peer) {
    let asked = peer.hear_message().await;
    peer.say(done(asked.id().unwrap().as_str())).await;
}

#[tokio::test(start_paused = true)]
async fn a_shared_leaf_is_told_what_its_clients_want_together() {
    let (mut peer, leaf, seen) = noting();
    let shared = Shared::new(leaf);
    let [mut ann, mut bob] = [(); 2].map(|()| shared.client().unwrap());
    let listens = (ann.call(session_listen()).await.unwrap(), bob.call(session_listen()).await.unwrap());
    settled().await;
    peer.say(r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#).await;
    assert_eq!(peer.hear().await.unwrap(), done("\"p\""));
    assert_eq!(taken(&seen), marked(&["an answer"], true));

    let of =
        |id: u32, method: &str, params: &str| JsonRpcMessage::request(i64::from(id), method, params).unwrap();
    for asked in [
        of(1, "logging/setLevel", r#"{"level":"debug"}"#),
        of(2, "resources/subscribe", r#"{"uri":"file:///a"}"#),
    ] {
        let waiting = ann.call(asked);
        answers(&mut peer).await;
        drop(soon(waiting).await.unwrap());
    }
    drop(bob.call(of(1, "logging/setLevel", r#"{"level":"error"}"#)).await.unwrap());
    assert_eq!(taken(&seen), marked(&["logging/setLevel", "resources/subscribe"], false));
    drop((ann, listens.0));
    settled().await;
    let mut left = taken(&seen);
    left.sort();
    assert_eq!(left, marked(&["logging/setLevel", "resources/unsubscribe"], true));
}

#[tokio::test(start_paused = true)]
async fn a_supervised_leaf_is_asked_whether_it_lives_and_its_session_is_opened_again() {
    let (peers, mut made) = mpsc::channel(4);
    let seen = Seen::default();
    let noted = seen.clone();
    let make = service_fn(move |()| {
        let (peer, leaf, _) = noting();
        let told = peers.try_send(peer).map_err(|_| Error::closed("no more are made"));
        std::future::ready(told.map(|()| Noting { seen: noted.clone(), ..leaf }))
    });
    let health = HealthCheck::new().interval(10 * WAIT);
    let supervisor = Supervisor::new(make).backoff(Backoff::new(WAIT, WAIT).jitter(0.0));
    let mut server = supervisor.health(health).reestablish(true).start();
    let mut peer = made.recv().await.unwrap();
    let opening = server.ready().await.unwrap().call(initialize(1));
    peer.hear().await.unwrap();
    peer.say(welcome(1, "2025-06-18")).await;
    drop(soon(opening).await.unwrap());
    drop(soon(server.call(initialized())).await.unwrap());
    peer.hear().await.unwrap();
    assert_eq!(taken(&seen), marked(&["initialize", "notifications/initialized"], false));
    tokio::time::sleep(11 * WAIT).await;
    answers(&mut peer).await;
    assert_eq!(taken(&seen), marked(&["ping"], true));

    drop(peer);
    let mut peer = made.recv().await.unwrap();
    peer.hear().await.unwrap();
    peer.say(welcome(1, "2025-06-18")).await;
    peer.hear().await.unwrap();
    assert_eq!(taken(&seen), marked(&["initialize", "notifications/initialized"], true));
}

#[tokio::test(start_paused = true)]
async fn wassette_is_asked_by_the_program_for_components() {
    let (mut peer, leaf, seen) = noting();
    let mut server = Wassette::over(leaf, Dialect::V0_2);
    let opening = server.call(initialize(1));
    peer.hear().await.unwrap();
    peer.say(welcome(1, "2025-06-18")).await;
    drop(soon(opening).await.unwrap());
    drop(soon(server.call(initialized())).await.unwrap());
    peer.hear().await.unwrap();
    taken(&seen);
    let uri: ComponentUri = "file:///a.wasm".parse().unwrap();
    let loading = tokio::spawn(async move { server.load(&[uri]).await });
    let asked = peer.hear_message().await;
    assert_eq!(msg(support::text(&asked)).method(), Some("tools/call"));
    assert_eq!(taken(&seen), marked(&["tools/call"], true));
    loading.abort();
}
