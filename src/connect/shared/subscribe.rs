//! Who watches which resource (2025-11-25 server/resources: subscriptions).

use std::collections::HashSet;
use std::sync::Arc;

use super::call::Plan;
use super::pending::After;
use super::state::{ClientId, State};
use crate::connect::leaf::Leaf;
use crate::message::{Code, JsonRpcMessage};
use crate::protocol::{method, peek};
use crate::reply::Reply;

/// Resources that one client may watch at once.
const PER_CLIENT: usize = 1024;

#[derive(Default)]
pub(super) struct Subscription {
    clients: HashSet<ClientId>,
    /// The server has said yes.
    is_confirmed: bool,
}

impl<L: Leaf> State<L> {
    /// Goes up until the server has said yes once; from then on the client is added.
    pub(super) fn subscribe(&mut self, id: ClientId, message: JsonRpcMessage) -> Plan {
        let Ok(Some(uri)) = peek::resource_uri(&message) else { return invalid(&message) };
        let Some(client) = self.clients.get_mut(&id) else { return done(&message) };
        let known = self.subscriptions.get_key_value(&*uri).map(|(uri, _)| uri.clone());
        let uri = known.unwrap_or_else(|| uri.as_ref().into());
        let is_new =
            !self.subscriptions.get(&uri).is_some_and(|subscription| subscription.clients.contains(&id));
        if is_new && client.subscriptions >= PER_CLIENT {
            return Plan::Answer(Reply::refuse(&message, Code::INTERNAL_ERROR, "Too many subscriptions"));
        }
        client.subscriptions += usize::from(is_new);
        let subscription = self.subscriptions.entry(uri.clone()).or_default();
        subscription.clients.insert(id);
        if subscription.is_confirmed { done(&message) } else { Plan::Send(message, After::Subscribe(uri)) }
    }

    /// Goes up for the last client only.
    pub(super) fn unsubscribe(&mut self, id: ClientId, message: JsonRpcMessage) -> Plan {
        let Ok(Some(uri)) = peek::resource_uri(&message) else { return invalid(&message) };
        if self.leave(id, &uri) { Plan::Send(message, After::Nothing) } else { done(&message) }
    }

    /// Nobody knows whether the server did what was asked.
    pub(super) fn undo(&mut self, id: ClientId, after: &After) {
        if let Some(uri) = self.refused(id, after) {
            self.withdraw(&uri);
        }
    }

    /// The server did not do what was asked. Gives the resource that nobody watches any more.
    pub(super) fn refused(&mut self, id: ClientId, after: &After) -> Option<Arc<str>> {
        match after {
            After::Nothing => {}
            After::SetLevel(before) => self.undo_level(id, *before),
            After::Subscribe(uri) if self.leave(id, uri) => return Some(uri.clone()),
            After::Subscribe(_) => {}
        }
        None
    }

    pub(super) fn confirm(&mut self, after: &After) {
        if let After::Subscribe(uri) = after
            && let Some(subscription) = self.subscriptions.get_mut(uri)
        {
            subscription.is_confirmed = true;
        }
    }

    /// The client is gone.
    pub(super) fn unsubscribe_all_of(&mut self, id: ClientId) {
        let of = |(uri, subscription): (&Arc<str>, &Subscription)| {
            subscription.clients.contains(&id).then(|| uri.clone())
        };
        for uri in self.subscriptions.iter().filter_map(of).collect::<Vec<_>>() {
            if self.leave(id, &uri) {
                self.withdraw(&uri);
            }
        }
    }

    /// Whom an update concerns: it may be of a part of what they watch.
    pub(super) fn tell_update(&mut self, update: &JsonRpcMessage) {
        let Ok(Some(uri)) = peek::text(update.params().unwrap_or_default(), "uri") else {
            return self.drop_notification(update);
        };
        let watched = wholes(&uri).filter_map(|whole| self.subscriptions.get(whole));
        let clients: HashSet<_> =
            watched.flat_map(|subscription| subscription.clients.iter().copied()).collect();
        for client in clients {
            self.tell(client, update.clone());
        }
    }

    /// Tells whether nobody is left who watches it, and somebody did.
    fn leave(&mut self, id: ClientId, uri: &str) -> bool {
        let Some(subscription) = self.subscriptions.get_mut(uri) else { return false };
        if !subscription.clients.remove(&id) {
            return false;
        }
        if let Some(client) = self.clients.get_mut(&id) {
            client.subscriptions -= 1;
        }
        let is_last = subscription.clients.is_empty();
        if is_last {
            self.subscriptions.remove(uri);
        }
        is_last
    }

    /// A leaf that is not ready is not told; it then speaks of a resource that nobody watches.
    fn withdraw(&mut self, uri: &str) {
        let id = self.fresh_id();
        let params = serde_json::json!({ "uri": uri }).to_string();
        if let Ok(request) = JsonRpcMessage::request(id, method::RESOURCES_UNSUBSCRIBE, params) {
            self.say(request);
        }
    }
}

/// The resource, and all that it may be a part of.
fn wholes(uri: &str) -> impl Iterator<Item = &str> {
    let ends = uri.char_indices().filter(|(_, c)| matches!(c, '/' | '?' | '#'));
    std::iter::once(uri)
        .chain(ends.flat_map(|(at, _)| [&uri[..at], &uri[..=at]]).filter(move |part| *part != uri))
}

fn done(message: &JsonRpcMessage) -> Plan {
    Plan::Answer(message.responder().result("{}").ok().flatten().map_or_else(Reply::empty, Reply::one))
}

fn invalid(message: &JsonRpcMessage) -> Plan {
    Plan::Answer(Reply::refuse(message, Code::INVALID_PARAMS, "A resource's uri is needed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_belongs_to_its_wholes_and_not_to_its_neighbours() {
        let all: Vec<_> = wholes("file:///a/bc").collect();
        assert!(all.contains(&"file:///a/bc") && all.contains(&"file:///a") && all.contains(&"file:///a/"));
        assert!(!all.contains(&"file:///a/b"));
        assert_eq!(wholes("a/").collect::<Vec<_>>(), ["a/", "a"]);
    }
}
