//! The server's questions that the client has still to answer: an answer names none but the id.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::message::JsonRpcMessage;

/// More are not remembered; the oldest goes first, and its answer is one to an unknown question.
const MOST: usize = 1024;

/// Shared by the clones of a service.
#[derive(Clone, Debug, Default)]
pub(super) struct Questions(Arc<Mutex<VecDeque<JsonRpcMessage>>>);

impl Questions {
    /// A question went to the client.
    pub(super) fn asked(&self, question: &JsonRpcMessage) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = if open.len() == MOST { open.pop_front() } else { None };
        open.push_back(question.clone());
        drop(open);
        drop(oldest);
    }

    /// The question that a message of the client answers.
    pub(super) fn answered(&self, answer: &JsonRpcMessage) -> Option<JsonRpcMessage> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = open.iter().position(|question| question.id() == answer.id())?;
        open.remove(at)
    }
}
