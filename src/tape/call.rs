//! What ties the entries of a call together.

use std::sync::Arc;

use super::{Edge, Entry, EntryKind};
use crate::message::{Direction, JsonRpcMessage, OwnedId};

/// In bytes: a longer id ties nothing together.
const ID: usize = 256;

/// A request and what belongs to it: by the recorder's number of the call, or else by session and id.
///
/// A server's question within a call has the same number, and is told apart by its direction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    call: Call,
    /// The request goes to the server.
    is_upstream: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Call {
    Number(u64),
    Id(Option<Arc<str>>, OwnedId),
}

impl Key {
    /// Of the exchange that a request begins or a response ends.
    pub(super) fn of(entry: &Entry, message: &JsonRpcMessage) -> Option<Self> {
        let is_upstream = (entry.direction == Direction::ToUpstream) == (entry.kind == EntryKind::Request);
        let call = match entry.call {
            Some(number) => Call::Number(number),
            None => {
                let id = message.owned_id().filter(|id| id.as_str().len() <= ID)?;
                Call::Id(entry.session.clone(), id)
            }
        };
        Some(Self { call, is_upstream })
    }

    /// Of the client's request whose call an entry belongs to.
    pub(super) fn of_owner(entry: &Entry) -> Option<Self> {
        entry.call.map(|number| Self { call: Call::Number(number), is_upstream: true })
    }

    /// The number of a client's call.
    pub(super) fn number(&self) -> Option<u64> {
        match self.call {
            Call::Number(number) if self.is_upstream => Some(number),
            Call::Number(_) | Call::Id(..) => None,
        }
    }

    /// The same call, asked the other way.
    pub(super) fn reversed(&self) -> Self {
        Self { call: self.call.clone(), is_upstream: !self.is_upstream }
    }

    /// Whether an end can be known by it: that of the client's call.
    pub(super) fn has_end(&self) -> bool {
        self.number().is_some()
    }
}

/// At which edges a request was seen, and is neither answered nor over yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pending {
    client: At,
    upstream: At,
}

/// What is still to come at one edge.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct At {
    answer: bool,
    end: bool,
}

impl Pending {
    pub(super) fn ask(&mut self, edge: Edge) {
        *self.at(edge) = At { answer: true, end: true };
    }

    pub(super) fn answer(&mut self, edge: Edge) {
        self.at(edge).answer = false;
    }

    pub(super) fn end(&mut self, edge: Edge) {
        *self.at(edge) = At::default();
    }

    /// Wherever it was seen.
    pub(super) fn is_answered(self) -> bool {
        !self.client.answer && !self.upstream.answer
    }

    /// How it ended, the client's edge says.
    pub(super) fn waits_for_client(self) -> bool {
        self.client.end
    }

    /// Wherever it was seen.
    pub(super) fn is_over(self) -> bool {
        !self.client.end && !self.upstream.end
    }

    fn at(&mut self, edge: Edge) -> &mut At {
        match edge {
            Edge::Client => &mut self.client,
            Edge::Upstream => &mut self.upstream,
        }
    }
}
