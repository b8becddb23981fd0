//! Which message belongs to which exchange.

use std::collections::HashMap;

use super::read::Frame;
use super::{End, Exchange, How, Item, Note, Question, Script};
use crate::connect::replay::essence;
use crate::message::{Direction, JsonRpcMessage, Kind, OwnedId};
use crate::protocol::{method, peek};
use crate::tape::{Edge, Outcome};

/// Takes the frames in order. What the recorder tied to a call belongs to it, and what a recorder that does so tied to
/// none belongs to the session's listen. Where nobody did, what the message itself says counts: its id, its token, its
/// subscription. What says nothing belongs to the only running call, if there is one.
#[derive(Default)]
pub(super) struct Sorter {
    script: Script,
    /// A recorder told of everything which call it belongs to.
    is_numbered: bool,
    /// By the recorder's number.
    calls: HashMap<u64, usize>,
    /// Where the requests were seen.
    edge: Option<Edge>,
    /// By the client's id, what is running; and listens.
    running: HashMap<OwnedId, usize>,
    /// What the server asked and the client has not answered yet.
    asked: HashMap<OwnedId, usize>,
    /// What was answered since the last item of each exchange, and of the session's listen.
    needs: HashMap<Option<usize>, Vec<usize>>,
    /// The last frame that came on no listen.
    cause: usize,
}

/// Whose a message to the client is.
enum Place {
    Call(usize),
    /// The session's listen.
    Listen,
    /// A call's that is not on the tape.
    Nowhere,
}

impl Sorter {
    pub(super) fn new(is_numbered: bool) -> Self {
        Self { is_numbered, ..Self::default() }
    }

    pub(super) fn add(&mut self, frame: &Frame) {
        match (&frame.message, frame.entry.direction) {
            (None, _) => self.end(frame),
            (Some(message), Direction::ToUpstream) if self.is_copy(frame, message) => {}
            (Some(message), Direction::ToUpstream) => {
                match message.kind() {
                    Kind::Request => self.request(frame, message),
                    Kind::Notification => self.note(frame, message),
                    Kind::Response => self.answer(frame, message),
                }
                self.cause = frame.number;
            }
            (Some(message), Direction::ToClient) => self.item(frame, message),
        }
    }

    pub(super) fn finish(self) -> Script {
        self.script
    }

    fn request(&mut self, frame: &Frame, message: &JsonRpcMessage) {
        let Some(id) = message.owned_id() else { return };
        let at = self.script.exchanges.len();
        let token = peek::progress_token(message).ok().flatten().map(|token| token.to_owned());
        self.running.insert(id.clone(), at);
        self.calls.extend(frame.entry.call.map(|call| (call, at)));
        self.edge = Some(frame.entry.edge);
        self.script.exchanges.push(Exchange {
            frame: frame.number,
            at: frame.entry.at,
            request: message.clone(),
            id,
            token,
            items: Vec::new(),
            end: End { frame: frame.number, at: frame.entry.at, how: How::Unknown },
        });
    }

    /// Whether a layer has said again what the client had said once: so it is asked for once.
    fn is_copy(&self, frame: &Frame, message: &JsonRpcMessage) -> bool {
        let call = frame.entry.call.and_then(|call| self.calls.get(&call));
        let is_known = || match message.kind() {
            Kind::Request => call.is_some_and(|at| self.script.exchanges[*at].request == *message),
            Kind::Notification => self.script.notes.iter().rev().any(|note| note.message == *message),
            Kind::Response => message.owned_id().is_none_or(|id| !self.asked.contains_key(&id)),
        };
        frame.entry.synthetic && is_known()
    }

    fn note(&mut self, frame: &Frame, message: &JsonRpcMessage) {
        if let Ok(Some(id)) = peek::cancelled_id(message) {
            let exchange = self.running.get(&id.to_owned()).copied();
            if let Some(exchange) = exchange {
                self.set_end(exchange, frame, How::Cancelled);
            }
            return;
        }
        self.script.notes.push(note(frame, message));
    }

