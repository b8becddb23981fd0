//! Which message belongs to which exchange.

use std::collections::HashMap;

use super::read::Frame;
use super::{End, Exchange, How, Item, Note, Question, Script};
use crate::connect::replay::essence;
use crate::message::{Direction, JsonRpcMessage, Kind, OwnedId};
use crate::protocol::{method, peek};
use crate::tape::running::Running;
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
    /// Listens, too.
    running: Running,
    /// What the server asked and the client has not answered yet.
    asked: HashMap<OwnedId, usize>,
    /// What was answered since the last item of each exchange, of what it asked itself.
    needs: HashMap<usize, Vec<usize>>,
    /// How much had been [answered](Script::answered) on the listen by the last item of each exchange, and of the listen.
    seen: HashMap<Option<usize>, usize>,
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
        self.running.begin(at, message);
        // What was answered before was not waited for.
        self.seen.insert(Some(at), self.script.answered.len());
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
        if message.is_method(method::CANCELLED) {
            let id = peek::cancelled_id(message).ok().flatten();
            if let Some(exchange) = id.and_then(|id| self.running.by_id(&id.to_owned())) {
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
        match question.exchange {
            Some(exchange) => self.needs.entry(exchange).or_default().push(asked),
            // It may have been any call that made the server ask: one list is for all.
            None => self.script.answered.push(asked),
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
        let heard = self.script.answered.len();
        let item = Item {
            frame: frame.number,
            at: frame.entry.at,
            message: message.clone(),
            needs: place.and_then(|at| self.needs.remove(&at)).unwrap_or_default(),
            heard: self.seen.insert(place, heard).unwrap_or_default()..heard,
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
        match frame.entry.call.map(|call| self.calls.get(&call)) {
            Some(Some(at)) => Place::Call(*at),
            Some(None) if self.is_numbered => Place::Nowhere,
            None if self.is_numbered => Place::Listen,
            _ => self.guess(message).map_or(Place::Listen, Place::Call),
        }
    }

    fn guess(&self, message: &JsonRpcMessage) -> Option<usize> {
        if message.kind() == Kind::Response {
            return self.running.by_id(&message.owned_id()?);
        }
        if let Ok(Some(listen)) = peek::subscription_id(message) {
            return self.running.by_id(&listen.to_owned());
        }
        if message.is_method(method::PROGRESS) {
            let token = peek::progress_token(message).ok().flatten()?;
            return self.running.by_token(&token.to_owned());
        }
        self.running.only()
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
        self.running.end(at);
    }
}

fn note(frame: &Frame, message: &JsonRpcMessage) -> Note {
    Note { frame: frame.number, at: frame.entry.at, message: message.clone() }
}
