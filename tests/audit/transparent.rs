//! Odd but harmless messages, watched: what only looks sees them, what decides refuses them.

#![cfg(feature = "http")]

use futures::StreamExt;
use http::StatusCode;
use shadowcat::audit::{Options, Writer};
use shadowcat::layer::debug::Debugger;
use shadowcat::layer::hold::{Breakpoint, HoldLayer, Holds, Options as HoldOptions};
use shadowcat::layer::intercept::Interest;
use shadowcat::layer::rules::{Rules, RulesLayer};
use shadowcat::layer::{AuditLayer, DebugLayer, EventsLayer};
use shadowcat::rules::{Action, Matcher, Rule, RuleSet};
use shadowcat::{JsonRpcMessage, Reply, ScanOptions, serve};
use tower::ServiceBuilder;

use crate::audited::{Folder, lines};
use crate::front;
use crate::support::{self, echo, error_of, leaf, peer, run};

/// Of the corpus (`envelope-id-over-safe`), and two of this kind that are not in it.
const ODD: [&str; 3] = [
    r#"{"jsonrpc":"2.0","id":9007199254740992,"method":"ping"}"#,
    r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"a","n\u0061me":"b"}}"#,
    r#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"a","arguments":{"x":1,"x":2}}}"#,
];

fn odd(text: &str) -> JsonRpcMessage {
    assert!(JsonRpcMessage::parse(text.to_owned()).is_err(), "{text}");
    let message = JsonRpcMessage::parse_with(text.to_owned(), &ScanOptions::new().transparent()).unwrap();
    assert!(!message.is_strict());
    message
}

/// As a leaf that scans transparently reads it: a message of our own making is strict.
fn answer(request: &JsonRpcMessage) -> JsonRpcMessage {
    let text = support::done(request.id().unwrap());
    JsonRpcMessage::parse_with(text, &ScanOptions::new().transparent()).unwrap()
}

#[tokio::test]
async fn a_transparent_front_end_on_stdio_forwards_them_byte_for_byte_and_they_are_watched() {
    let folder = Folder::new();
    let log = Writer::open(folder.log(), Options::new()).unwrap();
    let events = EventsLayer::new();
    let told = events.subscribe(64);
    let debugger = Debugger::new();
    let leaf = leaf(|message: JsonRpcMessage| async move {
        match message.is_listen() {
            true => echo(message).await,
            false => Ok(Reply::one(answer(&message))),
        }
    });
    let seen = leaf.seen.clone();
    let stack = ServiceBuilder::new()
        .layer(AuditLayer::new(log.clone()))
        .layer(DebugLayer::new(&debugger))
        .layer(events)
        .service(leaf);
    let (mut client, read, write) = peer(1 << 16);
    let front = serve::stdio(stack).scan(ScanOptions::new().transparent());
    let served = tokio::spawn(front.run_on(read, write));
    for message in ODD {
        client.say(message).await;
        assert!(client.hear().await.unwrap().contains(r#""result":{}"#), "{message}");
    }
    client.close().await;
    served.await.unwrap().unwrap();
    assert_eq!(seen.all()[1..], ODD);
    log.flushed().await;
    drop(log);
    let written = lines(&folder.log());
    let calls: Vec<_> = written.iter().filter(|line| line["kind"] == "call").collect();
    assert!(calls.len() == 3 && calls.iter().all(|line| line["transparent"] == true), "{calls:?}");
    assert_eq!(calls[1]["unreadable"], "the key stands twice");
    assert_eq!(told.take(6).count().await, 6, "sent and received, each");
}

#[tokio::test]
async fn a_strict_front_end_forwards_none_of_them() {
    let leaf = leaf(echo);
    let seen = leaf.seen.clone();
    let (mut client, read, write) = peer(1 << 16);
    let served = tokio::spawn(serve::stdio(leaf).run_on(read, write));
    for message in ODD {
        client.say(message).await;
        assert!(client.hear().await.unwrap().contains(r#""error""#), "{message}");
    }
    client.close().await;
    served.await.unwrap().unwrap();
    assert_eq!(seen.len(), 1, "the listen");
}

#[tokio::test]
async fn a_transparent_front_end_on_http_forwards_them_byte_for_byte() {
    let (http, mut calls) = front::sessions(|builder| builder.scan(ScanOptions::new().transparent()));
    let session = front::open(&http, &mut calls).await;
    for message in ODD {
        let response = front::sending(&http, front::post(Some(&session), message));
        let (call, sender) = loop {
            match calls.next().await {
                (listen, _) if listen.is_listen() => {}
                call => break call,
            }
        };
        assert_eq!(support::text(&call), message);
        sender.finish(answer(&call));
        assert_eq!(response.await.unwrap().status(), StatusCode::OK);
    }
    let (http, mut calls) = front::sessions(|builder| builder);
    let session = front::open(&http, &mut calls).await;
    for message in ODD {
        let response = front::send(&http, front::post(Some(&session), message)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{message}");
    }
}

#[tokio::test]
async fn rules_refuse_what_they_would_look_at_and_cannot_judge() {
    let rule = Rule::new("pass", Matcher::new(), Action::Pass);
    let rules = Rules::new(RuleSet::new([rule]).unwrap()).unwrap();
    let leaf = leaf(echo);
    let seen = leaf.seen.clone();
    let mut stack = ServiceBuilder::new().layer(RulesLayer::new(&rules)).service(leaf);
    for message in ODD {
        let refused = run(&mut stack, odd(message)).await.unwrap();
        assert!(error_of(&refused).contains("-32600"), "{message}");
    }
    assert_eq!(seen.len(), 0);
}

#[tokio::test]
async fn a_breakpoint_refuses_what_it_would_hold() {
    let holds = Holds::new(HoldOptions::new());
    holds.set(Breakpoint::new("all", Interest::everything())).unwrap();
    let leaf = leaf(echo);
    let seen = leaf.seen.clone();
    let mut stack = ServiceBuilder::new().layer(HoldLayer::new(&holds)).service(leaf);
    for message in ODD {
        let refused = run(&mut stack, odd(message)).await.unwrap();
        assert!(error_of(&refused).contains("-32600"), "{message}");
    }
    assert_eq!(seen.len(), 0);
}
