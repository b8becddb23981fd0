//! Clients over HTTP, servers over stdio: real sockets, real processes.

#![cfg(feature = "stdio")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::join_all;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::mixed::*;
use crate::process::eventually_async;
use crate::support::{poll_once, soon};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

#[tokio::test]
async fn a_client_that_leaves_before_the_first_byte_cancels_its_call() {
    let proxy = Proxy::start(100).await;
    let waiting = tokio::spawn(send(proxy.call(&json!("w"), json!({ "do": "wait" }))));
    proxy.receives(&[r#""do":"wait""#]).await;
    waiting.abort();
    proxy.receives(&["notifications/cancelled", r#""requestId":"w""#]).await;
    assert_eq!(proxy.count("notifications/cancelled"), 1);
    // Nobody else noticed.
    assert_eq!(answered(proxy.call(&json!("w"), json!({ "a": "x" }))).await.1["result"]["a"], "x");
}

#[tokio::test]
async fn a_client_that_leaves_while_its_call_is_queued_was_never_heard_of() {
    let proxy = Proxy::start(1).await;
    let mut first = Box::pin(proxy.http.clone().oneshot(proxy.call(&json!(1), json!({ "do": "wait" }))));
    while proxy.count(r#""do":"wait""#) == 0 {
        assert!(poll_once(first.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    let queued = proxy.call(&json!(2), json!({ "a": "queued" }));
    let mut queued = Box::pin(proxy.http.clone().oneshot(queued));
    for _ in 0..100 {
        assert!(poll_once(queued.as_mut()).is_pending());
        tokio::task::yield_now().await;
    }
    drop(queued); // what a client that leaves looks like
    drop(first);
    let (status, answer) = answered(proxy.call(&json!(3), json!({ "a": "behind" }))).await;
    assert_eq!((status, &answer["result"]["a"]), (200, &json!("behind")));
    assert_eq!((proxy.count("queued"), proxy.count(r#""requestId":2"#)), (0, 0));
}

#[tokio::test]
async fn a_body_of_several_lines_is_one_line() {
    let proxy = Proxy::start(100).await;
    let text = modern_text(&json!(1), "tools/list", &json!({}));
    let pretty = text.replace("{\"", "{\r\n  \"").replace(",\"", ",\n\"") + "\n";
    let headers = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/list")];
    let (status, answer) = answered(proxy.post(&headers, pretty.clone())).await;
    assert_eq!((status, &answer["result"]["tools"][0]["name"]), (200, &json!("t")));
    assert_eq!(proxy.received(), [pretty.replace(['\r', '\n'], " ")], "each byte became one blank");
}

#[tokio::test]
async fn clients_with_the_same_ids_and_tokens_see_only_their_own() {
    let proxy = Proxy::start(1000).await;
    let proxy = &proxy;
    let client = |at: usize| async move {
        let (id, token) = match at % 4 {
            0 => (json!(1), json!("1")),
            1 => (json!("1"), json!(1)),
            2 => (json!(1), json!(1)),
            _ => (json!("1"), json!("1")),
        };
        for round in 0..10 {
            let a = format!("{at}-{round}");
            let params = json!({ "name": "t", "arguments": { "a": a }, "_meta": { "progressToken": token } });
            let messages = Events::of(proxy.modern(&id, "tools/call", &params)).await.rest().await;
            assert_eq!(messages.len(), 2, "{messages:?}");
            assert_eq!(messages[0]["params"], json!({ "progressToken": token, "progress": 1, "message": a }));
            assert_eq!((&messages[1]["id"], &messages[1]["result"]["a"]), (&id, &json!(a)));
        }
    };
    join_all((0..40).map(client)).await;
}

#[tokio::test]
async fn each_subscription_carries_the_id_that_its_client_gave_it() {
    let proxy = Proxy::start(100).await;
    let listen = json!({ "notifications": { "toolsListChanged": true } });
    let ids = [json!(1), json!("1"), json!(1)];
    let mut streams = Vec::new();
    for id in &ids {
        let mut events = Events::of(proxy.modern(id, "subscriptions/listen", &listen)).await;
        let first = events.next().await.unwrap();
        assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
        assert_eq!(&first["params"]["_meta"][SUBSCRIPTION], id);
        streams.push(events);
    }
    assert_eq!(answered(proxy.call(&json!(1), json!({ "do": "rename" }))).await.0, 200);
    for (id, events) in ids.iter().zip(&mut streams) {
        let told = events.next().await.unwrap();
        assert_eq!(
            (&told["method"], &told["params"]["_meta"][SUBSCRIPTION]),
            (&json!("notifications/tools/list_changed"), id)
        );
    }
    // The first client leaves; the server ends the others, each in its stream.
    drop(streams.remove(0));
    proxy.receives(&["notifications/cancelled"]).await;
    assert_eq!(answered(proxy.call(&json!(1), json!({ "do": "finish" }))).await.0, 200);
    for (id, events) in ids[1..].iter().zip(streams) {
        let rest = events.rest().await;
        assert_eq!(rest.len(), 1, "{rest:?}");
        assert_eq!((&rest[0]["id"], &rest[0]["result"]["_meta"][SUBSCRIPTION]), (id, id));
    }
}

#[tokio::test]
async fn a_listen_that_the_server_cancels_ends_with_that() {
    let proxy = Proxy::start(100).await;
    let listen = json!({ "notifications": { "toolsListChanged": true } });
    let mut events = Events::of(proxy.modern(&json!("L"), "subscriptions/listen", &listen)).await;
    events.next().await.unwrap();
    assert_eq!(answered(proxy.call(&json!(1), json!({ "do": "cancel" }))).await.0, 200);
    let rest = events.rest().await;
    assert_eq!(rest.len(), 1, "{rest:?}");
    assert_eq!(
        (&rest[0]["method"], &rest[0]["params"]["requestId"]),
        (&json!("notifications/cancelled"), &json!("L"))
    );
    assert_eq!(proxy.count("notifications/cancelled"), 0, "a server is not told what it said");
}

#[tokio::test]
async fn a_request_of_a_modern_server_goes_nowhere_and_is_not_answered() {
    let proxy = Proxy::start(100).await;
    let (status, answer) = answered(proxy.call(&json!(1), json!({ "do": "ask" }))).await;
    assert_eq!((status, answer["result"]["process"].is_u64()), (200, true), "{answer}");
    assert_eq!(answered(proxy.call(&json!(2), json!({}))).await.0, 200);
    assert_eq!(proxy.count(r#""id":77"#), 0, "{:?}", proxy.received());
}

#[tokio::test]
async fn what_a_head_says_of_arguments_is_checked_against_the_tool() {
    let proxy = Proxy::start(100).await;
    let params = json!({ "name": "t", "arguments": { "a": "x" } });
    let text = modern_text(&json!(7), "tools/call", &params);
    let with = |headers: &[(&'static str, &'static str)]| {
        let all = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "t")];
        proxy.post(&[&all[..], headers].concat(), text.clone())
    };
    for headers in [&[][..], &[("mcp-param-a", "y")], &[("mcp-param-a", "=?base64?eQ==?=")]] {
        let (status, answer) = answered(with(headers)).await;
        assert_eq!(
            (status, &answer["id"], &answer["error"]["code"]),
            (400, &json!(7), &json!(-32020)),
            "{answer}"
        );
    }
    for headers in
        [&[("mcp-param-a", "x")][..], &[("mcp-param-a", "=?base64?eA==?="), ("mcp-param-other", "1")]]
    {
        assert_eq!(answered(with(headers)).await.0, 200);
    }
    // The server renames the header; from then on only the new one will do.
    assert_eq!(answered(proxy.call(&json!(1), json!({ "do": "rename" }))).await.0, 200);
    assert_eq!(answered(with(&[("mcp-param-a", "x")])).await.0, 400);
    assert_eq!(answered(with(&[("mcp-param-b", "x")])).await.0, 200);
    assert_eq!(proxy.count(r#""id":7"#), 3, "what is refused does not arrive");
}

/// Opens a session: its id, and the process that serves it.
async fn open(proxy: &Proxy) -> (String, Value) {
    let response = send(proxy.post(&[], INITIALIZE)).await;
    let session = response.headers()["mcp-session-id"].to_str().unwrap().to_owned();
    (session.clone(), in_session(proxy, &session, json!({})).await.1["result"]["process"].clone())
}

async fn in_session(proxy: &Proxy, session: &str, arguments: Value) -> (u16, Value) {
    static ID: AtomicUsize = AtomicUsize::new(1);
    let id = ID.fetch_add(1, Ordering::Relaxed);
    let params = json!({ "name": "t", "arguments": arguments });
    let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
    answered(proxy.post(&[("mcp-session-id", session)], call.to_string())).await
}

#[tokio::test]
async fn a_session_has_a_process_of_its_own_and_ends_with_it() {
    let proxy = Proxy::start(100).await;
    let (one, other) = (open(&proxy).await, open(&proxy).await);
    let shared = answered(proxy.call(&json!(1), json!({}))).await.1["result"]["process"].clone();
    assert!(one.1 != other.1 && one.1 != shared && other.1 != shared && shared.is_u64());

    let waiting = in_session(&proxy, &other.0, json!({ "do": "wait" }));
    let crash = async {
        let (status, answer) = in_session(&proxy, &one.0, json!({ "do": "crash" })).await;
        assert!(status >= 400 && answer["error"]["code"].is_i64(), "{status} {answer}");
        let lost = async || in_session(&proxy, &one.0, json!({})).await.0 == 404;
        soon(async { while !lost().await {} }).await;
    };
    tokio::select! {
        answer = waiting => panic!("another session was disturbed: {answer:?}"),
        () = crash => {}
    }
    assert_eq!(in_session(&proxy, &other.0, json!({})).await.1["result"]["process"], other.1);
    assert_eq!(answered(proxy.call(&json!(1), json!({}))).await.1["result"]["process"], shared);
}

#[tokio::test]
async fn the_shared_process_is_made_again_and_each_pending_call_fails_once() {
    let proxy = Proxy::start(100).await;
    let first = answered(proxy.call(&json!(1), json!({}))).await.1["result"]["process"].clone();
    let pending: Vec<_> =
        (0..5).map(|id| tokio::spawn(answered(proxy.call(&json!(id), json!({ "do": "wait" }))))).collect();
    eventually_async(Duration::from_secs(20), "all wait", || proxy.count(r#""do":"wait""#) == 5).await;
    let (status, _) = answered(proxy.call(&json!(9), json!({ "do": "crash" }))).await;
    assert!(status >= 500 || status == 200);
    for (id, call) in pending.into_iter().enumerate() {
        let (_, answer) = soon(call).await.unwrap();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32603)), "{answer}");
    }
    let again = soon(async {
        loop {
            let (_, answer) = answered(proxy.call(&json!(1), json!({ "a": "x" }))).await;
            if answer["result"].is_object() {
                return answer["result"]["process"].clone();
            }
        }
    });
    assert_ne!(again.await, first);
    assert_eq!(proxy.count(r#""do":"wait""#), 5, "nothing is sent twice");
}
