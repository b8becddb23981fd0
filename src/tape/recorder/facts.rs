//! What messages tell of a whole tape.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use crate::message::{JsonRpcMessage, Kind, ScanOptions};
use crate::protocol::{method, peek};
use crate::tape::{Json, Tape};

/// What is to be learned from a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fact {
    /// Who the client is: from an `initialize`.
    Initialize,
    /// Who the server is, and what was agreed on: from the answer to one.
    Initialized,
    /// Who the client is: from `_meta` of a modern request.
    Client,
    /// Who the server is: from the answer to `server/discover`.
    Discovered,
}

/// Who is known already: nothing more is looked for then.
#[derive(Debug, Default)]
pub(super) struct Knows {
    client: AtomicBool,
    server: AtomicBool,
    transport: AtomicBool,
}

impl Knows {
    pub(super) fn new(tape: &Tape) -> Self {
        Self { transport: AtomicBool::new(tape.transport.is_some()), ..Self::default() }
    }

    /// By which transport its client came, if the message is the first that tells it.
    pub(super) fn transport(&self, message: &JsonRpcMessage) -> Option<&'static str> {
        if self.transport.load(Ordering::Relaxed) {
            return None;
        }
        let name = message.context()?.transport_name()?;
        (!self.transport.swap(true, Ordering::Relaxed)).then_some(name)
    }

    /// What a request tells, and what its answer will.
    pub(super) fn asked(&self, request: &JsonRpcMessage) -> (Option<Fact>, Option<Fact>) {
        let knows_client = self.client.load(Ordering::Relaxed);
        if request.kind() != Kind::Request || knows_client && self.server.load(Ordering::Relaxed) {
            return (None, None);
        }
        if request.is_method(method::INITIALIZE) {
            return (Some(Fact::Initialize), Some(Fact::Initialized));
        }
        let answer = request.is_method(method::DISCOVER).then_some(Fact::Discovered);
        let is_modern = !knows_client
            && request.meta().is_some()
            && peek::meta(request, peek::PROTOCOL_VERSION).is_ok_and(|version| version.is_some());
        if is_modern {
            self.client.store(true, Ordering::Relaxed);
        }
        (is_modern.then_some(Fact::Client), answer)
    }

    /// What an answer tells. One that is an error tells nothing: another attempt may follow, in another era.
    pub(super) fn answered(&self, answer: &JsonRpcMessage, fact: Fact) -> Option<Fact> {
        answer.result()?;
        self.server.store(true, Ordering::Relaxed);
        if fact == Fact::Initialized {
            self.client.store(true, Ordering::Relaxed);
        }
        Some(fact)
    }
}

/// What a request and its answer tell, where nobody records while they are said.
pub(crate) fn learn_of(tape: &mut Tape, request: &JsonRpcMessage, answer: Option<&JsonRpcMessage>) {
    let knows = Knows::default();
    if let Some(name) = knows.transport(request) {
        tape.transport.get_or_insert_with(|| name.into());
    }
    let (asked, answered) = knows.asked(request);
    if let Some(fact) = asked {
        learn(tape, fact, request.bytes());
    }
    if let Some((answer, fact)) = answer.zip(answered)
        && knows.answered(answer, fact).is_some()
    {
        learn(tape, fact, answer.bytes());
    }
}

/// Whether more is known than before. What was said first holds, where a tape is of several sessions.
pub(super) fn learn(tape: &mut Tape, fact: Fact, bytes: &Bytes) -> bool {
    let options = ScanOptions::new().transparent().unlimited();
    let Ok(message) = JsonRpcMessage::parse_with(bytes.clone(), &options) else { return false };
    let before = tape.clone();
    let meta = |name| peek::meta(&message, name).ok().flatten();
    match fact {
        Fact::Initialize => {
            first(&mut tape.client_info, member(message.params(), "clientInfo"));
            first(&mut tape.client_capabilities, member(message.params(), "capabilities"));
        }
        Fact::Client => {
            first(&mut tape.client_info, meta(peek::CLIENT_INFO));
            first(&mut tape.client_capabilities, meta(peek::CLIENT_CAPABILITIES));
            version(tape, &message);
        }
        Fact::Initialized | Fact::Discovered => {
            let info = member(message.result(), "serverInfo").or_else(|| meta(peek::SERVER_INFO));
            first(&mut tape.server_info, info);
            first(&mut tape.server_capabilities, member(message.result(), "capabilities"));
            if fact == Fact::Initialized {
                version(tape, &message);
            }
        }
    }
    *tape != before
}

fn member<'a>(json: Option<&'a [u8]>, name: &str) -> Option<&'a [u8]> {
    peek::member(json?, name).ok().flatten()
}

fn first(known: &mut Option<Json>, said: Option<&[u8]>) {
    if known.is_none() {
        *known = said.and_then(Json::new);
    }
}

fn version(tape: &mut Tape, message: &JsonRpcMessage) {
    if tape.protocol_version.is_none() {
        tape.protocol_version = peek::protocol_version(message).ok().flatten().map(Arc::from);
    }
}
