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
    /// Until when the server may be at work on a call that a client cancelled: the latest, and the latest of any
    /// other client than that.
    cancelled: [Option<(Instant, ClientId)>; 2],
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
        let [first, second] = &mut self.cancelled;
        match first {
            Some(latest) if latest.1 == client => latest.0 = latest.0.max(until),
            Some(latest) if latest.0 > until => *second = (*second).max(Some((until, client))),
            _ => *second = first.replace((until, client)),
        }
    }

    /// Clients that gave something up that a message may be about which was said at `since` or later: two at most
    /// are told.
    fn cancelled(&self, since: Instant) -> impl Iterator<Item = ClientId> {
        self.cancelled
            .into_iter()
            .flatten()
            .filter(move |(until, _)| *until > since)
            .map(|(_, client)| client)
    }

    /// Whether nothing that another client gave up may be what a message is about that was said at `since` or
    /// later. When it is read does not matter.
    pub(super) fn is_only(&self, client: ClientId, since: Instant) -> bool {
        self.cancelled(since).all(|other| other == client)
    }

    /// Whom a message is for that the server said at this place in its order, and at `since` or later. It is read
    /// later than the responses around it may be: calls that were answered behind it were running.
    pub(super) fn meant(&self, sequence: u64, since: Instant) -> Meant {
        let answered = self.last.iter().filter(|(at, _)| sequence > 0 && *at > sequence).map(|last| last.1);
        let all = self.calls.keys().copied().chain(self.cancelled(since)).chain(answered);
        all.fold(Meant::Nobody, Meant::or)
    }
}

impl<L: Leaf> State<L> {
    pub(super) fn meant(&self, message: &JsonRpcMessage, since: Instant) -> Meant {
        self.running.meant(message.sequence(), since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_was_answered_later_was_running() {
        let (mut running, now) = (Running::default(), Instant::now());
        running.begin(1);
        running.answered(1, 10);
        assert_eq!(running.meant(11, now), Meant::Nobody);
        assert_eq!(running.meant(9, now), Meant::Only(1));
        running.begin(2);
        assert_eq!(running.meant(9, now), Meant::Unclear);
        assert_eq!(running.meant(11, now), Meant::Only(2));
        running.answered(2, 12);
        assert_eq!(running.meant(11, now), Meant::Only(2));
        assert_eq!(running.meant(9, now), Meant::Unclear);
        running.begin(1);
        running.answered(1, 11);
        assert_eq!(running.meant(10, now), Meant::Unclear);
    }

    #[test]
    fn the_two_latest_clients_that_gave_up_are_known() {
        let (mut running, start) = (Running::default(), Instant::now());
        let at = |seconds| start + std::time::Duration::from_secs(seconds);
        for (client, until) in [(1, 10), (2, 20), (1, 30), (3, 25)] {
            running.begin(client);
            running.given_up(client, at(until));
        }
        assert_eq!(running.meant(0, at(24)), Meant::Unclear);
        assert_eq!(running.meant(0, at(25)), Meant::Only(1));
        assert_eq!(running.meant(0, at(30)), Meant::Nobody);
        assert!(running.is_only(1, at(25)) && !running.is_only(1, at(24)) && !running.is_only(3, at(29)));
    }
}
