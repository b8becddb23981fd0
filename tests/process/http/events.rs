//! Class `sse`: what a server says on its streams.

use std::convert::Infallible;

use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use serde_json::Value;
use shadowcat::connect::Http as Leaf;
use shadowcat::connect::http::{Body, Options, Transport};
use shadowcat::wire::sse::{Decoder, Limits};
use shadowcat::{Error, JsonRpcMessage, Reply};
use tokio::time::timeout;
use tower::{Service, service_fn};

use super::server::Server;
use super::{Answer, Front, MAX, PATIENCE, bytes, exchange, find, list, scan, show};

const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

fn says(head: &str, _: &[u8], given: &[u8]) -> Vec<u8> {
    match head.starts_with("POST") {
        true => [EVENTS.as_bytes(), given].concat(),
        false => b"HTTP/1.1 405 Method Not Allowed\r\ncontent-length: 0\r\n\r\n".to_vec(),
    }
}

/// Runs one case.
pub(crate) async fn event(case: &Value) -> Result<(), String> {
    match (case["channel"].as_str(), case["expect"].as_str()) {
        (_, Some(expect)) if expect.starts_with("blocked-by-policy") || expect == "stripped" => {
            changed(case).await
        }
        (Some("sse-legacy"), _) => endpoint(case).await,
        _ => stream(case).await,
    }
}

/// The one answer comes, without what must not.
async fn changed(case: &Value) -> Result<(), String> {
    let server = Server::start(bytes(&case["bytes_base64"]), says).await;
    let front = Front::before(server.address).await;
    let told = exchange(front.address, &asks(case), false).await;
    let [message] = &messages(&told)[..] else { return Err(format!("one answer was due: {told:?}")) };
    let holds = |what: &Vec<u8>| find(message, what).is_some();
    let is_clean = !list(&case["must_not_contain_base64"]).iter().any(holds);
    let is_there = list(&case["must_contain_base64"]).iter().all(holds);
    let answer: Value = serde_json::from_slice(message).map_err(|error| error.to_string())?;
    if is_clean && is_there && answer["id"] == 1 && answer["result"].is_object() {
        return Ok(());
    }
    Err(show(message))
}

/// A client asks, and the server's answer is the case's stream.
async fn stream(case: &Value) -> Result<(), String> {
    let server = Server::start(bytes(&case["bytes_base64"]), says).await;
    let front = Front::before(server.address).await;
    let told = exchange(front.address, &asks(case), false).await;
    let said = messages(&told);
    let wanted = list(&case["messages_base64"]);
    let (forwarded, failures): (Vec<_>, Vec<_>) = said.into_iter().partition(|said| wanted.contains(said));
    if forwarded != wanted {
        return Err(format!(
            "{told:?}; due were {:?}",
            wanted.iter().map(|one| show(one)).collect::<Vec<_>>()
        ));
    }
    let is_answer =
        |message: &Vec<u8>| JsonRpcMessage::parse(message.clone()).is_ok_and(|one| one.id().is_some());
    let due = usize::from(!wanted.iter().any(is_answer));
    let is_failure = |message: &Vec<u8>| {
        let message: Value = serde_json::from_slice(message).unwrap_or_default();
        message["id"] == 1 && message["error"]["code"] == -32603
    };
    if failures.len() != due || !failures.iter().all(is_failure) {
        return Err(format!("{due} errors were due: {told:?}"));
    }
    Ok(())
}

fn asks(case: &Value) -> Vec<u8> {
    let method = case["pending"][0]["method"].as_str().expect("a request is pending");
    let is_modern = case["revision"] == "2026-07-28";
    let (meta, head) = if is_modern {
        let meta = r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
        (meta, format!("MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: {method}\r\nMcp-Name: t\r\n"))
    } else {
        ("", String::new())
    };
    let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"t"{meta}}}}}"#);
    let head =
        format!("POST /mcp HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\n{head}");
    format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

/// What the client was told, be it JSON or events.
fn messages(told: &Answer) -> Vec<Vec<u8>> {
    if !told.head.contains("text/event-stream") {
        // Here a line end within is as good as a space.
        return vec![told.body.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }).collect()];
    }
    let mut decoder = Decoder::new(Limits::new(MAX));
    decoder.push(told.body.clone());
    std::iter::from_fn(|| decoder.next_event().ok().flatten())
        .filter(|event| !event.data.is_empty())
        .map(|event| event.data.to_vec())
        .collect()
}

fn opens(head: &str, _: &[u8], given: &[u8]) -> Vec<u8> {
    match head.starts_with("GET") {
        true => [EVENTS.as_bytes(), given].concat(),
        false => b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_vec(),
    }
}

/// The server names an endpoint. Every name resolves to it, and TLS is left out, so that whatever the leaf would
/// send to another would be heard.
async fn endpoint(case: &Value) -> Result<(), String> {
    let server = Server::start(bytes(&case["bytes_base64"]), opens).await;
    let address = server.address;
    let resolver = service_fn(move |_| async move { Ok::<_, Infallible>(std::iter::once(address)) });
    let mut connector = HttpConnector::new_with_resolver(resolver);
    connector.enforce_http(false);
    let client = Client::builder(TokioExecutor::new()).build::<_, Body>(connector);
    let uri = case["upstream"].as_str().and_then(|uri| uri.parse().ok()).expect("an address");
    let options = Options::new().scan(scan()).transport(Transport::Sse);
    let outcome = initialize(Leaf::with_options(client, uri, options)).await?;
    let error = outcome.err().ok_or("a stream that ended answers nothing")?;
    let posts = server.heard().iter().filter(|heard| heard.head.starts_with("POST")).count();
    match (case["expect"].as_str(), posts) {
        (Some("reject"), 0) if error.is_invalid() => Ok(()),
        // What comes before the second endpoint may have been acted upon.
        (Some("reject"), _) if error.is_invalid() && case["name"] == "sse-endpoint-second" => Ok(()),
        (Some("forward-identical"), _) if error.is_session_lost() => Ok(()),
        _ => Err(format!("{error:?} after {posts} messages")),
    }
}

async fn initialize<C: 'static>(mut leaf: Leaf<C>) -> Result<Result<Reply, Error>, String> {
    let ask = JsonRpcMessage::request(0, "initialize", r#"{"protocolVersion":"2024-11-05"}"#);
    let call = leaf.call(ask.map_err(|error| error.to_string())?);
    timeout(PATIENCE, call).await.map_err(|_| "the leaf hangs".to_owned())
}
