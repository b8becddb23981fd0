//! The pending calls.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;

use super::stream::{Queue, StreamSender};
use crate::connect::rename::Caller;
use crate::error::Error;
use crate::message::{Context, IdMap, OwnedId};
use crate::reply::Reply;

/// How many cancelled ids are remembered, so that a late answer is not taken for another call's.
const QUARANTINE: usize = 1024;

/// Names one call for as long as it lives; a later call in the same slot has another generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

#[derive(Debug)]
pub(super) struct Call {
    generation: u32,
    /// The id on the wire.
    pub(super) id: OwnedId,
    /// The progress token on the wire.
    pub(super) token: Option<OwnedId>,
    /// What the caller knows, where the wire has others.
    pub(super) caller: Option<Box<Caller>>,
    pub(super) kind: CallKind,
    /// Of the session that called.
    pub(super) context: Option<Arc<Context>>,
    /// Its final response has not come.
    pub(super) pending: bool,
    pub(super) phase: Phase,
    /// How far its reply is read, where that is a stream.
    pub(super) queue: Option<Arc<Queue>>,
    /// Whoever polls the call's future.
    pub(super) waker: Option<Waker>,
    /// An answer that is on its way to it, and that the server did not give.
    pub(super) own: Option<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallKind {
    Ordinary,
    /// Never cancelled (2025-11-25 basic/utilities/cancellation).
    Initialize,
    /// A client's own listen: it runs all the time, so it is never *the* running call.
    Listen,
    /// Our own question whether the server is alive: never the one that the server speaks about.
    Probe,
}

impl CallKind {
    /// Whether what the server says without naming a call may be about this one.
    fn is_work(self) -> bool {
        !matches!(self, Self::Listen | Self::Probe)
    }
}

#[derive(Debug)]
pub(super) enum Phase {
    /// Nothing has come yet.
    Waiting,
    /// The future has not been polled since the outcome came.
    Ready(Result<Reply, Error>),
    /// The same, where the outcome is a stream. `Some` sender: more is to come.
    Opened(Box<(Reply, Option<StreamSender>)>),
    /// The caller reads a stream.
    Streaming(StreamSender),
}

#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Option<Call>>,
    generations: Vec<u32>,
    free: Vec<u32>,
    by_id: IdMap<u32>,
    by_token: IdMap<u32>,
    /// Ids and tokens of cancelled calls, oldest first.
    quarantine: VecDeque<OwnedId>,
    quarantined: IdMap<()>,
    ordinary: usize,
    probes: usize,
}

impl Table {
    /// Calls that wait for their final response; questions of our own are none.
    pub(super) fn len(&self) -> usize {
        self.by_id.len() - self.probes
    }

    /// Whether a request may use this id on the wire.
    pub(super) fn is_free(&self, id: &OwnedId) -> bool {
        !self.by_id.contains(id) && !self.is_quarantined(id)
    }

    /// Whether a request may use this token on the wire.
    pub(super) fn is_free_token(&self, token: &OwnedId) -> bool {
        !self.by_token.contains(token) && !self.is_quarantined(token)
    }

    pub(super) fn insert(&mut self, call: Call) -> Ticket {
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        if slot as usize == self.slots.len() {
            self.slots.push(None);
            self.generations.push(0);
        }
        self.by_id.insert(&call.id, slot);
        if let Some(token) = &call.token {
            self.by_token.insert(token, slot);
        }
        self.ordinary += usize::from(call.kind.is_work());
        self.probes += usize::from(call.kind == CallKind::Probe);
        let generation = self.generations[slot as usize];
        self.slots[slot as usize] = Some(Call { generation, ..call });
        Ticket { slot, generation }
    }

    pub(super) fn get(&mut self, ticket: Ticket) -> Option<&mut Call> {
        self.slots.get_mut(ticket.slot as usize)?.as_mut().filter(|call| call.generation == ticket.generation)
    }

    pub(super) fn contains(&self, ticket: Ticket) -> bool {
        self.generations.get(ticket.slot as usize) == Some(&ticket.generation)
    }

