//! Batches on a pipe, which only 2025-03-26 has (2025-03-26 basic, "Batching"). Each message goes its own way; the
//! answers to the requests of one batch are gathered into one array.

use bytes::{BufMut, Bytes, BytesMut};

use crate::message::{self, Beside, Code, JsonRpcMessage, Kind, NoBatch, OwnedId, ScanOptions};
use crate::protocol::{ProtocolVersion, method, peek};
use crate::wire::fault;
use crate::wire::lines::{Encoder, one_line};

/// What is agreed on batches, and those that are not answered.
pub(super) struct Batches {
    /// Messages of one; 0 where none are taken.
    max: usize,
    /// The request whose answer agrees on a revision.
    initialize: Option<OwnedId>,
    agreed: bool,
    open: Vec<Open>,
}

/// A batch with requests that wait for their answers.
struct Open {
    pending: Vec<OwnedId>,
    answers: Vec<Bytes>,
}

impl Batches {
    pub(super) fn new(max: usize) -> Self {
        Self { max, initialize: None, agreed: false, open: Vec::new() }
    }

    /// Whether nothing here needs to be told anything.
    pub(super) fn are_off(&self) -> bool {
        self.max == 0
    }

    /// Whether the session's revision has them.
    pub(super) fn are_agreed(&self) -> bool {
        self.agreed
    }

    /// A message of the client that stands alone.
    pub(super) fn note(&mut self, message: &JsonRpcMessage) {
        if message.is_method(method::INITIALIZE) {
            self.initialize = message.owned_id();
        }
    }

    /// The messages of a batch, or why it is none: it is judged whole before any goes on.
    pub(super) fn read(
        &self,
        bytes: &Bytes,
        scan: &ScanOptions,
        beside: &Beside,
    ) -> Result<Vec<JsonRpcMessage>, (Code, String)> {
        let invalid = |why: &str| (Code::INVALID_REQUEST, why.to_owned());
        let entries = message::batch(bytes, self.max).map_err(|fault| match fault {
            NoBatch::NoArray => (Code::PARSE_ERROR, fault.why().to_owned()),
            NoBatch::Empty | NoBatch::TooMany => invalid(fault.why()),
        })?;
        let read = |entry| {
            JsonRpcMessage::read(entry, scan, beside.clone())
                .map_err(|(_, error)| (error.code(), error.to_string()))
        };
        let messages = entries.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let answers = messages.iter().filter(|message| message.kind() == Kind::Response).count();
        if answers != 0 && answers != messages.len() {
            return Err(invalid("a batch of responses holds nothing else"));
        }
        if messages.iter().any(|message| message.is_method(method::INITIALIZE)) {
            return Err(invalid("initialize stands alone")); // 2025-03-26 basic/lifecycle
        }
        Ok(messages)
    }

    /// The answers to these requests are gathered, but for those whose id another one has.
    pub(super) fn begin(&mut self, messages: &[JsonRpcMessage], is_in_use: impl Fn(&OwnedId) -> bool) {
        let requests = messages.iter().filter(|message| message.kind() == Kind::Request);
        let mut pending: Vec<_> =
            requests.filter_map(JsonRpcMessage::owned_id).filter(|id| !is_in_use(id)).collect();
        let mut seen = std::collections::HashSet::new();
        pending.retain(|id| seen.insert(id.clone()));
        if !pending.is_empty() {
            self.open.push(Open { pending, answers: Vec::new() });
        }
    }

    /// To the client: what answers a request of a batch waits for the others.
    pub(super) fn say(&mut self, message: &JsonRpcMessage, out: &mut Encoder) {
        if self.max == 0 || message.kind() != Kind::Response {
            return out.push_mended(message);
        }
        let Some(id) = message.owned_id() else { return out.push_mended(message) };
        if self.initialize.as_ref() == Some(&id) {
            self.initialize = None;
            self.agreed = peek::agreed_version(message).is_some_and(ProtocolVersion::has_batches);
        }
        if !self.settle(&id, Some(message), out) {
            out.push_mended(message);
        }
    }

    /// The client no longer waits for this answer.
    pub(super) fn forget(&mut self, id: &OwnedId, out: &mut Encoder) {
        self.settle(id, None, out);
    }

    /// Tells whether the request is of a batch. The last one says all.
    fn settle(&mut self, id: &OwnedId, answer: Option<&JsonRpcMessage>, out: &mut Encoder) -> bool {
        let place = |open: &Open| open.pending.iter().position(|pending| pending == id);
        let found = self.open.iter().enumerate().find_map(|(at, open)| Some((at, place(open)?)));
        let Some((at, pending)) = found else { return false };
        let open = &mut self.open[at];
        open.pending.swap_remove(pending);
        if let Some(answer) = answer {
            fault::spare(answer);
            open.answers.push(one_line(answer));
        }
        if open.pending.is_empty() {
            self.open.swap_remove(at).write(out);
        }
        true
    }

    /// What has been answered when the session ends. Tells whether there was anything.
    pub(super) fn finish(&mut self, out: &mut Encoder) -> bool {
        let answered = self.open.iter().any(|open| !open.answers.is_empty());
        self.open.drain(..).for_each(|open| open.write(out));
        answered
    }
}

impl Open {
    fn write(self, out: &mut Encoder) {
        if self.answers.is_empty() {
            return; // all were cancelled
        }
        let mut json = BytesMut::new();
        for answer in &self.answers {
            json.put_u8(if json.is_empty() { b'[' } else { b',' });
            json.put_slice(answer);
        }
        json.put_u8(b']');
        out.push_frame(&json.freeze()).expect("each answer is one line");
    }
}
