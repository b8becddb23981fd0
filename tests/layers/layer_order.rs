//! Every kind of message meets every layer, in order, both ways: a layer that is silently not applied shows here.

use std::time::Duration;

use shadowcat::layer::{CatchErrorLayer, MapLayer, Next, OnRequestsLayer, TimeoutLayer, TraceLayer, from_fn};
use shadowcat::{JsonRpcMessage, RpcService, connect, serve};
use tower::ServiceBuilder;

use crate::support::*;

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;

/// A client, and the server at the other end of what `stack` makes of the leaf.
fn session<S: RpcService>(stack: impl FnOnce(connect::Multiplex) -> S) -> (Peer, Peer) {
    let (server, read, write) = peer(1 << 20);
    let stack = stack(connect::pipe(read, write));
    let (client, read, write) = peer(1 << 20);
    tokio::spawn(serve::stdio(stack).run_on(read, write));
    (client, server)
}

/// A layer that notes what passes it, each way, under a name.
fn noting(name: &'static str, seen: &Seen) -> MapLayer {
    let (up, down) = (seen.clone(), seen.clone());
    let note = move |seen: &Seen, way: &str, message: &JsonRpcMessage| {
        let what = message.method().map_or_else(|| text(message), str::to_owned);
        if what != "subscriptions/listen" {
            seen.push(format!("{name} {way} {what}"));
        }
    };
    MapLayer::requests(move |message| {
        note(&up, "up", &message);
        message
    })
    .and_replies(move |message| {
        note(&down, "down", &message);
        message
    })
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_message_meets_every_layer_in_order_both_ways() {
    let seen = Seen::default();
    let stack = |leaf| {
        let on_requests =
            ServiceBuilder::new().timeout(Duration::from_secs(9)).concurrency_limit(4).into_inner();
        ServiceBuilder::new()
            .layer(noting("a", &seen))
            .layer(CatchErrorLayer::new())
            .layer(noting("b", &seen))
            .layer(TraceLayer::new())
            .layer(from_fn(|message, next: Next| next.run(message)))
            .layer(noting("c", &seen))
            .layer(OnRequestsLayer::new(on_requests))
            .layer(TimeoutLayer::new())
            .layer(noting("d", &seen))
            .service(leaf)
    };
    let (mut client, mut server) = session(stack);
    for line in [note("notifications/initialized"), call_text(1)] {
        client.say(line).await;
        server.hear().await.unwrap();
    }
    for line in [note("notifications/message"), QUESTION.to_owned()] {
        server.say(line).await;
        client.hear().await.unwrap();
    }
    client.say(done("\"q\"")).await;
    server.hear().await.unwrap();
    for line in [done(1), note("notifications/tools/list_changed"), QUESTION.to_owned()] {
        server.say(line).await;
        client.hear().await.unwrap();
    }
    settled().await;
    let mut expected = Vec::new();
    for (way, what) in [
        ("up", "notifications/initialized"),
        ("up", "tools/call"),
        ("down", "notifications/message"),
        ("down", "roots/list"),
        ("up", &done("\"q\"")),
        ("down", &done(1)),
        ("down", "notifications/tools/list_changed"),
        ("down", "roots/list"),
    ] {
        let layers = if way == "up" { ["a", "b", "c", "d"] } else { ["d", "c", "b", "a"] };
        expected.extend(layers.map(|layer| format!("{layer} {way} {what}")));
    }
    assert_eq!(seen.all(), expected);
}