    /// Whether the call's final response has not come.
    pub(super) fn is_pending(&self, ticket: Ticket) -> bool {
        let call = self.slots.get(ticket.slot as usize).and_then(Option::as_ref);
        call.is_some_and(|call| call.generation == ticket.generation && call.pending)
    }

    pub(super) fn at(&mut self, slot: u32) -> Option<&mut Call> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    pub(super) fn by_token(&self, token: &OwnedId) -> Option<u32> {
        self.by_token.get(token)
    }

    pub(super) fn by_id(&self, id: &OwnedId) -> Option<u32> {
        self.by_id.get(id)
    }

    /// The id on the wire of the call that its session knows as `id`.
    pub(super) fn wire_id(&self, id: &OwnedId, session: Option<&Arc<Context>>) -> Option<OwnedId> {
        let calls = self.by_id.values().filter_map(|slot| self.slots[slot as usize].as_ref());
        let same = |call: &&Call| {
            call.caller_id() == id && call.context.as_ref().map(Arc::as_ptr) == session.map(Arc::as_ptr)
        };
        calls.filter(same).map(|call| call.id.clone()).next()
    }

    pub(super) fn is_listen(&self, slot: u32) -> bool {
        self.slots[slot as usize].as_ref().is_some_and(|call| call.kind == CallKind::Listen)
    }

    /// The only call that runs, if there is just one.
    pub(super) fn only_running(&self) -> Option<u32> {
        if self.ordinary != 1 {
            return None;
        }
        self.by_id.values().find(|slot| self.slots[*slot as usize].as_ref().is_some_and(|c| c.kind.is_work()))
    }

    /// Its final response has come: it is not matched any more.
    pub(super) fn settle(&mut self, id: &OwnedId) -> Option<&mut Call> {
        let slot = self.by_id.remove(id)?;
        let call = self.slots[slot as usize].as_mut()?;
        call.pending = false;
        self.ordinary -= usize::from(call.kind.is_work());
        self.probes -= usize::from(call.kind == CallKind::Probe);
        if let Some(token) = &call.token {
            self.by_token.remove(token);
        }
        Some(call)
    }

    /// Takes the call out, pending or not; the slot serves another one from now on.
    pub(super) fn remove(&mut self, ticket: Ticket) -> Option<Call> {
        let call = self.get(ticket)?;
        if call.pending {
            let id = call.id.clone();
            self.settle(&id)?.pending = true; // as it was: whoever takes it out wants to know
        }
        let call = self.slots[ticket.slot as usize].take()?;
        self.generations[ticket.slot as usize] = ticket.generation.wrapping_add(1);
        self.free.push(ticket.slot);
        Some(call)
    }

    /// Remembers the id and the token of a call that was cancelled.
    pub(super) fn quarantine(&mut self, id: OwnedId, token: Option<OwnedId>) {
        for id in std::iter::once(id).chain(token) {
            if self.quarantined.insert(&id, ()).is_none() {
                self.quarantine.push_back(id);
            }
        }
        while self.quarantine.len() > QUARANTINE {
            let oldest = self.quarantine.pop_front().expect("it is longer than its bound");
            self.quarantined.remove(&oldest);
        }
    }

    /// Whether this id or token belongs to a call that was cancelled.
    pub(super) fn is_quarantined(&self, id: &OwnedId) -> bool {
        !self.quarantined.is_empty() && self.quarantined.contains(id)
    }

    /// Every call that waits for its final response.
    pub(super) fn pending_ids(&self) -> Vec<OwnedId> {
        self.by_id.ids().collect()
    }
}

impl Call {
    pub(super) fn new(id: OwnedId, kind: CallKind, context: Option<Arc<Context>>) -> Self {
        Self {
            generation: 0,
            id,
            token: None,
            caller: None,
            kind,
            context,
            pending: true,
            phase: Phase::Waiting,
            queue: None,
            waker: None,
            own: None,
        }
    }

    pub(super) fn ticket(&self, slot: u32) -> Ticket {
        Ticket { slot, generation: self.generation }
    }

    /// The id that the caller knows.
    pub(super) fn caller_id(&self) -> &OwnedId {
        self.caller.as_ref().map_or(&self.id, |caller| &caller.id)
    }
}
