//! How a listen and a handshake end when their leaf does.

use futures::StreamExt;
use shadowcat::connect::supervise::Restart;
use shadowcat::connect::{Wassette, pipe};
use shadowcat::wassette::Dialect;
use tower::{Service, ServiceExt};

use crate::supervised::*;
use crate::support::*;

const LOG: &str = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#;

#[tokio::test(start_paused = true)]
async fn a_listen_ends_with_its_session_also_when_that_is_found_lost_late() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let mut peer = peers.recv().await.unwrap();
    let mut listen = soon(server.call(session_listen())).await.unwrap();
    let answer = server.ready().await.unwrap().call(initialize(1));
    peer.hear().await.unwrap();
    peer.say(welcome(1, "2025-06-18")).await;
    settled().await;
    drop(peer);
    let read = tokio::spawn(async move { listen.next().await.unwrap() });
    let mut peer = peers.recv().await.unwrap();
    soon(server.running()).await.unwrap();
    settled().await;
    assert!(soon(answer).await.is_ok());
    peer.say(note("notifications/tools/list_changed")).await;
    assert!(soon(read).await.unwrap().unwrap_err().is_session_lost());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_not_made_again_is_closed_and_not_restarted() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.restart(Restart::Never).start();
    let mut peer = peers.recv().await.unwrap();
    let mut listen = soon(server.call(session_listen())).await.unwrap();
    open_session(&mut server, &mut peer).await;
    drop(peer);
    let error = soon(listen.next()).await.unwrap().unwrap_err();
    assert!(error.is_closed() && !error.is_session_lost(), "{error:?}");
    assert_eq!(server.stats().lost_sessions, 0);
}

#[tokio::test(start_paused = true)]
async fn an_initialize_that_is_given_up_while_it_streams_lets_another_through_the_gate() {
    let (mut peer, read, write) = peer(1 << 16);
    let mut server = Wassette::over(pipe(read, write), Dialect::V0_2);
    let answer = server.call(initialize(1));
    peer.hear().await.unwrap();
    peer.say(LOG).await;
    drop(soon(answer).await.unwrap());
    let _again = server.call(initialize(2));
    assert_eq!(peer.hear_message().await.method(), Some("initialize"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_while_it_answers_initialize_leaves_the_gate_open_for_the_next() {
    let (supervisor, mut peers) = supervisor();
    let inner = supervisor.reestablish(true).start();
    let mut server = Wassette::over(inner.clone(), Dialect::V0_2);
    let mut peer = peers.recv().await.unwrap();
    soon(inner.running()).await.unwrap();
    let answer = server.call(initialize(1));
    peer.hear().await.unwrap();
    peer.say(LOG).await;
    let mut reply = soon(answer).await.unwrap();
    assert_eq!(next(&mut reply).await, LOG);
    drop(peer);
    assert!(soon(reply.next()).await.unwrap().is_err());
    drop(reply);
    let mut peer = peers.recv().await.unwrap();
    soon(inner.running()).await.unwrap();
    let _again = server.call(initialize(2));
    assert_eq!(peer.hear_message().await.method(), Some("initialize"));
}
