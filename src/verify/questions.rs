//! What the server says before it answers, and what it is answered.

use tower_service::Service;

use super::active::Purpose;
use super::driver::{Driver, MAX_WAITING};
use crate::error::BoxError;
use crate::message::{Code, JsonRpcMessage, Kind, OwnedId, Pointer};
use crate::protocol::method;
use crate::reply::Reply;

impl<S> Driver<S>
where
    S: Service<JsonRpcMessage, Response = Reply>,
    S::Error: Into<BoxError>,
{
    /// A notification or a question came in this call.
    pub(super) fn item(&mut self, at: usize, message: JsonRpcMessage) {
        let Some(purpose) = self.in_flight.get(at).map(|active| active.purpose) else { return };
        if message.kind() == Kind::Request
            && self.waiting.len() < MAX_WAITING
            && let Some(answer) = self.answer(purpose, &message)
        {
            self.waiting.push_back((Purpose::OneWay, answer.with_context(self.facts.clone())));
        }
        let counts = self.settings.judge.counts(&message);
        if let Some(active) = self.in_flight.get_mut(at) {
            active.keep(message, counts);
        }
    }

    /// What the client answered to the same question, first to one in the same call.
    fn answer(&mut self, purpose: Purpose, question: &JsonRpcMessage) -> Option<JsonRpcMessage> {
        let id = question.owned_id()?;
        let own = match purpose {
            Purpose::Call(call) => Some(call),
            _ => None,
        };
        match self.questions.take(&self.script, &self.settings.judge, own, question) {
            Some(said) => said.answer.clone().map(|answer| answer.with_id(id)),
            None if question.is_method(method::PING) => JsonRpcMessage::response(id, "{}").ok(),
            None => {
                let why = "this question is not on the tape";
                Some(JsonRpcMessage::error_response(Some(&id), Code::METHOD_NOT_FOUND, why))
            }
        }
    }
}

/// A cancellation that names the call by its id of now.
pub(super) fn naming(message: &JsonRpcMessage, id: &OwnedId) -> JsonRpcMessage {
    let place = Pointer::root().join("params").join("requestId");
    message.clone().edit().set(&place, id.as_str().as_bytes()).finish().unwrap_or_else(|_| message.clone())
}
