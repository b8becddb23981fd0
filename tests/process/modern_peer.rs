//! A server on stdio that speaks either era: `modern_peer RECORD`. What it receives is recorded, line by line.
//!
//! Its tool is called `t`, and mirrors its argument `a`; what a call does, its argument `do` says. Results tell the
//! process's id.

use std::fs::OpenOptions;
use std::io::{self, BufRead, Write};
use std::process::{exit, id};

use serde_json::{Value, json};

const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// Who listens, by id, and what `a` is mirrored as.
struct Server {
    listens: Vec<Value>,
    header: String,
}

fn main() -> io::Result<()> {
    let path = std::env::args().nth(1).expect("modern_peer RECORD");
    let mut record = OpenOptions::new().create(true).append(true).open(path)?;
    let mut server = Server { listens: Vec::new(), header: "A".to_owned() };
    for line in io::stdin().lock().split(b'\n') {
        let line = line?;
        record.write_all(&[&line, &b"\n"[..]].concat())?;
        server.take(&serde_json::from_slice(&line)?)?;
    }
    Ok(())
}

impl Server {
    fn take(&mut self, message: &Value) -> io::Result<()> {
        let (id, params) = (&message["id"], &message["params"]);
        match message["method"].as_str() {
            Some("initialize") => {
                let version = &params["protocolVersion"];
                answer(id, &json!({ "protocolVersion": version, "capabilities": { "tools": {} } }))
            }
            Some("tools/list") => {
                let a = json!({ "type": "string", "x-mcp-header": self.header });
                let schema =
                    json!({ "type": "object", "properties": { "a": a, "do": { "type": "string" } } });
                answer(id, &json!({ "tools": [{ "name": "t", "inputSchema": schema }] }))
            }
            Some("subscriptions/listen") => {
                self.listens.push(id.clone());
                tell_of(id, "notifications/subscriptions/acknowledged")
            }
            Some("notifications/cancelled") => {
                self.listens.retain(|listen| *listen != params["requestId"]);
                Ok(())
            }
            Some("tools/call") => self.call(id, params),
            _ if id.is_null() || message["method"].is_null() => Ok(()),
            _ => answer(id, &json!({})),
        }
    }

    fn call(&mut self, call: &Value, params: &Value) -> io::Result<()> {
        let token = &params["_meta"]["progressToken"];
        match params["arguments"]["do"].as_str() {
            Some("wait") => return Ok(()),
            Some("crash") => exit(3),
            Some("ask") => {
                say(&json!({ "jsonrpc": "2.0", "id": 77, "method": "elicitation/create", "params": {} }))?;
            }
            Some("rename") => {
                self.header = "B".to_owned();
                self.listens
                    .iter()
                    .try_for_each(|listen| tell_of(listen, "notifications/tools/list_changed"))?;
            }
            Some("cancel") => self.listens.drain(..).try_for_each(|listen| {
                let params = json!({ "requestId": listen });
                say(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params }))
            })?,
            Some("finish") => self.listens.drain(..).try_for_each(|listen| {
                answer(&listen, &json!({ "resultType": "complete", "_meta": { SUBSCRIPTION: listen } }))
            })?,
            _ if !token.is_null() => {
                let params =
                    json!({ "progressToken": token, "progress": 1, "message": params["arguments"]["a"] });
                say(&json!({ "jsonrpc": "2.0", "method": "notifications/progress", "params": params }))?;
            }
            _ => {}
        }
        answer(call, &json!({ "process": id(), "a": params["arguments"]["a"], "resultType": "complete" }))
    }
}

fn tell_of(listen: &Value, method: &str) -> io::Result<()> {
    let params = json!({ "_meta": { SUBSCRIPTION: listen }, "notifications": { "toolsListChanged": true } });
    say(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
}

fn answer(id: &Value, result: &Value) -> io::Result<()> {
    say(&json!({ "jsonrpc": "2.0", "id": id, "result": result }))
}

fn say(message: &Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{message}\n").as_bytes())?;
    out.flush()
}
