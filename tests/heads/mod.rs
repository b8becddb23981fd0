//! Heads and the messages that they belong to.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use http::header::{HeaderMap, HeaderName};
use http::request::Parts;
use http::{Method, Request};
use serde_json::{Value, json};
use shadowcat::JsonRpcMessage;
use shadowcat::wire::http::Endpoint;

use crate::support::msg;

pub(crate) fn endpoint() -> Endpoint {
    Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse().unwrap()).unwrap()
}

pub(crate) fn modern_call(name: &str, arguments: &Value) -> JsonRpcMessage {
    request("tools/call", json!({ "name": name, "arguments": arguments }))
}

/// A modern request with what every one must hold.
pub(crate) fn request(method: &str, mut params: Value) -> JsonRpcMessage {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    msg(json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string())
}

pub(crate) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    headers
}

pub(crate) fn head(method: Method, target: &str, pairs: &[(&str, &str)]) -> Parts {
    let request = Request::builder().method(method).uri(target).header("host", "localhost:8080");
    let mut head = request.body(()).unwrap().into_parts().0;
    head.headers.extend(headers(pairs));
    head
}
