//! A small MCP server in this process: what the examples talk to when they are given no command.

use std::time::Duration;

use serde_json::{Value, json};
use shadowcat::{BoxError, Code, JsonRpcMessage, Reply, protocol::method};
use tower::util::BoxCloneSyncService;

/// The server as a leaf.
pub(crate) fn server() -> BoxCloneSyncService<JsonRpcMessage, Reply, BoxError> {
    BoxCloneSyncService::new(tower::service_fn(answer))
}

async fn answer(message: JsonRpcMessage) -> Result<Reply, BoxError> {
    let params: Value = serde_json::from_slice(message.params().unwrap_or(b"{}"))?;
    let result = match message.method() {
        Some(method::INITIALIZE) => json!({
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "shadowcat-demo", "version": env!("CARGO_PKG_VERSION")},
        }),
        Some(method::PING) => json!({}),
        Some(method::TOOLS_LIST) => json!({"tools": tools()}),
        Some(method::TOOLS_CALL) if params["name"] == "count" => return Ok(count(message, &params)),
        Some(method::TOOLS_CALL) => match call(&params) {
            Some(text) => json!({"content": [{"type": "text", "text": text}]}),
            None => return Ok(Reply::refuse(&message, Code::INVALID_PARAMS, "Unknown tool")),
        },
        _ => return Ok(Reply::refuse(&message, Code::METHOD_NOT_FOUND, "Method not found")),
    };
    let response = message.responder().result(result.to_string())?;
    Ok(response.map_or_else(Reply::empty, Reply::one))
}

fn tools() -> Value {
    let tool = |name: &str, description: &str, properties: Value| {
        json!({"name": name, "description": description,
               "inputSchema": {"type": "object", "properties": properties}})
    };
    json!([
        tool("echo", "Says what it is told", json!({"message": {"type": "string"}})),
        tool("add", "Adds two numbers", json!({"a": {"type": "number"}, "b": {"type": "number"}})),
        tool("count", "Counts, with progress", json!({"to": {"type": "integer"}})),
    ])
}

fn call(params: &Value) -> Option<String> {
    let arguments = &params["arguments"];
    match params["name"].as_str()? {
        "echo" => Some(arguments["message"].as_str().unwrap_or_default().to_owned()),
        "add" => Some((arguments["a"].as_f64()? + arguments["b"].as_f64()?).to_string()),
        _ => None,
    }
}

/// A reply of several messages: a progress report per step, then the result.
fn count(message: JsonRpcMessage, params: &Value) -> Reply {
    let to = params["arguments"]["to"].as_u64().unwrap_or(3).min(100);
    let token = params["_meta"]["progressToken"].clone();
    let (sender, reply) = Reply::channel(16);
    tokio::spawn(async move {
        for step in 1..=to {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let progress = json!({"progressToken": token, "progress": step, "total": to}).to_string();
            if !token.is_null()
                && sender.send(JsonRpcMessage::notification(method::PROGRESS, progress)?).await.is_err()
            {
                return Ok(()); // the client cancelled
            }
        }
        let result = json!({"content": [{"type": "text", "text": format!("counted to {to}")}]}).to_string();
        if let Some(response) = message.responder().result(result)? {
            sender.finish(response);
        }
        Ok::<_, BoxError>(())
    });
    reply
}
