//! Modern servers, which know no session, against a scripted one without a socket.

use std::time::Duration;

use futures::{FutureExt, StreamExt};
use shadowcat::connect::http::Options;
use shadowcat::protocol::Era;
use shadowcat::reply::Upstream as Said;
use tower::Service;

use crate::support::*;
use crate::upstream::*;

fn request(id: u32, method: &str, params: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn a_request_stands_alone_and_its_head_says_what_its_body_says() {
    let (mut leaf, mut server) = upstream();
    let text = request(1, "prompts/get", "\"name\":\"caf\u{e9}\",");
    let waiting = begin(&mut leaf, msg(&text));
    let asked = server.post(&text).await;
    assert_eq!(asked.header("mcp-protocol-version"), Some("2026-07-28"));
    assert_eq!(asked.header("mcp-method"), Some("prompts/get"));
    assert_eq!(asked.header("mcp-name"), Some("=?base64?Y2Fmw6k=?="));
    let answer =
        http::Response::builder().header("content-type", "application/json").header("mcp-session-id", "no");
    asked.answer(answer.body(done(1).into()).unwrap());
    drop(soon(waiting).await.unwrap().unwrap());
    assert_eq!(leaf.era(), Some(Era::Modern));

    let text = note("notifications/x");
    let waiting = begin(&mut leaf, msg(&text));
    let asked = server.post(&text).await;
    assert_eq!(asked.header("mcp-method"), Some("notifications/x"));
    assert_eq!(
        (asked.header("mcp-session-id"), asked.header("mcp-protocol-version")),
        (None, Some("2026-07-28"))
    );
    asked.status(202);
    drop(soon(waiting).await.unwrap().unwrap());
    drop(leaf);
    server.hears_nothing().await; // nothing to end
}

#[tokio::test(start_paused = true)]
async fn a_client_is_told_only_of_revisions_that_the_leaf_speaks() {
    let (mut leaf, mut server) = upstream();
    let answer = |versions: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"supportedVersions":[{versions}]}}}}"#)
    };
    let text = request(1, "server/discover", "");
    let waiting = begin(&mut leaf, msg(&text));
    server.post(&text).await.json(answer(r#""2027-01-01","2026-07-28", "2025-11-25""#));
    let reply = soon(waiting).await.unwrap().unwrap();
    assert_eq!(text_of(reply), answer(r#""2026-07-28","2025-11-25""#));
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_closes_its_stream_and_says_nothing() {
    let (mut leaf, mut server) = upstream();
    let text = request(1, "prompts/get", r#""name":"t","#);
    let waiting = begin(&mut leaf, msg(&text));
    let mut events = server.post(&text).await.events();
    events.say(progress(1, 1));
    drop(soon(waiting).await.unwrap().unwrap());
    events.closed().await;

    let waiting = begin(&mut leaf, msg(&text));
    let asked = server.post(&text).await;
    waiting.abort();
    asked.abandoned().await;
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_answer_is_lost_and_not_asked_for_again() {
    let (mut leaf, mut server) = upstream();
    let text = request(1, "tools/list", "");
    let waiting = begin(&mut leaf, msg(&text));
    let mut events = server.post(&text).await.events();
    events.raw("id: 7\ndata:\n\n");
    events.break_off();
    assert!(soon(waiting).await.unwrap().unwrap_err().is_closed());
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_listen_is_open_at_its_head_and_may_be_silent() {
    let (mut leaf, mut server) = upstream_with(Options::new().timeout(Duration::from_secs(5)));
    let text = request(1, "subscriptions/listen", r#""notifications":{},"#);
    let waiting = begin(&mut leaf, msg(&text));
    let mut events = server.post(&text).await.events();
    let mut reply = soon(waiting).await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    events.say(note("notifications/subscriptions/acknowledged"));
    assert_eq!(next(&mut reply).await, note("notifications/subscriptions/acknowledged"));
    drop(reply);
    events.closed().await;
}

#[tokio::test(start_paused = true)]
async fn a_front_ends_own_listen_stays_here_and_is_silent() {
    let (mut leaf, mut server) = upstream();
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    server.hears_nothing().await;
    let text = request(1, "tools/list", "");
    let waiting = begin(&mut leaf, msg(&text));
    let mut events = server.post(&text).await.events();
    events.say(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#); // no server of this era asks
    events.say(done(1));
    assert_eq!(text_of(soon(waiting).await.unwrap().unwrap()), done(1));
    assert!(listen.next().now_or_never().is_none());
    server.hears_nothing().await;
    drop(leaf);
    assert!(listen.next().now_or_never().is_none()); // it is a claim of its own
}

fn text_of(reply: shadowcat::Reply) -> String {
    text(reply.as_one().unwrap())
}

#[tokio::test(start_paused = true)]
async fn an_error_of_the_era_is_an_answer_whatever_its_status() {
    let (mut leaf, mut server) = upstream();
    let asked = request(1, "prompts/get", r#""name":"t","#);
    let waiting = begin(&mut leaf, msg(&asked));
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no","data":{"supported":[]}}}"#;
    server.post(&asked).await.say(400, "application/json", error);
    let reply = soon(waiting).await.unwrap().unwrap();
    assert_eq!(reply.extensions().get::<Said>().unwrap().status, 400);
    assert_eq!(text_of(reply), error);
    assert_eq!(leaf.era(), Some(Era::Modern));
}

#[tokio::test(start_paused = true)]
async fn arguments_are_mirrored_as_the_list_of_tools_said() {
    let (mut leaf, mut server) = upstream();
    let list = request(1, "tools/list", "");
    let waiting = begin(&mut leaf, msg(&list));
    let tools = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"sql","inputSchema":{"type":"object",
        "properties":{"region":{"type":"string","x-mcp-header":"Region"}}}}]}}"#;
    server.post(&list).await.json(tools);
    drop(soon(waiting).await.unwrap().unwrap());
    for (name, header) in [("sql", Some("eu")), ("other", None)] {
        let text = request(2, "tools/call", &format!(r#""name":"{name}","arguments":{{"region":"eu"}},"#));
        let waiting = begin(&mut leaf, msg(&text));
        let asked = server.post(&text).await;
        assert_eq!(asked.header("mcp-param-region"), header);
        asked.json(done(2));
        drop(soon(waiting).await.unwrap().unwrap());
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_mirrored_never_leaves() {
    let (mut leaf, mut server) = upstream();
    let error = soon(leaf.call(msg(request(1, "tools/\u{e9}", "")))).await.unwrap_err();
    assert!(error.is_invalid() && error.is_unsent(), "{error:?}");
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_is_never_a_message_of_a_modern_client() {
    let (mut leaf, mut server) = upstream();
    let text = request(1, "tools/list", "");
    let waiting = begin(&mut leaf, msg(&text));
    let asked = server.post(&text).await; // whether the server is modern is not known yet
    assert!(soon(leaf.call(msg(cancelled(9)))).await.unwrap().is_end());
    waiting.abort();
    asked.abandoned().await;
    server.hears_nothing().await;
}
