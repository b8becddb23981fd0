//! What the server asked a client that has not answered.

use tokio::time::Instant;

use super::attribution::Meant;
use super::state::{ClientId, State};
use crate::connect::leaf::Leaf;
use crate::message::{Code, IdMap, JsonRpcMessage, OwnedId};
use crate::protocol::method;

/// Questions open at once, of all clients: fewer than a pipe has by default, which would refuse everybody's.
const OPEN: usize = 768;
/// Those of one client.
const PER_CLIENT: usize = 128;

#[derive(Default)]
pub(super) struct Questions(IdMap<Question>);

#[derive(Clone, Copy)]
struct Question {
    client: ClientId,
    asked: Asked,
}

/// The reply that a question is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// That of the call which has this number on the wire; it has been read.
    Call(i64),
    /// The client's listen of this number.
    Listen { number: u32, is_read: bool },
}

impl Questions {
    /// Forgets a question of this client, because it is answered or withdrawn. Tells whether it was open.
    pub(super) fn take(&mut self, id: &OwnedId, client: ClientId) -> bool {
        let is_open = self.0.get(id).is_some_and(|question| question.client == client);
        if is_open {
            self.0.remove(id);
        }
        is_open
    }

    /// Forgets a question that the server withdraws, and tells whom it asked.
    pub(super) fn withdraw(&mut self, id: &OwnedId) -> Option<ClientId> {
        self.0.remove(id).map(|question| question.client)
    }

    /// The client has seen it.
    pub(super) fn read(&mut self, id: &OwnedId) {
        if let Some(Question { client, asked: Asked::Listen { number, .. } }) = self.0.get(id) {
            self.0.insert(id, Question { client, asked: Asked::Listen { number, is_read: true } });
        }
    }

    /// Whether there is no room for another of this client.
    fn are_full(&self, client: ClientId) -> bool {
        let own = self.0.values().filter(|question| question.client == client).count();
        own >= PER_CLIENT || self.0.len() >= OPEN
    }

    fn of(&self, is_it: impl Fn(Question) -> bool) -> Vec<OwnedId> {
        self.0.ids().zip(self.0.values()).filter(|(_, question)| is_it(*question)).map(|(id, _)| id).collect()
    }
}

impl<L: Leaf> State<L> {
    /// A question that the server asks nobody in particular.
    pub(super) fn hear_question(&mut self, question: JsonRpcMessage, since: Instant) {
        let Meant::Only(client) = self.meant(&question, since) else { return self.refuse_or_pong(&question) };
        let number = self.clients.get(&client).map_or(0, |client| client.outbox.number());
        let asked = Asked::Listen { number, is_read: false };
        if self.ask(client, asked, &question) && !self.tell(client, question.clone()) {
            self.refuse(&question);
        }
    }

    /// Opens a question; one that cannot be is refused.
    pub(super) fn ask(&mut self, client: ClientId, asked: Asked, question: &JsonRpcMessage) -> bool {
        let Some(id) = question.owned_id() else { return false };
        if self.questions.are_full(client) {
            // What no call of its client's can be about any more is the least likely to be answered.
            for id in self.questions.of(|question| !self.running.has(question.client)) {
                self.give_up(&id);
            }
        }
        if self.questions.are_full(client) {
            self.refuse(question);
            return false;
        }
        self.questions.0.insert(&id, Question { client, asked });
        true
    }

    /// The client is gone.
    pub(super) fn refuse_all_of(&mut self, client: ClientId) {
        for id in self.questions.of(|question| question.client == client) {
            self.give_up(&id);
        }
    }

    /// The call that has this number on the wire is cancelled: nobody answers what was asked in it, and the server
    /// may use the id again.
    pub(super) fn refuse_asked_in(&mut self, call: i64) {
        if self.questions.0.is_empty() {
            return;
        }
        for id in self.questions.of(|question| question.asked == Asked::Call(call)) {
            self.give_up(&id);
        }
    }

    /// The client's listen of this number is gone: what it did not read it will not answer.
    pub(super) fn refuse_unread(&mut self, client: ClientId, number: u32) {
        let unread = Asked::Listen { number, is_read: false };
        for id in self.questions.of(|question| question.client == client && question.asked == unread) {
            self.give_up(&id);
        }
    }

    /// Whether the server is there is not for a client to say.
    pub(super) fn refuse_or_pong(&mut self, question: &JsonRpcMessage) {
        if question.is_method(method::PING) {
            if let Ok(Some(pong)) = question.responder().result("{}") {
                self.say(pong.synthetic());
            }
        } else {
            self.refuse(question);
        }
    }

    fn refuse(&mut self, question: &JsonRpcMessage) {
        tracing::warn!(
            method = question.method(),
            "a question of a shared server was refused: it cannot be told whom it asks"
        );
        question.owned_id().iter().for_each(|id| self.give_up(id));
    }

    fn give_up(&mut self, id: &OwnedId) {
        self.questions.0.remove(id);
        self.counts.refused_questions += 1;
        let why = "nobody is there to answer";
        self.say(JsonRpcMessage::refusal(Some(id), Code::INTERNAL_ERROR, why));
    }
}
