//! What a tape asks for: what its client sent, in order, and what came of each call.

mod build;
mod load;

use std::time::Duration;

use super::ending::Failure;
use crate::message::JsonRpcMessage;
use crate::protocol::{Era, method, peek};
use crate::tape::Component;

pub(super) use build::build;
pub(super) use load::{Loaded, Which, load};

/// A session as it was recorded, ready to be played.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) steps: Vec<Step>,
    pub(super) calls: Vec<Recorded>,
    /// What the server said that belongs to no call.
    pub(super) unasked: Vec<Said>,
    pub(super) components: Vec<Component>,
    /// Messages that cannot be played: answered by a layer, or unreadable.
    pub(super) left_out: u64,
    /// The tape says that entries are missing, or ends in the middle.
    pub(super) incomplete: bool,
}

/// Something that the client did.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) at: Duration,
    /// How much the server had said unasked.
    pub(super) unasked: usize,
    pub(super) what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// It made a call.
    Send(usize),
    /// It sent a notification.
    Notify(JsonRpcMessage),
    /// It cancelled a call, or read it no longer.
    Leave(usize),
}

/// A call and what came of it.
#[derive(Debug)]
pub(super) struct Recorded {
    pub(super) request: JsonRpcMessage,
    /// Before its end, in order.
    pub(super) items: Vec<Said>,
    pub(super) end: End,
    /// It was over before the step of this number.
    pub(super) over: Option<usize>,
    /// How long it took.
    pub(super) took: Option<Duration>,
    pub(super) at: Duration,
    /// A layer or a person answered it.
    pub(super) is_left_out: bool,
}

/// What is waited for of a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Awaited {
    /// It has to end by itself. A listen need not, nor what the client left or was never answered.
    pub(super) ends: bool,
    /// Its answer was not recorded.
    pub(super) is_unrecorded: bool,
    /// It was over before the step of this number. What the client left is left by a step of its own.
    pub(super) due: Option<usize>,
}

/// How a call ended.
#[derive(Debug)]
pub(super) enum End {
    Answered(JsonRpcMessage),
    /// By the client, with its message where it sent one.
    Left(Option<JsonRpcMessage>),
    /// The channel broke, or there was no answer; why.
    Failed(Failure),
    /// It had not ended when the tape did.
    Open,
}

/// What the server said before the end.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) message: JsonRpcMessage,
    /// What the client answered, if it is a question.
    pub(super) answer: Option<JsonRpcMessage>,
}

impl Recorded {
    pub(super) fn awaited(&self) -> Awaited {
        let is_listen = self.request.is_listen();
        Awaited {
            ends: !is_listen && matches!(self.end, End::Answered(_) | End::Failed(_)),
            is_unrecorded: !is_listen && matches!(self.end, End::Open),
            due: self.over.filter(|_| !matches!(self.end, End::Left(_))),
        }
    }
}

impl Script {
    /// What does not count is not waited for.
    pub(super) fn count_unasked(&mut self, counts: impl Fn(&JsonRpcMessage) -> bool) {
        let mut before = vec![0];
        for said in &self.unasked {
            before.push(before[before.len() - 1] + usize::from(counts(&said.message)));
        }
        self.steps.iter_mut().for_each(|step| step.unasked = before[step.unasked]);
    }

    /// The step of the `initialize`.
    pub(super) fn opening(&self) -> Option<usize> {
        self.position(method::INITIALIZE)
    }

    /// Before which step a session is open, so that we may ask something of our own.
    pub(super) fn open(&self) -> usize {
        let told = self.steps.iter().position(
            |step| matches!(&step.what, What::Notify(message) if message.is_method(method::INITIALIZED)),
        );
        if let Some(last) = told.or_else(|| self.opening()) {
            return last + 1;
        }
        let discover = self.position(method::DISCOVER);
        discover.map_or(0, |at| at + 1)
    }

    fn position(&self, method: &str) -> Option<usize> {
        self.steps.iter().position(|step| match step.what {
            What::Send(call) => self.calls[call].request.is_method(method),
            _ => false,
        })
    }

    pub(super) fn era(&self) -> Option<Era> {
        self.calls.iter().find_map(|call| peek::settled_era(&call.request))
    }

    /// `_meta` of a modern request, for one of our own.
    pub(super) fn meta(&self) -> Option<&[u8]> {
        let modern = |call: &&Recorded| peek::settled_era(&call.request) == Some(Era::Modern);
        self.calls.iter().find(modern)?.request.meta()
    }
}
