//! Credentials of messages that go through the pipe of the older transport, which carries nothing but lines.

use std::collections::VecDeque;

use bytes::Bytes;

use super::state::{Shared, State};
use crate::message::{JsonRpcMessage, Kind, OwnedId};
use crate::protocol::peek;
use crate::wire::http::ClientAuthorization;
use crate::wire::lines::one_line;

/// Of so many messages it is known what came with them; of older ones what came last is taken.
const MOST: usize = 1024;

/// What came with messages, until they come out of the pipe; of requests also behind that, for their cancellations.
#[derive(Debug, Default)]
pub(super) struct Riding {
    under_way: VecDeque<(Rider, ClientAuthorization)>,
    asked: VecDeque<(OwnedId, ClientAuthorization)>,
}

/// A message in the pipe.
#[derive(Debug, PartialEq, Eq)]
enum Rider {
    Request(OwnedId),
    Answer(OwnedId),
    Other(Bytes),
}

impl Rider {
    fn of(message: &JsonRpcMessage) -> Self {
        match (message.kind(), message.owned_id()) {
            (Kind::Request, Some(id)) => Self::Request(id),
            (Kind::Response, Some(id)) => Self::Answer(id),
            _ => Self::Other(one_line(message)),
        }
    }
}

impl Riding {
    fn get_on(&mut self, message: &JsonRpcMessage, sent: ClientAuthorization) {
        push(&mut self.under_way, (Rider::of(message), sent));
    }

    fn get_off(&mut self, message: &JsonRpcMessage) -> Option<ClientAuthorization> {
        if let Ok(Some(cancelled)) = peek::cancelled_id(message) {
            let cancelled = cancelled.to_owned();
            let named = self.asked.iter().rev().find(|(id, _)| *id == cancelled);
            return named.map(|(_, sent)| sent.clone());
        }
        let rider = Rider::of(message);
        let at = self.under_way.iter().position(|(other, _)| *other == rider)?;
        let (rider, sent) = self.under_way.remove(at)?;
        if let Rider::Request(id) = rider {
            push(&mut self.asked, (id, sent.clone()));
        }
        Some(sent)
    }
}

fn push<T>(queue: &mut VecDeque<T>, new: T) {
    if queue.len() >= MOST {
        queue.pop_front();
    }
    queue.push_back(new);
}

impl Shared {
    /// A message goes into the pipe.
    pub(super) fn get_on(&self, state: &mut State, message: &JsonRpcMessage) {
        if let Some(sent) = self.credential_of(message) {
            state.riding.get_on(message, *sent);
        }
    }

    /// A message has come out of it, with what it came with.
    pub(super) fn get_off(&self, mut message: JsonRpcMessage) -> JsonRpcMessage {
        if self.options.transparent
            && let Some(sent) = self.lock().riding.get_off(&message)
        {
            message.extensions_mut().insert(sent);
        }
        message
    }
}
