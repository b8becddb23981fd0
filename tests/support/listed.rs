//! A modern server's list of tools, and calls of them.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use serde_json::{Value, json};
use shadowcat::Reply;

use crate::support::*;
use crate::upstream::*;

pub(crate) const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"x":{}}}"#;

pub(crate) fn request(id: u32, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{META}}}}}"#)
}

pub(crate) fn call_of(id: u32, tool: &str, arguments: &str) -> String {
    request(id, "tools/call", &format!(r#""name":"{tool}","arguments":{arguments},"#))
}

/// A tool that mirrors its string argument `a` as `header`.
pub(crate) fn tool(name: &str, header: &str) -> Value {
    let a = json!({ "type": "string", "x-mcp-header": header });
    json!({ "name": name, "inputSchema": { "type": "object", "properties": { "a": a } } })
}

pub(crate) fn page(asked: &Asked, tools: &[Value], next: Option<&str>) -> String {
    let body: Value = serde_json::from_str(&asked.body).unwrap();
    let mut result = json!({ "tools": tools, "resultType": "complete" });
    if let Some(next) = next {
        result["nextCursor"] = json!(next);
    }
    json!({ "jsonrpc": "2.0", "id": body["id"], "result": result }).to_string()
}

pub(crate) fn mismatch(id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32020,"message":"header"}}}}"#)
}

/// The leaf's own list.
pub(crate) async fn listing(server: &mut Upstream) -> Asked {
    let asked = server.asked().await;
    assert_eq!(asked.header("mcp-method"), Some("tools/list"), "{asked:?}");
    asked
}

pub(crate) async fn answer(waiting: tokio::task::JoinHandle<Result<Reply, shadowcat::Error>>) -> String {
    text(soon(waiting).await.unwrap().unwrap().as_one().unwrap())
}
