//! The server's questions that the client has still to answer: an answer names none but the id, and one stack may serve
//! many sessions, whose servers count alike.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::message::JsonRpcMessage;

/// More are not remembered; the oldest goes first, and its answer is one to an unknown question.
const MOST: usize = 1024;

/// Shared by the clones of a service.
#[derive(Clone, Debug, Default)]
pub(super) struct Questions(Arc<Mutex<VecDeque<Question>>>);

#[derive(Debug)]
struct Question {
    session: Option<Box<str>>,
    message: JsonRpcMessage,
}

impl Questions {
    /// A question went to the client of a session.
    pub(super) fn asked(&self, session: Option<&str>, question: &JsonRpcMessage) {
        let question = Question { session: session.map(Into::into), message: question.clone() };
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = if open.len() == MOST { open.pop_front() } else { None };
        open.push_back(question);
        drop(open);
        drop(oldest);
    }

    /// The question that a message of the client answers.
    pub(super) fn answered(&self, answer: &JsonRpcMessage) -> Option<JsonRpcMessage> {
        let session = answer.context().and_then(|context| context.session_id());
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |question: &Question| {
            question.session.as_deref() == session && question.message.id() == answer.id()
        };
        let at = open.iter().position(is_it)?;
        open.remove(at).map(|question| question.message)
    }
}
