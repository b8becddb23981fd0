//! Head against body in front of a server that sees no heads: a scripted one on a pipe.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde_json::{Value, json};
use shadowcat::connect::{self, Multiplex};
use shadowcat::layer::{CheckParams, CheckParamsLayer};
use shadowcat::wire::http::Mirrored;
use shadowcat::{Context, Direction, JsonRpcMessage};
use tower::{Layer, Service};

use crate::support::*;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
const ACK: &str = "notifications/subscriptions/acknowledged";
const CHANGED: &str = "notifications/tools/list_changed";

type Stack = CheckParams<Multiplex>;

fn stack() -> (Stack, Peer) {
    let (peer, read, write) = peer(1 << 16);
    (CheckParamsLayer::new().layer(connect::pipe(read, write)), peer)
}

fn call_text_of(id: u32, argument: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t","arguments":{{"a":"{argument}"}},{META}}}}}"#
    )
}

/// A call over HTTP whose head says `header` of its argument.
fn over_http(id: u32, argument: &str, header: Option<&str>) -> JsonRpcMessage {
    let call = msg(call_text_of(id, argument));
    let mut headers = HeaderMap::new();
    header.map(|header| headers.insert("mcp-param-a", header.parse().unwrap()));
    let mut facts = Context::new(Direction::ToUpstream);
    facts.shared_mut().insert(Mirrored::new(call.clone(), &headers));
    call.with_context(Arc::new(facts))
}

/// What is told of a subscription under its id.
fn told(method: &str, listen: &JsonRpcMessage) -> String {
    let id = listen.id().unwrap();
    format!(
        r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}}}}}}"#
    )
}

async fn hear(peer: &mut Peer, method: &str) -> JsonRpcMessage {
    let heard = peer.hear_message().await;
    assert_eq!(heard.method(), Some(method), "{}", text(&heard));
    heard
}

async fn answer_list(peer: &mut Peer, list: &JsonRpcMessage, name: &str, header: &str, next: Option<&str>) {
    let a = json!({ "type": "string", "x-mcp-header": header });
    let mut result = json!({ "tools": [{ "name": name, "inputSchema": { "properties": { "a": a } } }] });
    if let Some(next) = next {
        result["nextCursor"] = json!(next);
    }
    let id: Value = serde_json::from_str(list.id().unwrap().as_str()).unwrap();
    peer.say(json!({ "jsonrpc": "2.0", "id": id, "result": result }).to_string()).await;
}

/// The listen and the list that come before the first call.
async fn introduce(peer: &mut Peer) -> JsonRpcMessage {
    let listen = hear(peer, "subscriptions/listen").await;
    peer.say(told(ACK, &listen)).await;
    let list = hear(peer, "tools/list").await;
    answer_list(peer, &list, "t", "A", None).await;
    listen
}

/// A call that passes.
async fn passes(stack: &mut Stack, peer: &mut Peer, message: JsonRpcMessage) {
    let call = tokio::spawn(stack.call(message));
    let heard = hear(peer, "tools/call").await;
    peer.say(done(heard.id().unwrap())).await;
    assert!(soon(call).await.unwrap().unwrap().as_one().unwrap().result().is_some());
}

async fn is_refused(stack: &mut Stack, message: JsonRpcMessage) {
    let id = message.owned_id();
    let reply = soon(stack.call(message)).await.unwrap();
    assert!(error_of(&reply).contains("-32020"), "{}", error_of(&reply));
    assert_eq!(reply.as_one().unwrap().owned_id(), id);
}

