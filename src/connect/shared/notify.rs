//! What the server says to nobody in particular.

use tokio::time::Instant;

use super::attribution::Meant;
use super::state::State;
use crate::connect::leaf::Leaf;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{method, peek};

/// What concerns everybody ends so.
const LIST_CHANGED: &str = "/list_changed";

impl<L: Leaf> State<L> {
    /// A message of the leaf's own listen, said at `since` or later.
    pub(super) fn hear(&mut self, message: JsonRpcMessage, since: Instant) {
        match message.kind() {
            Kind::Request => self.hear_question(message, since),
            Kind::Notification => self.hear_notification(&message, since),
            // It answers nobody, and tells nobody what of.
            Kind::Response => self.drop_notification(&message),
        }
    }

    fn hear_notification(&mut self, message: &JsonRpcMessage, since: Instant) {
        if peek::subscription_id(message).is_ok_and(|listen| listen.is_some()) {
            return self.drop_notification(message); // of a listen that is over
        }
        match message.method() {
            Some(method::RESOURCES_UPDATED) => self.tell_update(message),
            Some(method::LOG) => self.hear_log(message, since),
            // Of a call that is over.
            Some(method::PROGRESS) => self.drop_notification(message),
            Some(method::CANCELLED) => {
                let named = peek::cancelled_id(message).ok().flatten().map(|id| id.to_owned());
                if let Some(client) = named.and_then(|id| self.questions.withdraw(&id)) {
                    self.tell(client, message.clone());
                }
            }
            Some(method) if method.ends_with(LIST_CHANGED) => self.tell_all(message, |_, _| true),
            // A task's status, or whatever else there will be, is somebody's.
            _ => self.hear_addressed(message, since),
        }
    }

    fn hear_addressed(&mut self, message: &JsonRpcMessage, since: Instant) {
        match self.meant(message, since) {
            Meant::Only(client) => drop(self.tell(client, message.clone())),
            Meant::Nobody | Meant::Unclear => self.drop_notification(message),
        }
    }

    fn hear_log(&mut self, log: &JsonRpcMessage, since: Instant) {
        match self.meant(log, since) {
            Meant::Nobody => self.tell_log(log),
            Meant::Only(client) if self.wants_log(client, log) => drop(self.tell(client, log.clone())),
            Meant::Only(_) => {}
            Meant::Unclear => self.drop_notification(log),
        }
    }

    pub(super) fn drop_notification(&mut self, message: &JsonRpcMessage) {
        self.counts.dropped_notifications += 1;
        tracing::debug!(
            method = message.method(),
            "a message of a shared server was dropped: it is nobody's"
        );
    }
}
