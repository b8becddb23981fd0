//! What a decision means for the message it is about.

use std::sync::Arc;

use serde_json::json;

use super::{Block, Interception};
use crate::error::BoxError;
use crate::message::{Code, Context, Direction, JsonRpcMessage, Kind};
use crate::protocol::{method, peek};
use crate::reply::Reply;

/// What becomes of a message after the chain.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It goes on.
    Pass,
    /// It does not, and this is said in its place: to whoever sent it if it is a request, else to whom it was for.
    /// Empty where nothing is due.
    Answer(Reply),
    /// It does not, and nobody is told.
    Lose,
    /// It goes on later, among so many notifications.
    Collect(usize),
}

/// Puts a changed message in the place of the one before; what rides beside that one rides on.
pub(super) fn replace(seen: &mut Interception, message: JsonRpcMessage) -> Result<(), BoxError> {
    let before = seen.message();
    if message.kind() != before.kind() {
        return Err("the changed message is of another kind".into());
    }
    if message.id() != before.id() {
        return Err("the changed message has another id".into());
    }
    let context = before.context().cloned();
    let mut message = match (message.context(), context) {
        (None, Some(context)) => message.with_context(context),
        _ => message,
    };
    if !before.extensions().is_empty() {
        let mut extensions = before.extensions().clone();
        extensions.extend(message.extensions().clone());
        *message.extensions_mut() = extensions;
    }
    seen.replace(message);
    Ok(())
}

impl Interception {
    /// The same, for interceptors of ours that go on with what they changed.
    pub(crate) fn change(&mut self, message: JsonRpcMessage) -> Result<(), BoxError> {
        replace(self, message)
    }
}

pub(super) fn block(seen: &Interception, block: &Block) -> Verdict {
    Verdict::Answer(refusal(seen, block).map_or_else(Reply::empty, Reply::one))
}

pub(super) fn drop_it(seen: &Interception) -> Verdict {
    block(seen, &Block::error(Code::INTERNAL_ERROR, "The message was dropped on its way"))
}

fn refusal(seen: &Interception, block: &Block) -> Option<JsonRpcMessage> {
    let id = seen.message().owned_id()?;
    let of_tool = seen.method() == Some(method::TOOLS_CALL);
    let response = match block.as_tool_error && of_tool {
        true => JsonRpcMessage::response(id, tool_error(seen, &block.why)).ok()?,
        false => JsonRpcMessage::refusal(Some(&id), block.code, &block.why),
    };
    Some(with_context(response.synthetic(), context_of(seen)))
}

fn tool_error(seen: &Interception, why: &str) -> String {
    let mut result = json!({"content": [{"type": "text", "text": why}], "isError": true});
    let modern = seen.request().is_some_and(|request| matches!(peek::protocol_version(request), Ok(Some(_))));
    if modern {
        result["resultType"] = "complete".into();
    }
    result.to_string()
}

/// The answer that an interceptor gave, under the right id.
pub(super) fn respond(seen: &Interception, reply: Reply) -> Result<Verdict, BoxError> {
    let Some(id) = seen.message().owned_id() else { return Ok(Verdict::Answer(Reply::empty())) };
    let is_call = seen.direction() == Direction::ToUpstream && seen.message().kind() == Kind::Request;
    let is_response = reply.as_one().is_some_and(|message| message.kind() == Kind::Response);
    if !is_response && (!is_call || reply.is_single()) {
        return Err("the answer is no response".into());
    }
    let context = context_of(seen);
    Ok(Verdict::Answer(reply.map(move |message| {
        let answers = message.kind() == Kind::Response && message.id().is_some();
        let message = if answers { message.with_id(id.clone()) } else { message };
        with_context(message.synthetic(), context.clone())
    })))
}

fn context_of(seen: &Interception) -> Option<Arc<Context>> {
    seen.message().context().or_else(|| seen.request()?.context()).cloned()
}

fn with_context(message: JsonRpcMessage, context: Option<Arc<Context>>) -> JsonRpcMessage {
    match context {
        Some(context) => message.with_context(context),
        None => message,
    }
}
