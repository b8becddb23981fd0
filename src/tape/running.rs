//! Calls that are not over, by what messages name them by.

use std::collections::{BTreeSet, HashMap};

use crate::message::{JsonRpcMessage, OwnedId};
use crate::protocol::peek;

/// Calls that are not over. However many there are, one is found without looking at the others: a tape may hold as many
/// as it has lines.
#[derive(Debug, Default)]
pub(crate) struct Running {
    ids: HashMap<OwnedId, usize>,
    tokens: HashMap<OwnedId, BTreeSet<usize>>,
    /// Those that are no listens.
    calls: BTreeSet<usize>,
    /// What each is found by.
    names: HashMap<usize, Names>,
}

#[derive(Debug)]
struct Names {
    id: OwnedId,
    token: Option<OwnedId>,
}

impl Running {
    /// A call begins. One that had the same id is not found any more.
    pub(crate) fn begin(&mut self, call: usize, request: &JsonRpcMessage) {
        let Some(id) = request.owned_id() else { return };
        if let Some(other) = self.by_id(&id) {
            self.end(other);
        }
        let token = peek::progress_token(request).ok().flatten().map(|token| token.to_owned());
        if let Some(token) = &token {
            self.tokens.entry(token.clone()).or_default().insert(call);
        }
        if !request.is_listen() {
            self.calls.insert(call);
        }
        self.ids.insert(id.clone(), call);
        self.names.insert(call, Names { id, token });
    }

    /// A call is over.
    pub(crate) fn end(&mut self, call: usize) {
        let Some(Names { id, token }) = self.names.remove(&call) else { return };
        self.ids.remove(&id);
        self.calls.remove(&call);
        let Some(token) = token else { return };
        if let Some(calls) = self.tokens.get_mut(&token) {
            calls.remove(&call);
            if calls.is_empty() {
                self.tokens.remove(&token);
            }
        }
    }

    pub(crate) fn by_id(&self, id: &OwnedId) -> Option<usize> {
        self.ids.get(id).copied()
    }

    /// By its progress token: the first that has it.
    pub(crate) fn by_token(&self, token: &OwnedId) -> Option<usize> {
        self.tokens.get(token)?.first().copied()
    }

    /// The only one that is no listen.
    pub(crate) fn only(&self) -> Option<usize> {
        self.calls.first().copied().filter(|_| self.calls.len() == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(id: &str, token: &str) -> JsonRpcMessage {
        JsonRpcMessage::request(id, "x/y", format!(r#"{{"_meta":{{"progressToken":"{token}"}}}}"#)).unwrap()
    }

    #[test]
    fn a_call_is_found_until_it_is_over_or_another_has_its_id() {
        let mut running = Running::default();
        running.begin(0, &request("a", "t"));
        assert_eq!(running.only(), Some(0));
        running.begin(1, &request("b", "t"));
        assert_eq!((running.by_token(&"t".into()), running.only()), (Some(0), None));
        running.begin(2, &request("a", "u"));
        assert_eq!((running.by_id(&"a".into()), running.by_token(&"t".into())), (Some(2), Some(1)));
        running.end(0);
        running.end(1);
        running.end(1);
        assert_eq!((running.by_id(&"b".into()), running.by_token(&"t".into())), (None, None));
        assert_eq!((running.by_id(&"a".into()), running.only()), (Some(2), Some(2)));
    }

    #[test]
    fn a_listen_is_no_call_that_anything_could_be_said_in() {
        let mut running = Running::default();
        running.begin(0, &JsonRpcMessage::request(1, "subscriptions/listen", "{}").unwrap());
        assert_eq!((running.by_id(&1.into()), running.only()), (Some(0), None));
    }
}
