//! What the server asked and the client has not answered.

use super::state::State;
use super::table::Ticket;
use crate::message::{Code, IdMap, JsonRpcMessage, Kind, OwnedId};

/// The server's own requests that are open, by their ids.
#[derive(Default)]
pub(super) struct Questions(IdMap<Question>);

#[derive(Clone, Copy)]
struct Question {
    asked: Asked,
    /// Its place in the reply that it went to.
    at: u64,
    /// When it was read from the server.
    sequence: u64,
}

/// Whose reply a question went to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    Call(Ticket),
    /// The session's listen of this number.
    Listen(u32),
}

impl Questions {
    /// Forgets a question, because it is answered or withdrawn.
    pub(super) fn remove(&mut self, id: &OwnedId) -> Option<Asked> {
        self.0.remove(id).map(|question| question.asked)
    }

    /// Notes where the message goes, if it is an open question.
    pub(super) fn place(&mut self, message: &JsonRpcMessage, asked: Asked, at: u64) {
        if message.kind() != Kind::Request {
            return;
        }
        let Some(id) = message.owned_id() else { return };
        if let Some(question) = self.0.get(&id) {
            self.0.insert(&id, Question { asked, at, ..question });
        }
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    fn all(&self) -> impl Iterator<Item = (OwnedId, Question)> + '_ {
        self.0.ids().zip(self.0.values())
    }
}

impl State {
    /// Opens a question; false where too many are open.
    pub(super) fn open_question(&mut self, message: &JsonRpcMessage) -> bool {
        let Some(id) = message.owned_id() else { return false };
        if self.questions.0.len() >= self.options.max_pending && !self.give_up_oldest() {
            return false;
        }
        let asked = Asked::Listen(self.listens);
        self.questions.0.insert(&id, Question { asked, at: u64::MAX, sequence: message.sequence() });
        true
    }

    /// Refuses the oldest question that went to a reply that is over: it is the least likely to be answered.
    fn give_up_oldest(&mut self) -> bool {
        let abandoned = self.questions.all().filter(|(_, question)| match question.asked {
            Asked::Call(ticket) => !self.table.contains(ticket),
            Asked::Listen(number) => number != self.listens,
        });
        let Some((oldest, _)) = abandoned.min_by_key(|(_, question)| question.sequence) else { return false };
        self.give_up(&oldest);
        true
    }

    /// The reader of a reply is gone: refuses the questions in it that nobody will answer.
    pub(super) fn give_up_lost(&mut self, asked: Asked, is_lost: impl Fn(u64) -> bool) {
        if self.questions.0.is_empty() {
            return;
        }
        let lost = |(_, question): &(OwnedId, Question)| question.asked == asked && is_lost(question.at);
        let lost: Vec<_> = self.questions.all().filter(lost).collect();
        lost.iter().for_each(|(id, _)| self.give_up(id));
    }

    fn give_up(&mut self, id: &OwnedId) {
        self.questions.remove(id);
        tracing::debug!(%id, "an open question of the server was refused: nobody is left to answer it");
        self.write_refusal(id, Code::INTERNAL_ERROR, "nobody is there to answer");
    }

    /// Nobody takes it: counted, and a question is answered so that the server does not hang.
    pub(super) fn drop_unasked(&mut self, message: &JsonRpcMessage) {
        match message.kind() {
            Kind::Request => self.refuse(message),
            _ => {
                self.stats.dropped_notifications += 1;
                tracing::debug!(method = message.method(), "a message that nobody listens for was dropped");
            }
        }
    }

    pub(super) fn refuse(&mut self, question: &JsonRpcMessage) {
        let Some(id) = question.owned_id() else { return };
        self.questions.remove(&id);
        tracing::warn!(
            method = question.method(),
            "a question of the server was refused: nobody can answer it"
        );
        self.write_refusal(&id, Code::INTERNAL_ERROR, "nobody is there to answer");
    }

    /// A server that asks and never reads is not told without bound.
    pub(super) fn write_refusal(&mut self, id: &OwnedId, code: Code, why: &str) {
        self.stats.unanswerable_requests += 1;
        if !self.has_room_for_answers() {
            self.stats.lost_refusals += 1;
            return;
        }
        self.write(&JsonRpcMessage::refusal(Some(id), code, why));
    }
}
