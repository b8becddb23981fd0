//! How much the server logs, and what of it each client gets (2025-11-25 server/utilities/logging).

use super::call::Plan;
use super::pending::After;
use super::state::{ClientId, State};
use crate::connect::leaf::Leaf;
use crate::message::{Code, JsonRpcMessage};
use crate::protocol::{method, peek};
use crate::reply::Reply;

/// From the most verbose.
const LEVELS: [&str; 8] = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];
/// What a client that asked for nothing gets where another did.
const DEFAULT: u8 = 1;

fn level(message: &JsonRpcMessage) -> Option<u8> {
    let name = peek::text(message.params().unwrap_or_default(), "level").ok()??;
    LEVELS.iter().position(|level| *level == name).map(|at| at as u8)
}

fn params(level: u8) -> String {
    format!(r#"{{"level":"{}"}}"#, LEVELS[usize::from(level)])
}

impl<L: Leaf> State<L> {
    /// A client asks for a level: the server is told if the most verbose one changes with it.
    pub(super) fn set_level(&mut self, client: ClientId, message: JsonRpcMessage) -> Plan {
        let Some(wanted) = level(&message) else {
            // The server may know levels that we do not; it may not change everybody's for one.
            return Plan::Answer(Reply::refuse(&message, Code::INVALID_PARAMS, "Unknown level"));
        };
        let before = self.clients.get_mut(&client).and_then(|client| client.level.replace(wanted));
        let most = self.most_verbose().unwrap_or(wanted);
        if self.level == Some(most) {
            return Plan::Answer(Reply::made_up(&message, "{}"));
        }
        self.level = Some(most);
        let sent = if most == wanted { message } else { with_level(message, most) };
        Plan::Send(sent, After::SetLevel(before))
    }

    /// A client is gone that had asked for a level.
    pub(super) fn settle_level(&mut self) {
        let Some(most) = self.most_verbose().filter(|most| self.level != Some(*most)) else { return };
        let id = self.fresh_id();
        if let Ok(request) = JsonRpcMessage::request(id, method::SET_LEVEL, params(most))
            && self.say(request.synthetic())
        {
            self.level = Some(most);
        }
    }

    /// The server did not take the level: what it has is unknown.
    pub(super) fn undo_level(&mut self, client: ClientId, before: Option<u8>) {
        self.level = None;
        if let Some(client) = self.clients.get_mut(&client) {
            client.level = before;
        }
    }

    pub(super) fn wants_log(&self, client: ClientId, log: &JsonRpcMessage) -> bool {
        let wanted = self.clients.get(&client).and_then(|client| client.level);
        level(log).is_none_or(|level| level >= wanted.unwrap_or(self.default_level()))
    }

    /// A log line while nothing runs.
    pub(super) fn tell_log(&mut self, log: &JsonRpcMessage) {
        let (level, default) = (level(log), self.default_level());
        self.tell_all(log, |_, client| level.is_none_or(|level| level >= client.level.unwrap_or(default)));
    }

    /// Without any wish it is the server that decides.
    fn default_level(&self) -> u8 {
        if self.level.is_some() { DEFAULT } else { 0 }
    }

    fn most_verbose(&self) -> Option<u8> {
        self.clients.values().filter_map(|client| client.level).min()
    }
}

fn with_level(message: JsonRpcMessage, level: u8) -> JsonRpcMessage {
    message.clone().edit().params(params(level)).finish().unwrap_or(message)
}