#[tokio::test(start_paused = true)]
async fn a_head_that_lies_never_reaches_the_server() {
    let (mut stack, mut peer) = stack();
    let first = tokio::spawn(stack.call(over_http(1, "x", Some("x"))));
    introduce(&mut peer).await;
    assert_eq!(peer.hear().await.unwrap(), call_text_of(1, "x"));
    peer.say(done(1)).await;
    drop(soon(first).await.unwrap().unwrap());
    for header in [Some("y"), None, Some("=?base64?!?=")] {
        is_refused(&mut stack, over_http(2, "x", header)).await;
    }
    passes(&mut stack, &mut peer, over_http(3, "x", Some("=?base64?eA==?="))).await;
    peer.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn calls_wait_together_for_every_page() {
    let (mut stack, mut peer) = stack();
    let calls = [over_http(1, "x", Some("x")), over_http(2, "x", Some("y"))]
        .map(|call| tokio::spawn(stack.call(call)));
    hear(&mut peer, "subscriptions/listen").await; // that it is silent does not matter
    let list = hear(&mut peer, "tools/list").await;
    answer_list(&mut peer, &list, "other", "A", Some("2")).await;
    let list = hear(&mut peer, "tools/list").await;
    assert!(text(&list).contains(r#""cursor":"2""#), "{}", text(&list));
    peer.hears_nothing().await;
    answer_list(&mut peer, &list, "t", "A", None).await;
    assert_eq!(peer.hear().await.unwrap(), call_text_of(1, "x"));
    peer.say(done(1)).await;
    let [good, bad] = calls;
    assert!(soon(good).await.unwrap().unwrap().as_one().unwrap().result().is_some());
    assert!(error_of(&soon(bad).await.unwrap().unwrap()).contains("-32020"));
}

#[tokio::test(start_paused = true)]
async fn what_did_not_come_over_http_passes_at_once() {
    let (mut stack, mut peer) = stack();
    passes(&mut stack, &mut peer, msg(call_text_of(1, "x"))).await;
    peer.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_list_that_changed_is_read_before_the_next_call_is_judged() {
    let (mut stack, mut peer) = stack();
    let first = tokio::spawn(stack.call(over_http(1, "x", Some("x"))));
    let listen = introduce(&mut peer).await;
    hear(&mut peer, "tools/call").await;
    peer.say(told(CHANGED, &listen)).await;
    peer.say(done(1)).await;
    drop(soon(first).await.unwrap().unwrap());
    // The header that was right is now nobody's, and the argument has none.
    let second = tokio::spawn(stack.call(over_http(2, "x", Some("x"))));
    let list = hear(&mut peer, "tools/list").await;
    answer_list(&mut peer, &list, "t", "B", None).await;
    assert!(error_of(&soon(second).await.unwrap().unwrap()).contains("-32020"));
}

#[tokio::test(start_paused = true)]
async fn nobody_is_refused_by_a_list_that_is_older_than_the_call() {
    let (mut stack, mut peer) = stack();
    let first = tokio::spawn(stack.call(over_http(1, "x", Some("x"))));
    let listen = hear(&mut peer, "subscriptions/listen").await;
    let id = listen.id().unwrap();
    peer.say(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"no"}}}}"#)).await;
    let list = hear(&mut peer, "tools/list").await;
    answer_list(&mut peer, &list, "t", "A", None).await;
    hear(&mut peer, "tools/call").await;
    peer.say(done(1)).await;
    drop(soon(first).await.unwrap().unwrap());
    passes(&mut stack, &mut peer, over_http(2, "x", Some("x"))).await;
    is_refused(&mut stack, over_http(3, "x", None)).await; // the list is young
    tokio::time::sleep(Duration::from_secs(2)).await;
    let later = tokio::spawn(stack.call(over_http(4, "x", None)));
    let list = hear(&mut peer, "tools/list").await;
    answer_list(&mut peer, &list, "t2", "A", None).await;
    hear(&mut peer, "tools/call").await;
    peer.say(done(4)).await;
    drop(soon(later).await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_server_without_tools_has_nothing_to_compare() {
    let (mut stack, mut peer) = stack();
    let call = tokio::spawn(stack.call(over_http(1, "x", Some("y"))));
    for method in ["subscriptions/listen", "tools/list"] {
        let heard = hear(&mut peer, method).await;
        let id = heard.id().unwrap();
        peer.say(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32601,"message":"no"}}}}"#)).await;
    }
    hear(&mut peer, "tools/call").await;
    peer.say(done(1)).await;
    assert!(soon(call).await.unwrap().unwrap().as_one().unwrap().result().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_never_comes_refuses_all_that_wait_for_it_at_once() {
    let (mut stack, mut peer) = stack();
    let start = tokio::time::Instant::now();
    let calls: Vec<_> = (1..=20).map(|id| tokio::spawn(stack.call(over_http(id, "x", Some("x"))))).collect();
    for call in calls {
        assert!(error_of(&soon(call).await.unwrap().unwrap()).contains("-32603"));
    }
    assert!(start.elapsed() < Duration::from_secs(11), "{:?}", start.elapsed());
    hear(&mut peer, "subscriptions/listen").await;
    hear(&mut peer, "tools/list").await;
    hear(&mut peer, "notifications/cancelled").await;
    peer.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_waits_leaves_the_list_to_the_next() {
    let (mut stack, mut peer) = stack();
    let first = tokio::spawn(stack.call(over_http(1, "x", Some("x"))));
    let listen = hear(&mut peer, "subscriptions/listen").await;
    peer.say(told(ACK, &listen)).await;
    hear(&mut peer, "tools/list").await;
    let second = tokio::spawn(stack.call(over_http(2, "x", Some("x"))));
    first.abort();
    hear(&mut peer, "notifications/cancelled").await;
    let list = hear(&mut peer, "tools/list").await;
    answer_list(&mut peer, &list, "t", "A", None).await;
    assert_eq!(peer.hear().await.unwrap(), call_text_of(2, "x"));
    peer.say(done(2)).await;
    drop(soon(second).await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_changed_is_judged_as_it_was_sent() {
    let (mut stack, mut peer) = stack();
    let sent = over_http(1, "s3cret", Some("s3cret"));
    let params = msg(call_text_of(1, "***")).params().unwrap().to_vec();
    let call = tokio::spawn(stack.call(sent.edit().params(params).finish().unwrap()));
    introduce(&mut peer).await;
    assert_eq!(peer.hear().await.unwrap(), call_text_of(1, "***"));
    peer.say(done(1)).await;
    drop(soon(call).await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_list_that_breaks_off_in_the_middle_judges_nobody() {
    let (mut stack, mut peer) = stack();
    let call = tokio::spawn(stack.call(over_http(1, "x", None)));
    hear(&mut peer, "subscriptions/listen").await;
    let list = hear(&mut peer, "tools/list").await;
    answer_list(&mut peer, &list, "other", "A", Some("2")).await;
    let list = hear(&mut peer, "tools/list").await;
    let id = list.id().unwrap();
    peer.say(format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32602,"message":"cursor"}}}}"#)).await;
    assert!(error_of(&soon(call).await.unwrap().unwrap()).contains("-32603"));
    // Nothing of it is kept.
    let call = tokio::spawn(stack.call(over_http(2, "x", None)));
    let list = hear(&mut peer, "tools/list").await;
    answer_list(&mut peer, &list, "t", "A", None).await;
    assert!(error_of(&soon(call).await.unwrap().unwrap()).contains("-32020"));
    peer.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_gone_fails_the_call_as_it_would_without_us() {
    let (mut stack, mut peer) = stack();
    let call = tokio::spawn(stack.call(over_http(1, "x", Some("x"))));
    hear(&mut peer, "subscriptions/listen").await;
    hear(&mut peer, "tools/list").await;
    peer.close().await;
    assert!(soon(call).await.unwrap().unwrap_err().is_closed());
}
