//! What is told of a denial: what a server says that does not have the thing.

use crate::message::{Code, JsonRpcMessage, OwnedId};
use crate::policy::{Malformed, Subject, SubjectKind};
use crate::protocol::{Era, method, peek};
use crate::reply::Reply;
use crate::session::Party;

/// The code for a resource that is not there, up to 2025-11-25; from 2026-07-28 on it is that of invalid parameters.
const NO_RESOURCE: Code = Code(-32002);

/// A client's message that is denied.
pub(super) fn denied(message: &JsonRpcMessage, subject: &Subject<'_>) -> Reply {
    let Some(id) = message.responder().id().cloned() else { return Reply::empty() };
    Reply::one(error(&id, message, subject))
}

fn error(id: &OwnedId, message: &JsonRpcMessage, subject: &Subject<'_>) -> JsonRpcMessage {
    let name = subject.name();
    let told = |code, why: &str| JsonRpcMessage::refusal(Some(id), code, why);
    match subject.kind() {
        SubjectKind::Tool => told(Code::INVALID_PARAMS, &format!("Unknown tool: {name}")),
        SubjectKind::Prompt => told(Code::INVALID_PARAMS, &format!("Unknown prompt: {name}")),
        SubjectKind::Method => told(Code::METHOD_NOT_FOUND, "Method not found"),
        _ => {
            let is_old = message.method() != Some(method::COMPLETE) && !is_modern(message);
            let code = if is_old { NO_RESOURCE } else { Code::INVALID_PARAMS };
            let data = serde_json::json!({ "uri": name }).to_string();
            JsonRpcMessage::refusal_with(Some(id), code, "Resource not found", Some(&data))
        }
    }
}

fn is_modern(message: &JsonRpcMessage) -> bool {
    let told = Party::of(message, None).era();
    let era = told.or_else(|| peek::settled_era(message)).unwrap_or(Era::Legacy);
    era == Era::Modern || message.is_listen()
}

/// A client's message that cannot be judged.
pub(super) fn malformed(message: &JsonRpcMessage, why: Malformed) -> Reply {
    Reply::refuse(message, code(why), text(why))
}

pub(super) fn code(why: Malformed) -> Code {
    match why {
        Malformed::Name => Code::INVALID_PARAMS,
        _ => Code::INVALID_REQUEST,
    }
}

pub(super) fn text(why: Malformed) -> &'static str {
    match why {
        Malformed::NotStrict => "Invalid request: it may be read in different ways",
        Malformed::Method => "Invalid request: the method may be read as another",
        Malformed::Key => "Invalid request: a key may be read as another",
        Malformed::Name => "Invalid params: what it is about has to be named",
    }
}
