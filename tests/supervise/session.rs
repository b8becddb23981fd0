//! What becomes of a client's session when its server is made again.

use futures::StreamExt;
use shadowcat::connect::supervise::Status;
use shadowcat::{JsonRpcMessage, serve};
use tower::{Service, ServiceExt};

use crate::supervised::*;
use crate::support::*;

#[tokio::test(start_paused = true)]
async fn a_lost_session_is_told_to_its_calls_and_its_listen_until_a_new_one_is_opened() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let mut peer = peers.recv().await.unwrap();
    let mut listen = soon(server.call(session_listen())).await.unwrap();
    open_session(&mut server, &mut peer).await;
    drop(peer);
    let error = soon(listen.next()).await.unwrap().unwrap_err();
    assert!(error.is_session_lost() && error.is_closed(), "{error:?}");

    let mut peer = peers.recv().await.unwrap();
    soon(server.running()).await.unwrap();
    for message in [call(2), JsonRpcMessage::notification("notifications/roots/list_changed", "").unwrap()] {
        let error = soon(server.ready().await.unwrap().call(message)).await.unwrap_err();
        assert!(error.is_session_lost() && error.is_unsent(), "{error:?}");
    }
    peer.hears_nothing().await;
    assert_eq!((server.stats().lost_sessions, server.stats().reestablished), (1, 0));

    open_session(&mut server, &mut peer).await;
    works(&mut server, &mut peer, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_session_is_reestablished_before_new_calls_and_the_client_is_told_that_lists_changed() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.reestablish(true).start();
    let mut peer = peers.recv().await.unwrap();
    let mut listen = soon(server.call(session_listen())).await.unwrap();
    open_session(&mut server, &mut peer).await;
    peer.say(note("notifications/prompts/list_changed")).await;
    assert_eq!(next(&mut listen).await, note("notifications/prompts/list_changed"));
    drop(peer);

    let mut peer = peers.recv().await.unwrap();
    let call_while_starting = server.ready().await.unwrap().call(call(2));
    assert_eq!(peer.hear().await.unwrap(), text(&initialize(1)), "byte for byte");
    peer.hears_nothing().await;
    peer.say(welcome(1, "2025-06-18")).await;
    assert_eq!(peer.hear().await.unwrap(), text(&initialized()));
    assert_eq!(peer.hear().await.unwrap(), call_text(2));
    assert_eq!(next(&mut listen).await, note("notifications/tools/list_changed"));
    peer.say(note("notifications/tools/list_changed")).await;
    assert_eq!(next(&mut listen).await, note("notifications/tools/list_changed"), "the new server's own");
    peer.say(done(2)).await;
    assert_eq!(text(soon(call_while_starting).await.unwrap().as_one().unwrap()), done(2));
    assert_eq!((server.stats().lost_sessions, server.stats().reestablished), (0, 1));
    assert!(
        poll_once(std::pin::Pin::new(&mut listen.next())).is_pending(),
        "no answer of ours was passed on"
    );
}

