//! What the server says to nobody in particular.

use super::attribution::Meant;
use super::state::State;
use crate::connect::leaf::Leaf;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{method, peek};

/// A resource changed (legacy).
const RESOURCES_UPDATED: &str = "notifications/resources/updated";

impl<L: Leaf> State<L> {
    /// A message of the leaf's own listen.
    pub(super) fn hear(&mut self, message: JsonRpcMessage) {
        match message.kind() {
            Kind::Request => self.hear_question(message),
            Kind::Notification => self.hear_notification(&message),
            // It answers nobody, and tells nobody what of.
            Kind::Response => self.drop_notification(&message),
        }
    }

    fn hear_notification(&mut self, message: &JsonRpcMessage) {
        match message.method() {
            Some(RESOURCES_UPDATED) => self.tell_update(message),
            Some(method::LOG) => self.hear_log(message),
            // Of a call that is over.
            Some(method::PROGRESS) => self.drop_notification(message),
            Some(method::CANCELLED) => {
                let named = peek::cancelled_id(message).ok().flatten().map(|id| id.to_owned());
                if let Some(client) = named.and_then(|id| self.questions.withdraw(&id)) {
                    self.tell(client, message.clone());
                }
            }
            _ => self.tell_all(message, |_, _| true),
        }
    }

    fn hear_log(&mut self, log: &JsonRpcMessage) {
        match self.meant(log) {
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
