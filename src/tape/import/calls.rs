//! Which response belongs to which request.

use std::collections::HashMap;

use bytes::Bytes;

use crate::message::{Direction, JsonRpcMessage, Kind, ScanOptions};
use crate::tape::{Entry, EntryKind};

/// Requests that wait for their response at a time; what comes beyond is told without its call.
const MAX_OPEN: usize = 1 << 16;
/// Bytes of an id and of whose it is that are kept.
const MAX_KEY: usize = 1 << 10;

/// Numbers the calls of clients, and their responses. What else belongs to a call nobody has noted: neither a server's
/// question has a number, nor a notification.
#[derive(Debug, Default)]
pub(super) struct Calls {
    /// With the number, if it is a client's.
    open: HashMap<Key, Option<u64>>,
    last: u64,
}

/// Whose id, and the way of the request.
type Key = (Box<str>, Direction, Box<str>);

impl Calls {
    /// What was said, with the number of its call. `whose` tells apart who uses the same ids. Without a direction it
    /// goes the way that such messages go.
    pub(super) fn entry(&mut self, bytes: Bytes, direction: Option<Direction>, whose: &str) -> Entry {
        let options = ScanOptions::new().unlimited().transparent();
        let Ok(message) = JsonRpcMessage::parse_with(bytes.clone(), &options) else {
            return Entry::new(EntryKind::Refused, direction.unwrap_or(Direction::ToUpstream), bytes);
        };
        let direction = direction.unwrap_or_else(|| self.guess(&message, whose));
        let entry = Entry::new(message.kind().into(), direction, bytes);
        match self.number(&message, direction, whose) {
            Some(call) => entry.call(call),
            None => entry,
        }
    }

    fn number(&mut self, message: &JsonRpcMessage, direction: Direction, whose: &str) -> Option<u64> {
        match message.kind() {
            Kind::Notification => None,
            Kind::Request => {
                let is_call = direction == Direction::ToUpstream;
                self.last += u64::from(is_call);
                let number = is_call.then_some(self.last);
                if let Some(key) = key(message, direction, whose).filter(|_| self.open.len() < MAX_OPEN) {
                    self.open.insert(key, number);
                }
                number
            }
            Kind::Response => self.open.remove(&key(message, opposite(direction), whose)?).flatten(),
        }
    }

    fn guess(&self, message: &JsonRpcMessage, whose: &str) -> Direction {
        match message.method() {
            Some(method) if is_said_by_servers(method) => Direction::ToClient,
            Some(_) => Direction::ToUpstream,
            None => {
                let asked = |way| key(message, way, whose).is_some_and(|key| self.open.contains_key(&key));
                let answers_server = asked(Direction::ToClient) && !asked(Direction::ToUpstream);
                if answers_server { Direction::ToUpstream } else { Direction::ToClient }
            }
        }
    }
}

fn key(message: &JsonRpcMessage, way: Direction, whose: &str) -> Option<Key> {
    let id = message.id()?.to_string();
    let fits = id.len() + whose.len() <= MAX_KEY;
    fits.then(|| (whose.into(), way, id.into()))
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::ToUpstream => Direction::ToClient,
        Direction::ToClient => Direction::ToUpstream,
    }
}

/// Of what both sides may say (`ping`, a cancellation), clients say more.
fn is_said_by_servers(name: &str) -> bool {
    use crate::protocol::method::{ACKNOWLEDGED, CREATE_MESSAGE, ELICIT, LOG, PROGRESS, RESOURCES_UPDATED};
    use crate::protocol::method::{ROOTS_LIST, TOOLS_LIST_CHANGED};
    let more = [
        "notifications/prompts/list_changed",
        "notifications/resources/list_changed",
        "notifications/elicitation/complete",
        "notifications/tasks/status",
    ];
    let known = [
        ACKNOWLEDGED,
        CREATE_MESSAGE,
        ELICIT,
        LOG,
        PROGRESS,
        RESOURCES_UPDATED,
        ROOTS_LIST,
        TOOLS_LIST_CHANGED,
    ];
    known.contains(&name) || more.contains(&name)
}
