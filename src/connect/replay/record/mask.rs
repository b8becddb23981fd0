//! What of a recording is masked.

use std::borrow::Cow;

use crate::message::JsonRpcMessage;
#[cfg(feature = "secret")]
use crate::tape::Redact;
use crate::tape::{Entry, Tape};

/// Secrets, unless they are to be recorded.
#[derive(Debug)]
pub(super) struct Mask {
    #[cfg(feature = "secret")]
    redact: Option<Redact>,
}

#[cfg(feature = "secret")]
impl Mask {
    pub(super) fn new(unmasked: bool) -> Self {
        Self { redact: (!unmasked).then(Redact::new) }
    }

    /// `None` if it cannot be masked.
    pub(super) fn message<'m>(&self, message: &'m JsonRpcMessage) -> Option<Cow<'m, JsonRpcMessage>> {
        match &self.redact {
            Some(redact) => redact.said(message).map(Cow::Owned),
            None => Some(Cow::Borrowed(message)),
        }
    }

    /// Of what is no message.
    pub(super) fn entry(&self, entry: Entry) -> Entry {
        match &self.redact {
            Some(redact) => redact.entry(entry),
            None => entry,
        }
    }

    /// What is known of the tape, and that it is masked.
    pub(super) fn tape(&self, tape: Tape) -> Tape {
        match &self.redact {
            Some(redact) => redact.tape(&tape),
            None => tape,
        }
    }
}

#[cfg(not(feature = "secret"))]
impl Mask {
    pub(super) fn new(_: bool) -> Self {
        Self {}
    }

    pub(super) fn message<'m>(&self, message: &'m JsonRpcMessage) -> Option<Cow<'m, JsonRpcMessage>> {
        Some(Cow::Borrowed(message))
    }

    pub(super) fn entry(&self, entry: Entry) -> Entry {
        entry
    }

    pub(super) fn tape(&self, tape: Tape) -> Tape {
        tape
    }
}
