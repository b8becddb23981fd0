//! Who watches which resource (2025-11-25 server/resources: subscriptions).

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;
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
/// Bytes of their names.
const PER_CLIENT_BYTES: usize = 1 << 20;

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
        let bytes = client.subscribed_bytes + uri.len();
        if is_new && (client.subscriptions >= PER_CLIENT || bytes > PER_CLIENT_BYTES) {
            return Plan::Answer(Reply::refuse(&message, Code::INTERNAL_ERROR, "Too many subscriptions"));
        }
        if is_new {
            client.subscriptions += 1;
            client.subscribed_bytes = bytes;
        }
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
        let watched = wholes(&self.subscriptions, &uri);
        let clients: HashSet<_> = watched.flat_map(|(_, watched)| watched.clients.iter().copied()).collect();
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
            client.subscribed_bytes -= uri.len();
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
            self.say(request.synthetic());
        }
    }
}

/// Those of the known resources that this one is, or may be a part of: the longest first. Its own length is walked
/// once for each, and once for each neighbour on the way.
fn wholes<'a, T>(known: &'a BTreeMap<Arc<str>, T>, uri: &'a str) -> impl Iterator<Item = (&'a str, &'a T)> {
    let mut left = Some(uri);
    let beginnings = std::iter::from_fn(move || {
        loop {
            let up_to = (Bound::Unbounded, Bound::Included(left?));
            let (last, found) = known.range::<str, _>(up_to).next_back()?;
            let shared = common(last, uri);
            if shared.len() == last.len() {
                left = last.chars().next_back().map(|c| &uri[..last.len() - c.len_utf8()]);
                return Some((shared, found));
            }
            left = Some(shared); // no longer beginning of it can be known
        }
    });
    beginnings.filter(move |(whole, _)| is_part(uri, whole))
}

/// How `text` and `other` begin alike; a part of `text`.
fn common<'a>(other: &str, text: &'a str) -> &'a str {
    let alike = text.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
    let border = (0..=alike).rev().find(|at| text.is_char_boundary(*at));
    &text[..border.unwrap_or(0)]
}

/// Whether the `whole`, with which `uri` begins, ends where a part of it may begin.
fn is_part(uri: &str, whole: &str) -> bool {
    let is_border = |c| matches!(c, '/' | '?' | '#');
    uri.len() == whole.len() || whole.ends_with(is_border) || uri[whole.len()..].starts_with(is_border)
}

fn done(message: &JsonRpcMessage) -> Plan {
    Plan::Answer(Reply::made_up(message, "{}"))
}

fn invalid(message: &JsonRpcMessage) -> Plan {
    Plan::Answer(Reply::refuse(message, Code::INVALID_PARAMS, "A resource's uri is needed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wholes_of<'a>(known: &BTreeMap<Arc<str>, ()>, uri: &'a str) -> Vec<&'a str> {
        wholes(known, uri).map(|(whole, _)| &uri[..whole.len()]).collect()
    }

    #[test]
    fn a_part_belongs_to_its_wholes_and_not_to_its_neighbours() {
        let known = ["", "a", "a/", "a/b", "a/bc", "a/b?x", "a/bd", "a/ä", "a/ö", "b"];
        let known = known.map(|uri| (Arc::from(uri), ())).into();
        assert_eq!(wholes_of(&known, "a/bc"), ["a/bc", "a/", "a"]);
        assert_eq!(wholes_of(&known, "a/b/c"), ["a/b", "a/", "a"]);
        assert_eq!(wholes_of(&known, "a/ë"), ["a/", "a"]);
        assert_eq!(wholes_of(&known, "/"), [""]);
        assert!(wholes_of(&known, "c").is_empty());
    }

    #[test]
    fn a_long_name_takes_no_long_time() {
        let known = (0..1024).map(|at| (Arc::from("/".repeat(at)), ())).collect();
        let uri = "/".repeat(1 << 20);
        assert_eq!(wholes_of(&known, &uri).len(), 1024);
    }
}
