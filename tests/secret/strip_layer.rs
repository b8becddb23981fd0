//! The layer: which messages it strips, which it refuses, and what it tells.

use std::sync::{Arc, Mutex};

use futures::{FutureExt, StreamExt};
use http::{HeaderMap, StatusCode};
use shadowcat::layer::StripTokensLayer;
use shadowcat::layer::strip::Event;
use shadowcat::policy::{Decisions, Verdict};
use shadowcat::reply::Upstream;
use shadowcat::rules::Text;
use shadowcat::secret::Marker;
use shadowcat::{Direction, Error, JsonRpcMessage, Reply, ScanOptions};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::keys::{ALNUM, drawn};
use crate::support::{self, msg, text};

const GITHUB: &str = "[REDACTED:github-token]";

fn key() -> String {
    format!("ghp_{}", drawn(ALNUM, 36, 5))
}

/// A server that keeps what it hears and says `said`.
fn server(
    said: &str,
) -> (
    impl Service<JsonRpcMessage, Response = Reply, Error = Error, Future: Send + 'static> + Clone + use<>,
    Arc<Mutex<Vec<String>>>,
) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let said: Vec<_> = said.lines().map(msg).collect();
    let received = heard.clone();
    let service = service_fn(move |message: JsonRpcMessage| {
        received.lock().unwrap().push(text(&message));
        let said = said.clone().into_iter().map(Ok);
        async move { Ok(Reply::stream(futures::stream::iter(said))) }
    });
    (service, heard)
}

#[tokio::test]
async fn each_direction_is_stripped_where_it_was_asked_for() {
    let key = key();
    let said = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"a":"{key}"}}}}"#);
    let sent = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"a":"{key}"}}}}"#);
    for (layer, up, down) in [
        (StripTokensLayer::requests(), true, false),
        (StripTokensLayer::replies(), false, true),
        (StripTokensLayer::both(), true, true),
    ] {
        let stats = layer.stats();
        let (server, heard) = server(&said);
        let reply = layer.layer(server).oneshot(msg(&sent)).await.unwrap();
        let answer = support::rest(reply).await.remove(0);
        assert_eq!((!heard.lock().unwrap()[0].contains(&key), !answer.contains(&key)), (up, down));
        let now = stats.now();
        assert_eq!((now.to_upstream.total() == 1, now.to_client.total() == 1), (up, down));
    }
}

#[tokio::test]
async fn whatever_a_server_says_is_stripped() {
    let key = key();
    let said = [
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"data":"{key}"}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":7,"method":"sampling/createMessage","params":{{"a":"{key}"}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","error":{{"code":1,"message":"{key}"}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":1,"message":"{key}","data":["{key}"]}}}}"#),
    ];
    let (server, _) = server(&said.join("\n"));
    let layer = StripTokensLayer::replies();
    let reply = layer.layer(server).oneshot(support::call(1)).await.unwrap();
    let expected: Vec<_> = said.iter().map(|line| line.replace(&key, GITHUB)).collect();
    assert_eq!(support::rest(reply).await, expected);
    assert_eq!(layer.stats().now().to_client.secrets["github-token"], 5);
}