    fn answer(&mut self, frame: &Frame, message: &JsonRpcMessage) {
        let Some(asked) = message.owned_id().and_then(|id| self.asked.remove(&id)) else { return };
        let Some(question) = self.script.questions.get_mut(&asked) else { return };
        question.answer = Some(note(frame, message));
        let exchange = question.exchange;
        self.needs.entry(exchange).or_default().push(asked);
        if exchange.is_none() {
            // It may have been a call that made the server ask.
            for running in self.running.values() {
                self.needs.entry(Some(*running)).or_default().push(asked);
            }
        }
    }

    fn item(&mut self, frame: &Frame, message: &JsonRpcMessage) {
        let place = match self.place(frame, message) {
            Place::Call(at) => Some(at),
            Place::Listen => None,
            Place::Nowhere => return,
        };
        let is_answer = message.kind() == Kind::Response && message.id().is_some();
        if place.map_or(is_answer, |at| self.script.exchanges[at].end.how != How::Unknown) {
            return; // after its end nothing of a call reaches a client
        }
        let item = Item {
            frame: frame.number,
            at: frame.entry.at,
            message: message.clone(),
            needs: self.needs.remove(&place).unwrap_or_default(),
            cause: self.cause,
        };
        if message.kind() == Kind::Request {
            self.ask(frame, message, place);
        }
        let Some(at) = place else { return self.script.unasked.push(item) };
        let exchange = &mut self.script.exchanges[at];
        if !exchange.is_listen() {
            self.cause = frame.number;
        }
        exchange.items.push(item);
        if is_answer {
            self.set_end(at, frame, How::Answered);
        }
    }

    fn ask(&mut self, frame: &Frame, message: &JsonRpcMessage, exchange: Option<usize>) {
        let Some(id) = message.owned_id() else { return };
        let question = Question {
            exchange,
            what: essence::title(message, essence::name(message)),
            answer: None,
            cause: self.cause,
        };
        self.script.questions.insert(frame.number, question);
        self.asked.insert(id, frame.number);
    }

    fn place(&self, frame: &Frame, message: &JsonRpcMessage) -> Place {
        let of_call = |at: &usize| Place::Call(*at);
        match frame.entry.call.map(|call| self.calls.get(&call)) {
            Some(Some(at)) => Place::Call(*at),
            Some(None) if self.is_numbered => Place::Nowhere,
            None if self.is_numbered => Place::Listen,
            _ => self.guess(message).as_ref().map_or(Place::Listen, of_call),
        }
    }

    fn guess(&self, message: &JsonRpcMessage) -> Option<usize> {
        if message.kind() == Kind::Response {
            return self.running.get(&message.owned_id()?).copied();
        }
        if let Ok(Some(listen)) = peek::subscription_id(message) {
            return self.running.get(&listen.to_owned()).copied();
        }
        if message.is_method(method::PROGRESS) {
            let token = peek::progress_token(message).ok().flatten()?.to_owned();
            let has_token = |at: &&usize| self.script.exchanges[**at].token.as_ref() == Some(&token);
            return self.running.values().find(has_token).copied();
        }
        let mut calls = self.running.values().filter(|at| !self.script.exchanges[**at].is_listen());
        match (calls.next(), calls.next()) {
            (Some(only), None) => Some(*only),
            _ => None,
        }
    }

    fn end(&mut self, frame: &Frame) {
        let Some(exchange) = frame.entry.call.and_then(|call| self.calls.get(&call)).copied() else { return };
        // The other edge has ends of its own, with the same number.
        if self.edge != Some(frame.entry.edge) {
            return;
        }
        let how = match frame.entry.outcome {
            Some(Outcome::Failed) => How::Failed(String::from_utf8_lossy(&frame.entry.bytes).into_owned()),
            Some(Outcome::Cancelled | Outcome::Dropped) => How::Cancelled,
            Some(Outcome::Unanswered) => How::Unanswered,
            _ => return,
        };
        self.set_end(exchange, frame, how);
    }

    /// The first end is the one.
    fn set_end(&mut self, at: usize, frame: &Frame, how: How) {
        let exchange = &mut self.script.exchanges[at];
        if exchange.end.how == How::Unknown {
            exchange.end = End { frame: frame.number, at: frame.entry.at, how };
        }
        if self.running.get(&exchange.id) == Some(&at) {
            self.running.remove(&exchange.id);
        }
    }
}

fn note(frame: &Frame, message: &JsonRpcMessage) -> Note {
    Note { frame: frame.number, at: frame.entry.at, message: message.clone() }
}
