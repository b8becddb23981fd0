//! The headers of a tool call that came over HTTP: sent on as they came, unless a layer has changed the call.

use std::sync::Arc;

use http::HeaderMap;
use shadowcat::wire::http::Mirrored;
use shadowcat::{Context, Direction, JsonRpcMessage};

use crate::listed::*;
use crate::support::*;
use crate::upstream::*;

/// A call as a front end on HTTP gives it, with these `Mcp-Param-…` headers.
fn over_http(call: &str, params: &[(&'static str, &str)]) -> JsonRpcMessage {
    let mut headers = HeaderMap::new();
    params.iter().for_each(|(name, value)| _ = headers.insert(*name, value.parse().unwrap()));
    let mut facts = Context::new(Direction::ToUpstream);
    facts.shared_mut().insert(Mirrored::new(msg(call), &headers));
    msg(call).with_context(Arc::new(facts))
}

#[tokio::test(start_paused = true)]
async fn the_headers_of_an_http_client_go_on_as_they_are() {
    let (mut leaf, mut server) = upstream();
    let text = call_of(1, "t", r#"{"a":"x"}"#);
    let sent = over_http(
        &text,
        &[("mcp-param-a", "a lie"), ("mcp-param-unknown", "u"), ("authorization", "s3cret")],
    );
    let waiting = begin(&mut leaf, sent);
    let asked = server.post(&text).await; // the server judges: no list, and no second try
    assert_eq!((asked.header("mcp-param-a"), asked.header("mcp-param-unknown")), (Some("a lie"), Some("u")));
    assert_eq!(asked.header("authorization"), None);
    asked.say(400, "application/json", mismatch(1));
    assert_eq!(answer(waiting).await, mismatch(1));
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_a_layer_changed_is_mirrored_anew() {
    let (mut leaf, mut server) = upstream();
    let sent = over_http(
        &call_of(1, "t", r#"{"a":"s3cret"}"#),
        &[("mcp-param-a", "s3cret"), ("mcp-param-b", "s3cret")],
    );
    let changed = call_of(1, "t", r#"{"a":"***"}"#);
    let params = msg(&changed).params().unwrap().to_vec();
    let waiting = begin(&mut leaf, sent.clone().edit().params(params).finish().unwrap());
    let asked = listing(&mut server).await;
    let list = page(&asked, &[tool("t", "A")], None);
    asked.json(list);
    let asked = server.post(&changed).await;
    assert_eq!((asked.header("mcp-param-a"), asked.header("mcp-param-b")), (Some("***"), None));
    asked.json(done(1));
    drop(soon(waiting).await.unwrap().unwrap());
    // A change of what is not mirrored is none.
    let traced = sent.edit().meta("traceparent", r#""00-1""#).finish().unwrap();
    let text = text(&traced);
    let waiting = begin(&mut leaf, traced);
    let asked = server.post(&text).await;
    assert_eq!(asked.header("mcp-param-b"), Some("s3cret"));
    asked.json(done(1));
    drop(soon(waiting).await.unwrap().unwrap());
}
