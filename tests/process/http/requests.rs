//! Class `headers`: raw requests at the front end.

use serde_json::Value;

use super::server::{Heard, Server};
use super::{Answer, Front, bytes, exchange, find, list, show};

pub(super) fn answers(head: &str, body: &[u8], _: &[u8]) -> Vec<u8> {
    let id = serde_json::from_slice::<Value>(body).ok().and_then(|body| body.get("id").cloned());
    let Some(id) = id else { return b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n".to_vec() };
    assert!(head.starts_with("POST /upstream "), "{head}");
    let body = serde_json::json!({ "jsonrpc": "2.0", "id": id, "result": {} }).to_string();
    let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
    format!("{head}{}\r\n\r\n{body}", body.len()).into_bytes()
}

/// Runs one case.
pub(crate) async fn request(case: &Value) -> Result<(), String> {
    let name = case["name"].as_str().unwrap_or_default();
    let server = Server::start(Vec::new(), answers).await;
    let sessions = case["session_mode"] == "stateful";
    let front = Front::within(server.address, sessions, crate::bearer::layer_of(case)).await;
    let sent = bytes(&case["bytes_base64"]);
    let told = exchange(front.address, &sent, name == "http-truncated-body").await;
    let heard = server.heard();

    let upstream = heard.iter().map(|heard| [heard.head.as_bytes(), b"\r\n\r\n", &heard.body].concat());
    let upstream = upstream.collect::<Vec<_>>().concat();
    let secrets = [list(&case["must_not_contain_base64"]), list(&case["upstream_must_not_contain_base64"])];
    if let Some(secret) = secrets.concat().iter().find(|secret| find(&upstream, secret).is_some()) {
        return Err(format!("the server was told {}: {}", show(secret), show(&upstream)));
    }
    match case["expect"].as_str() {
        Some("reject") if heard.is_empty() => refused(case, &told),
        // hyper frames by the encoding alone, as RFC 9112 allows, and reads nothing behind it.
        Some("reject") if matches!(name, "http-te-cl" | "http-cl-te") => {
            let is_whole = heard
                .iter()
                .all(|heard| sent.ends_with(&[b"56\r\n", &heard.body[..], b"\r\n0\r\n\r\n"].concat()));
            let is_last = told.head.contains("connection: close");
            if heard.len() == 1 && is_whole && is_last { Ok(()) } else { Err(format!("{told:?}")) }
        }
        Some("reject") => Err(format!("the server heard {}", show(&upstream))),
        Some(expect) if expect.starts_with("blocked-by-policy") => denied(&told, heard.len()),
        _ if case["outcomes"].is_array() => pipelined(&sent, &told, &heard),
        _ => {
            let body = match case.get("body_base64") {
                Some(body) => bytes(body),
                None => find(&sent, b"\r\n\r\n").map(|end| sent[end + 4..].to_vec()).unwrap_or_default(),
            };
            let bodies: Vec<_> = heard.iter().map(|heard| &heard.body[..]).collect();
            let is_it = told.status == Some(200) && bodies == [&body[..]];
            if is_it { Ok(()) } else { Err(format!("{told:?}; the server heard {}", show(&upstream))) }
        }
    }
}

/// A denied call is answered like one of a tool that nobody has, and goes nowhere.
fn denied(told: &Answer, heard: usize) -> Result<(), String> {
    let body: Value = serde_json::from_slice(&told.body).unwrap_or_default();
    let is_it = heard == 0 && body["error"]["code"] == -32602 && body["id"] == 1;
    if is_it { Ok(()) } else { Err(format!("{told:?}; the server heard {heard} messages")) }
}

/// Of two requests on one connection the first goes on, the second is denied.
fn pipelined(sent: &[u8], told: &Answer, heard: &[Heard]) -> Result<(), String> {
    let bodies: Vec<_> = heard.iter().map(|heard| &heard.body[..]).collect();
    let first = find(sent, b"\r\n\r\n").map(|end| &sent[end + 4..]).unwrap_or_default();
    match bodies[..] {
        [body] if first.starts_with(body) && told.status == Some(200) => Ok(()),
        _ => Err(format!("{told:?}; the server heard {} messages", bodies.len())),
    }
}

/// With the status that is due, and the code under the request's id; a request that is framed badly may also just
/// be cut off, for nobody knows where it ends.
fn refused(case: &Value, told: &Answer) -> Result<(), String> {
    let due = case["status"].as_u64().and_then(|status| u16::try_from(status).ok());
    // hyper has no answer for a head that does not come.
    let may_be_cut = case["level"] == "should" || case["status"] == 408;
    let is_cut = told.is_over && told.status.is_none() && may_be_cut;
    let is_other =
        told.status.is_some_and(|status| (400..500).contains(&status)) && case["level"] == "should";
    // A session id that was never given out is unknown whatever it looks like.
    let is_unknown = case["name"] == "http-session-traversal" && told.status == Some(404);
    if told.status != due && !is_cut && !is_other && !is_unknown {
        return Err(format!("status {due:?} was due: {:?} {} {}", told.status, told.head, show(&told.body)));
    }
    let Some(code) = case["error_code"].as_i64() else { return Ok(()) };
    let body: Value =
        serde_json::from_slice(&told.body).map_err(|error| format!("{error}: {}", show(&told.body)))?;
    let is_it = body["error"]["code"] == code && body["id"] == 1;
    if is_it { Ok(()) } else { Err(format!("code {code} was due under id 1: {body}")) }
}