#[tokio::test(start_paused = true)]
async fn the_level_of_logs_and_the_watched_resources_are_set_again() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.reestablish(true).start();
    let mut peer = peers.recv().await.unwrap();
    let mut listen = soon(server.call(session_listen())).await.unwrap();
    open_session(&mut server, &mut peer).await;
    let watch = |id: i64, verb: &str, uri: &str| {
        JsonRpcMessage::request(id, &format!("resources/{verb}"), format!(r#"{{"uri":"{uri}"}}"#)).unwrap()
    };
    let level = |id: i64, level: &str| {
        JsonRpcMessage::request(id, "logging/setLevel", format!(r#"{{"level":"{level}"}}"#)).unwrap()
    };
    let said = [
        level(2, "debug"),
        watch(3, "subscribe", "a"),
        watch(4, "subscribe", "b"),
        level(5, "info"),
        watch(6, "unsubscribe", "a"),
    ];
    for message in &said {
        let answer = server.ready().await.unwrap().call(message.clone());
        assert_eq!(peer.hear().await.unwrap(), text(message));
        peer.say(done(message.id().unwrap().as_str())).await;
        drop(soon(answer).await.unwrap());
    }
    drop(peer);
    let mut peer = peers.recv().await.unwrap();
    assert_eq!(peer.hear().await.unwrap(), text(&initialize(1)));
    peer.say(welcome(1, "2025-06-18")).await;
    assert_eq!(peer.hear().await.unwrap(), text(&initialized()));
    for (message, id) in [(&said[3], 5), (&said[2], 4)] {
        assert_eq!(peer.hear().await.unwrap(), text(message));
        peer.say(done(id)).await;
    }
    soon(server.running()).await.unwrap();
    works(&mut server, &mut peer, 9).await;
    // What happened to them meanwhile, nobody told.
    assert_eq!(next(&mut listen).await, note("notifications/tools/list_changed"));
    let updated = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"b"}}"#;
    assert_eq!(next(&mut listen).await, updated);
    assert!(poll_once(std::pin::Pin::new(&mut listen.next())).is_pending());
}

#[tokio::test(start_paused = true)]
async fn a_modern_clients_own_listen_ends_with_its_server_and_is_told_nothing_else() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let mut peer = peers.recv().await.unwrap();
    let params = r#"{"notifications":{"toolsListChanged":true},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;
    let ask = JsonRpcMessage::request(1, "subscriptions/listen", params).unwrap();
    for _ in 0..2 {
        let listening = server.ready().await.unwrap().call(ask.clone());
        assert_eq!(peer.hear().await.unwrap(), text(&ask));
        let tagged = r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1},"notifications":{"toolsListChanged":true}}}"#;
        peer.say(tagged).await;
        let mut listen = soon(listening).await.unwrap();
        assert_eq!(next(&mut listen).await, tagged);
        drop(peer);
        assert!(soon(listen.next()).await.unwrap().unwrap_err().is_closed(), "so that it listens again");
        assert!(soon(listen.next()).await.is_none());
        peer = peers.recv().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_another_revision_than_before_has_not_started() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.reestablish(true).start();
    let mut peer = peers.recv().await.unwrap();
    open_session(&mut server, &mut peer).await;
    drop(peer);
    let mut peer = peers.recv().await.unwrap();
    let waits = server.ready().await.unwrap().call(call(2));
    peer.hear().await.unwrap();
    peer.say(welcome(1, "2024-11-05")).await;
    let error = soon(waits).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the server could not be started: the server answered revision 2024-11-05 to the `initialize` that it \
         answered 2025-06-18 before"
    );
    assert!(error.is_unsent());
    assert_eq!(peer.hear().await, None, "it was let go");
    assert!(matches!(server.status(), Status::Starting { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_dies_before_the_session_is_open_loses_none() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let mut peer = peers.recv().await.unwrap();
    let mut listen = soon(server.call(session_listen())).await.unwrap();
    let answer = server.ready().await.unwrap().call(initialize(1));
    peer.hear().await.unwrap();
    drop(peer);
    assert!(soon(answer).await.unwrap_err().is_closed());
    let mut peer = peers.recv().await.unwrap();
    open_session(&mut server, &mut peer).await;
    peer.say(note("notifications/tools/list_changed")).await;
    assert_eq!(next(&mut listen).await, note("notifications/tools/list_changed"), "the listen lives on");
    assert_eq!(server.stats().lost_sessions, 0);
}

#[tokio::test(start_paused = true)]
async fn a_modern_server_has_no_session_to_lose() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let mut peer = peers.recv().await.unwrap();
    let mut listen = soon(server.call(session_listen())).await.unwrap();
    let modern = |id: i64| {
        let params = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;
        JsonRpcMessage::request(id, "tools/list", params).unwrap()
    };
    for id in 1..3 {
        let answer = server.ready().await.unwrap().call(modern(id));
        assert_eq!(peer.hear().await.unwrap(), text(&modern(id)));
        peer.say(done(id)).await;
        drop(soon(answer).await.unwrap());
        drop(peer);
        peer = peers.recv().await.unwrap();
    }
    assert!(poll_once(std::pin::Pin::new(&mut listen.next())).is_pending());
    assert_eq!((server.stats().lost_sessions, server.stats().starts), (0, 3));
}

/// A client on stdio, in front of a supervised server.
fn stdio(server: Server) -> (Peer, tokio::task::JoinHandle<Result<(), shadowcat::Error>>) {
    let (client, read, write) = peer(1 << 16);
    (client, tokio::spawn(serve::stdio(server).run_on(read, write)))
}

async fn open_by_stdio(client: &mut Peer, peer: &mut Peer) {
    client.say(text(&initialize(1))).await;
    peer.hear().await.unwrap();
    peer.say(welcome(1, "2025-06-18")).await;
    assert_eq!(client.hear().await.unwrap(), welcome(1, "2025-06-18"));
    client.say(text(&initialized())).await;
    assert_eq!(peer.hear().await.unwrap(), text(&initialized()));
}

#[tokio::test(start_paused = true)]
async fn stdio_ends_when_its_session_is_lost() {
    let (supervisor, mut peers) = supervisor();
    let (mut client, served) = stdio(supervisor.start());
    let mut peer = peers.recv().await.unwrap();
    open_by_stdio(&mut client, &mut peer).await;
    client.say(call_text(2)).await;
    peer.hear().await.unwrap();
    drop(peer);
    assert!(client.hear_error(Some("2"), -32603).await.contains("upstream_closed"));
    assert_eq!(client.hear().await, None);
    assert!(soon(served).await.unwrap().unwrap_err().is_session_lost());
}

#[tokio::test(start_paused = true)]
async fn stdio_goes_on_when_its_session_is_reestablished() {
    let (supervisor, mut peers) = supervisor();
    let (mut client, served) = stdio(supervisor.reestablish(true).start());
    let mut peer = peers.recv().await.unwrap();
    open_by_stdio(&mut client, &mut peer).await;
    client.say(call_text(2)).await;
    peer.hear().await.unwrap();
    for id in 0..300 {
        peer.say(progress(id, 1)).await; // a high count, which a later pipe's must not stand behind
    }
    drop(peer);
    for _ in 0..300 {
        assert!(client.hear().await.unwrap().contains("progress"));
    }
    client.hear_error(Some("2"), -32603).await;
    client.say(call_text(3)).await;

    let mut peer = peers.recv().await.unwrap();
    peer.hear().await.unwrap();
    peer.say(welcome(1, "2025-06-18")).await;
    peer.hear().await.unwrap();
    assert_eq!(peer.hear().await.unwrap(), call_text(3));
    peer.say(done(3)).await;
    assert_eq!(client.hear().await.unwrap(), note("notifications/tools/list_changed"), "first");
    assert_eq!(client.hear().await.unwrap(), done(3));
    client.close().await;
    soon(served).await.unwrap().unwrap();
    assert_eq!(peer.hear().await, None);
}