/// What a server says of a failure, in the place of a message or of the rest of a reply.
#[tokio::test]
async fn what_an_error_tells_of_a_server_is_stripped() {
    let key = key();
    let (long, cut) = ("a ".repeat(8190), &key[..8]);
    for (body, expected) in [
        (format!(r#"{{"error":"{key}","cursor":"{key}"}}"#), r#"{"error":"KEY","cursor":"KEY"}"#.to_owned()),
        (r#"{"password": "open sesame!"}"#.to_owned(), r#"{"password": "[REDACTED:member]"}"#.to_owned()),
        (format!("key {key}: no"), "key KEY: no".to_owned()),
        (r#"{"error": "nothing"}"#.to_owned(), r#"{"error": "nothing"}"#.to_owned()),
        (format!("{long}{cut}"), long.clone()),
    ] {
        let said = Upstream::new(StatusCode::BAD_GATEWAY, HeaderMap::new(), Some(body.into()));
        let error = Error::closed("the server answered HTTP 502").with_extension(said);
        let clone = error.clone();
        let fails = service_fn(move |_: JsonRpcMessage| std::future::ready(Err::<Reply, _>(clone.clone())));
        let boxed = fails.clone().map_err(tower::BoxError::from);
        let breaks = service_fn(move |_: JsonRpcMessage| {
            let reply = Reply::stream(futures::stream::iter([Err(error.clone())]));
            async move { Ok::<_, Error>(reply) }
        });
        let layer = StripTokensLayer::replies();
        let first = layer.layer(fails).oneshot(support::call(1)).await.unwrap_err();
        let second = layer.layer(boxed).oneshot(support::call(1)).await.unwrap_err();
        let mut reply = layer.layer(breaks).oneshot(support::call(1)).await.unwrap();
        let third = reply.next().await.unwrap().unwrap_err();
        for error in [&first, second.downcast_ref().unwrap(), &third] {
            let said = error.extensions().get::<Upstream>().unwrap();
            let body = std::str::from_utf8(said.body.as_ref().unwrap()).unwrap();
            assert_eq!(body, expected.replace("KEY", GITHUB));
            assert_eq!(error.to_string(), "the server answered HTTP 502");
        }
    }
}

#[tokio::test]
async fn notifications_and_answers_of_the_client_are_stripped() {
    let key = key();
    let layer = StripTokensLayer::requests();
    for sent in [
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{{"a":"{key}"}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":5,"result":{{"content":{{"api_key":"{key}"}}}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":5,"error":{{"code":1,"message":"{key}"}}}}"#),
    ] {
        let (server, heard) = server("");
        let _ = layer.layer(server).oneshot(msg(&sent)).await.unwrap();
        assert_eq!(*heard.lock().unwrap(), [sent.replace(&key, GITHUB)]);
    }
}

/// As it comes from a transparent scan, and not from a strict one.
fn odd(text: &str) -> JsonRpcMessage {
    JsonRpcMessage::parse_with(text.to_owned(), &ScanOptions::new().transparent()).unwrap()
}

#[tokio::test]
async fn what_two_readers_read_in_two_ways_does_not_pass() {
    let layer = StripTokensLayer::both();
    let (server, heard) = server("");
    let request = odd(r#"{"jsonrpc":"2.0","id":1,"method":"m","params":{}}"#);
    let reply = layer.layer(server.clone()).oneshot(request).await.unwrap();
    assert_eq!(Decisions::of(&reply)[0].verdict(), Verdict::Deny);
    assert!(text(reply.as_one().unwrap()).contains("-32600"));
    let note = layer.layer(server.clone()).oneshot(odd(r#"{"jsonrpc":"2.0","method":"m"}"#)).await.unwrap();
    assert!(note.is_end());
    assert!(heard.lock().unwrap().is_empty(), "nothing goes on");
    let _ = layer.layer(server).oneshot(odd(r#"{"jsonrpc":"2.0","id":5,"result":{"a":1}}"#)).await.unwrap();
    let told = heard.lock().unwrap().remove(0);
    assert!(told.contains(r#""id":5"#) && told.contains("error"), "the server is told: {told}");

    let said = [r#"{"jsonrpc":"2.0","method":"n"}"#, r#"{"jsonrpc":"2.0","id":1,"result":{"a":1}}"#];
    let items = said.map(|said| Ok(odd(said)));
    let odd_server = service_fn(move |_: JsonRpcMessage| {
        let items = items.iter().map(|item: &Result<_, Error>| Ok(item.as_ref().unwrap().clone()));
        let reply = Reply::stream(futures::stream::iter(items.collect::<Vec<_>>()));
        async move { Ok::<_, Error>(reply) }
    });
    let answers = support::rest(layer.layer(odd_server).oneshot(support::call(1)).await.unwrap()).await;
    assert!(answers.len() == 1 && answers[0].contains(r#""id":1,"error""#), "{answers:?}");
    let now = layer.stats().now();
    assert_eq!((now.to_upstream.refused, now.to_client.refused), (3, 2));
}

#[tokio::test]
async fn what_grows_beyond_its_limit_does_not_pass() {
    let many = vec![r#"{"pwd":"ab"}"#; 20].join(",");
    let long = Marker::fixed(&"*".repeat(1000));
    let layer = StripTokensLayer::both().marker(long).max_bytes(8192);
    let said = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"a":[{many}]}}}}"#);
    let (server, heard) = server(&said);
    let request = msg(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"a":[{many}]}}}}"#));
    let reply = layer.layer(server.clone()).oneshot(request).await.unwrap();
    assert!(text(reply.as_one().unwrap()).contains("error") && heard.lock().unwrap().is_empty());
    let answer = support::rest(layer.layer(server).oneshot(support::call(1)).await.unwrap()).await;
    assert!(answer[0].contains("error") && !answer[0].contains("pwd"), "{answer:?}");
}

#[tokio::test]
async fn a_dry_run_tells_and_changes_nothing() {
    let layer = StripTokensLayer::both().dry_run();
    let mut told = layer.subscribe(8);
    let sent = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"a":"{}"}}}}"#, key());
    let (server, heard) = server(&support::done(1));
    let _ = layer.layer(server).oneshot(msg(&sent)).await.unwrap();
    assert_eq!(*heard.lock().unwrap(), [sent]);
    let Some(Some(Event::Found(taken))) = told.next().now_or_never() else { panic!("nothing is told") };
    assert!(taken.dry_run && taken.direction == Direction::ToUpstream);
    assert_eq!((taken.method.as_deref(), &*taken.found.kind), (Some("m"), "github-token"));
    assert_eq!(taken.found.path.to_string(), "/params/a");
}

#[tokio::test]
async fn a_slow_subscriber_loses_its_own() {
    let layer = StripTokensLayer::requests();
    let mut told = layer.subscribe(1);
    let (server, _) = server(&support::done(1));
    let sent =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"m","params":{{"a":["{0}","{0}","{0}"]}}}}"#, key());
    let _ = layer.layer(server).oneshot(msg(&sent)).await.unwrap();
    drop(layer);
    assert!(matches!(told.next().await, Some(Event::Found(_))));
    assert!(matches!(told.next().await, Some(Event::Lost(2))));
    assert!(told.next().await.is_none());
}

#[tokio::test]
async fn what_is_excepted_or_allowed_passes() {
    let sent =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"vault/put","params":{{"a":"{0}","b":"{0}"}}}}"#, key());
    let except = StripTokensLayer::requests().except(Direction::ToUpstream, Text::glob("vault/*"));
    let allow = StripTokensLayer::requests().allow(|found| found.path.to_string() == "/params/a");
    for (layer, left) in [(except, 2), (allow, 1)] {
        let (server, heard) = server(&support::done(1));
        let _ = layer.layer(server).oneshot(msg(&sent)).await.unwrap();
        assert_eq!(heard.lock().unwrap()[0].matches(&key()).count(), left);
    }
}
