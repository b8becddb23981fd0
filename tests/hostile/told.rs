//! What one side was told, held against what was due.

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use shadowcat::JsonRpcMessage;

use super::corpus::{Case, Outcome};

/// A line as it is forwarded: its payload, and LF.
pub(crate) fn forwarded(line: &[u8]) -> Vec<u8> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    [line.strip_suffix(b"\r").unwrap_or(line), b"\n"].concat()
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: i64,
    message: String,
}

fn read(line: &[u8]) -> Result<Answer<'_>, String> {
    serde_json::from_slice(line).map_err(|error| format!("{error}: {}", show(line)))
}

pub(crate) fn show(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]);
    format!("{} bytes: {text}", bytes.len())
}

pub(crate) fn id(line: &[u8]) -> Option<String> {
    let answer: Answer<'_> = serde_json::from_slice(line).ok()?;
    answer.id.map(|id| id.get().to_owned())
}

pub(crate) fn is_request(line: &[u8]) -> bool {
    read(line).is_ok_and(|message| message.method.is_some() && message.id.is_some())
}

/// One error each, with the code that is asked for and the id that was sent, or none.
pub(crate) fn expect_refusals(case: &Case, lines: &[Vec<u8>], count: usize) -> Result<(), String> {
    if lines.len() != count {
        let shown: Vec<_> = lines.iter().map(|line| show(line)).collect();
        return Err(format!("{count} refusals were due, the client was told {shown:?}"));
    }
    for line in lines {
        let answer = read(line)?;
        let Some(Failure { code, message }) = answer.error.filter(|_| answer.result.is_none()) else {
            return Err(format!("a refusal is an error: {}", show(line)));
        };
        if !case.is_code(code) || message.is_empty() {
            return Err(format!("the code {:?} was due: {}", case.error_code, show(line)));
        }
        let sent = case.bytes();
        let is_sent = |id: &str| sent.windows(id.len()).any(|window| window == id.as_bytes());
        if answer.id.is_some_and(|id| id.get() != "null" && !is_sent(id.get())) {
            return Err(format!("the id was not sent: {}", show(line)));
        }
    }
    Ok(())
}

/// Exactly one error for each of the ids, and nothing else.
pub(crate) fn expect_failures(lines: &[Vec<u8>], mut pending: Vec<String>, code: i64) -> Result<(), String> {
    for line in lines {
        let answer = read(line)?;
        let id = answer.id.map_or("none", |id| id.get());
        let at = pending.iter().position(|pending| pending == id);
        let Some(at) = at.filter(|_| answer.error.is_some_and(|error| error.code == code)) else {
            return Err(format!(
                "{pending:?} were due to fail with {code}, the client was told {}",
                show(line)
            ));
        };
        pending.swap_remove(at);
    }
    if pending.is_empty() { Ok(()) } else { Err(format!("never answered: {pending:?}")) }
}

pub(crate) fn expect_bytes(what: &str, got: &[u8], due: &[u8]) -> Result<(), String> {
    if got == due { Ok(()) } else { Err(format!("{what} {}; due were {}", show(got), show(due))) }
}

/// A denied call is answered under its id.
pub(crate) fn expect_denial(line: &[u8], told: &[Vec<u8>]) -> Result<(), String> {
    let id = id(line).filter(|_| is_request(line));
    let Some(id) = id else { return Ok(()) };
    let is_denial = |told: &Vec<u8>| {
        read(told).is_ok_and(|answer| {
            answer.id.is_some_and(|own| own.get() == id)
                && answer.error.is_some_and(|error| error.code == -32602)
        })
    };
    if told.iter().any(is_denial) { Ok(()) } else { Err(format!("{id} was not refused with -32602")) }
}

/// Whether `came` is what may be left of `sent`.
pub(crate) fn expect_left(case: &Case, outcome: Outcome, sent: &[u8], came: &[u8]) -> Result<(), String> {
    if outcome == Outcome::Forward {
        return expect_bytes("what came was", came, &forwarded(sent));
    }
    let came = came.strip_suffix(b"\n").ok_or("a line ends")?;
    JsonRpcMessage::parse(came.to_vec()).map_err(|error| format!("{error}: {}", show(came)))?;
    if id(came) != id(sent) {
        return Err(format!("another id: {}", show(came)));
    }
    let tree: Value = serde_json::from_slice(came).map_err(|error| error.to_string())?;
    let decoded = texts(&tree).join("\n");
    for forbidden in case.forbidden() {
        if holds(came, &forbidden) || holds(decoded.as_bytes(), &forbidden) {
            return Err(format!("{} came through: {}", show(&forbidden), show(came)));
        }
    }
    for demanded in case.demanded() {
        if !holds(came, &demanded) {
            return Err(format!("{} is missing: {}", show(&demanded), show(came)));
        }
    }
    if outcome == Outcome::Block && !holds(sent, b"cacheScope") && !is_subsequence(came, sent) {
        return Err(format!("more than what is denied changed: {}", show(came)));
    }
    Ok(())
}

pub(crate) fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

fn is_subsequence(part: &[u8], whole: &[u8]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|byte| whole.any(|other| other == byte))
}

/// Every text and every key.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(all) => all.iter().flat_map(texts).collect(),
        Value::Object(members) => {
            members.iter().flat_map(|(key, value)| [vec![key.clone()], texts(value)].concat()).collect()
        }
        _ => Vec::new(),
    }
}
