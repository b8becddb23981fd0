//! A client's listen: what the server says to it besides its calls.

use std::collections::VecDeque;
use std::sync::Arc;

use super::member::Member;
use super::state::{ClientId, State};
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::reply::{Reply, ReplySender, TrySendError};

/// Kept for a listen that is not open yet.
const EARLY: usize = 64;
/// Bytes of it.
const EARLY_BYTES: usize = 64 << 10;

#[derive(Default)]
pub(super) struct Outbox {
    /// Of the listen that is open, or comes next.
    number: u32,
    way: Way,
}

enum Way {
    NotYet { early: VecDeque<JsonRpcMessage>, bytes: usize },
    Open(ReplySender),
    Gone,
}

impl Default for Way {
    fn default() -> Self {
        Self::NotYet { early: VecDeque::new(), bytes: 0 }
    }
}

impl Outbox {
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    fn push(&mut self, message: JsonRpcMessage) -> Result<(), TrySendError> {
        match &mut self.way {
            Way::Open(sender) => sender.try_send(message),
            Way::NotYet { early, bytes }
                if early.len() < EARLY && *bytes + message.bytes().len() <= EARLY_BYTES =>
            {
                *bytes += message.bytes().len();
                early.push_back(message);
                Ok(())
            }
            Way::NotYet { .. } | Way::Gone => Err(TrySendError::Cancelled(message)),
        }
    }

    /// The listen is over; the next one has another number.
    fn close(&mut self) -> Option<ReplySender> {
        let Way::Open(sender) = std::mem::replace(&mut self.way, Way::Gone) else { return None };
        self.number = self.number.wrapping_add(1);
        Some(sender)
    }

    pub(super) fn fail(mut self, why: &Error) {
        if let Some(sender) = self.close() {
            sender.fail(why.clone());
        }
    }
}

impl<L: Leaf> State<L> {
    /// Says something to one client. Tells whether it was taken.
    pub(super) fn tell(&mut self, client: ClientId, message: JsonRpcMessage) -> bool {
        let Some(client) = self.clients.get_mut(&client) else { return false };
        let told = client.outbox.push(message);
        if let Err(TrySendError::Full(_)) = told
            && let Some(sender) = client.outbox.close()
        {
            self.counts.overflows += 1;
            sender.fail(Error::overflow("the client's listener is too slow"));
        }
        told.is_ok()
    }

    /// Says something to every client that `wants` it.
    pub(super) fn tell_all(
        &mut self,
        message: &JsonRpcMessage,
        wants: impl Fn(ClientId, &super::state::Client) -> bool,
    ) {
        let ids = self.clients.iter().filter(|(id, client)| wants(**id, client)).map(|(id, _)| *id);
        for client in ids.collect::<Vec<_>>() {
            self.tell(client, message.clone());
        }
    }

    /// The server says no more: every listen fails.
    pub(super) fn end(&mut self, why: &Error) {
        self.ended = Some(why.clone());
        for client in self.clients.values_mut() {
            if let Some(sender) = client.outbox.close() {
                sender.fail(why.clone());
            }
        }
    }
}

/// Ends the listen with its reply. Keeps the client from being gone.
struct Guard<L: Leaf> {
    member: Arc<Member<L>>,
    number: u32,
}

/// Opens the client's listen; there is one at a time.
pub(super) fn open<L: Leaf>(member: &Arc<Member<L>>) -> Result<Reply, Error> {
    let mut state = member.core().lock();
    if let Some(why) = &state.ended {
        return Err(why.clone().unsent());
    }
    let (messages, bytes) = state.queue;
    let Some(client) = state.clients.get_mut(&member.id) else {
        return Err(Error::closed("the client is gone").unsent());
    };
    if let Way::Open(_) = client.outbox.way {
        return Err(Error::busy("the client has a listen already").unsent());
    }
    let (sender, reply) = Reply::channel_of(messages, bytes);
    let way = std::mem::replace(&mut client.outbox.way, Way::Open(sender));
    let number = client.outbox.number;
    if let Way::NotYet { early, .. } = way {
        for message in early {
            state.tell(member.id, message);
        }
    }
    drop(state);
    let core = member.core().clone();
    let reply = reply.map(move |message| {
        if message.kind() == Kind::Request
            && let Some(id) = message.owned_id()
        {
            core.lock().questions.read(&id);
        }
        message
    });
    Ok(reply.hold(Guard { member: member.clone(), number }))
}

impl<L: Leaf> Drop for Guard<L> {
    fn drop(&mut self) {
        let mut state = self.member.core().lock();
        if let Some(client) = state.clients.get_mut(&self.member.id)
            && client.outbox.number == self.number
        {
            client.outbox.close();
        }
        state.refuse_unread(self.member.id, self.number);
    }
}
