//! The cases of pipes, said over HTTP: a client's line is a body, a server's line an answer.

use serde_json::Value;

use super::server::Server;
use super::{Answer, Front, exchange, show};
use crate::corpus::{Case, Outcome};
use crate::told::{expect_bytes, expect_left, id};

/// Runs one case; `None` for what HTTP cannot say: several lines, and what a server says unasked.
pub(crate) async fn line(case: &Case) -> Option<Result<(), String>> {
    let plan = case.plan()?;
    let [(line, outcome)] = &plan.frames[..] else { return None };
    let payload = payload(line);
    match (plan.from_client, &case.pending[..]) {
        (true, []) if case.server_pending.is_empty() => Some(asked(case, payload, *outcome).await),
        (false, [question]) if question.id == 1 => {
            Some(answered(case, payload, *outcome, &question.line()).await)
        }
        _ => None,
    }
}

fn payload(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\n").unwrap_or(line)
}

/// A request with this body, and the headers that a client of its revision derives from it.
fn post(body: &[u8]) -> Vec<u8> {
    let tree: Value = serde_json::from_slice(body).unwrap_or_default();
    let version = &tree["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"];
    let named = |header: &str, value: &Value| {
        value.as_str().map(|value| format!("{header}: {value}\r\n")).unwrap_or_default()
    };
    let modern = if version.is_string() {
        let (method, name) = (&tree["method"], &tree["params"]["name"]);
        named("MCP-Protocol-Version", version) + &named("Mcp-Method", method) + &named("Mcp-Name", name)
    } else {
        String::new()
    };
    let head = "POST /mcp HTTP/1.1\r\nHost: localhost:8080\r\nContent-Type: application/json\r\n";
    let head = format!("{head}{modern}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// The client asks.
async fn asked(case: &Case, body: &[u8], outcome: Outcome) -> Result<(), String> {
    let server = Server::start(Vec::new(), super::requests::answers).await;
    let front = Front::before(server.address).await;
    let told = exchange(front.address, &post(body), false).await;
    let heard: Vec<_> = server.heard().into_iter().map(|heard| heard.body).collect();
    match (outcome, &heard[..]) {
        (Outcome::Forward | Outcome::Strip, [came]) => {
            expect_left(case, outcome, body, &[came, &b"\n"[..]].concat())
        }
        (Outcome::Reject | Outcome::Block, []) => refused(case, outcome, body, &told),
        _ => Err(format!("the server heard {} messages; the client {told:?}", heard.len())),
    }
}

fn refused(case: &Case, outcome: Outcome, asked: &[u8], told: &Answer) -> Result<(), String> {
    let error: Value =
        serde_json::from_slice(&told.body).map_err(|error| format!("{error}: {}", show(&told.body)))?;
    let code = error["error"]["code"].as_i64().ok_or_else(|| format!("no code: {error}"))?;
    let is_due = match outcome {
        Outcome::Block => code == -32602 && id(&told.body) == id(asked),
        _ => case.is_code(code),
    };
    if is_due { Ok(()) } else { Err(format!("the code {:?} was due: {error}", case.error_code)) }
}

/// The server answers with the case's line.
async fn answered(case: &Case, line: &[u8], outcome: Outcome, question: &[u8]) -> Result<(), String> {
    let server = Server::start(line.to_vec(), says).await;
    let front = Front::before(server.address).await;
    let told = exchange(front.address, &post(payload(question)), false).await;
    match outcome {
        Outcome::Forward => expect_bytes("the client was told", &told.body, line),
        Outcome::Strip | Outcome::Block => {
            expect_left(case, outcome, line, &[&told.body[..], b"\n"].concat())
        }
        Outcome::Reject => {
            let error: Value = serde_json::from_slice(&told.body)
                .map_err(|error| format!("{error}: {}", show(&told.body)))?;
            let is_failure = error["id"] == 1 && error["error"]["code"] == -32603;
            if is_failure { Ok(()) } else { Err(format!("a failure was due: {error}")) }
        }
    }
}

fn says(_: &str, _: &[u8], given: &[u8]) -> Vec<u8> {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
    [format!("{head}{}\r\n\r\n", given.len()).as_bytes(), given].concat()
}
