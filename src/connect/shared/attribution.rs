//! Whom the server may be speaking to.

use std::collections::HashMap;

use tokio::time::Instant;

use super::state::{ClientId, State};
use crate::connect::leaf::Leaf;
use crate::message::JsonRpcMessage;

/// Whose calls run, or did so when the server last spoke.
#[derive(Default)]
pub(super) struct Running {
    calls: HashMap<ClientId, u32>,
    /// Clients that cancelled a call, and until when the server may be at work on it.
    cancelled: HashMap<ClientId, Instant>,
    /// The place in the server's order of the last response to any client, and to any other client than that.
    last: [(u64, ClientId); 2],
}

/// Who is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// No call runs.
    Nobody,
    Only(ClientId),
    /// It cannot be told.
    Unclear,
}

impl Meant {
    fn or(self, client: ClientId) -> Self {
        match self {
            Self::Nobody => Self::Only(client),
            Self::Only(other) if other == client => self,
            _ => Self::Unclear,
        }
    }
}

impl Running {
    pub(super) fn clients(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn has(&self, client: ClientId) -> bool {
        self.calls.contains_key(&client)
    }

    pub(super) fn begin(&mut self, client: ClientId) {
        *self.calls.entry(client).or_default() += 1;
    }

    fn end(&mut self, client: ClientId) {
        if let Some(calls) = self.calls.get_mut(&client) {
            *calls -= 1;
            if *calls == 0 {
                self.calls.remove(&client);
            }
        }
    }

    /// A call was answered, by the message at this place in the server's order.
    pub(super) fn answered(&mut self, client: ClientId, sequence: u64) {
        self.end(client);
        let [first, second] = &mut self.last;
        if first.1 == client {
            first.0 = first.0.max(sequence);
        } else if sequence >= first.0 {
            *second = std::mem::replace(first, (sequence, client));
        } else if second.1 == client || sequence > second.0 {
            *second = (second.0.max(sequence), client);
        }
    }

    /// A call was given up: the server may go on with it.
    pub(super) fn given_up(&mut self, client: ClientId, until: Instant) {
        self.end(client);
        if self.cancelled.len() >= 64 {
            self.forget(Instant::now());
        }
        self.cancelled.insert(client, until);
    }

    /// Whether nothing that another client gave up may be what the server is at work on.
    pub(super) fn is_only(&mut self, client: ClientId) -> bool {
        self.forget(Instant::now());
        self.cancelled.keys().all(|other| *other == client)
    }

    /// Whom a message is for that the server said at this place in its order. It is read later than the
    /// responses around it may be: calls that were answered behind it were running.
    pub(super) fn meant(&mut self, sequence: u64) -> Meant {
        self.forget(Instant::now());
        let answered = self.last.iter().filter(|(at, _)| sequence > 0 && *at > sequence).map(|last| last.1);
        let all = self.calls.keys().chain(self.cancelled.keys()).copied().chain(answered);
        all.fold(Meant::Nobody, Meant::or)
    }

    fn forget(&mut self, now: Instant) {
        if !self.cancelled.is_empty() {
            self.cancelled.retain(|_, until| *until > now);
        }
    }
}

impl<L: Leaf> State<L> {
    pub(super) fn meant(&mut self, message: &JsonRpcMessage) -> Meant {
        self.running.meant(message.sequence())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_answered_later_was_running() {
        let mut running = Running::default();
        running.begin(1);
        running.answered(1, 10);
        assert_eq!(running.meant(11), Meant::Nobody);
        assert_eq!(running.meant(9), Meant::Only(1));
        running.begin(2);
        assert_eq!(running.meant(9), Meant::Unclear);
        assert_eq!(running.meant(11), Meant::Only(2));
        running.answered(2, 12);
        assert_eq!(running.meant(11), Meant::Only(2));
        assert_eq!(running.meant(9), Meant::Unclear);
        running.begin(1);
        running.answered(1, 11);
        assert_eq!(running.meant(10), Meant::Unclear);
    }
}
