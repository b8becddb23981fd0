//! What nobody in a chain is interested in, found without asking each.

use std::collections::BTreeMap;

use super::interest::bit;
use super::link::Link;
use crate::message::{Direction, JsonRpcMessage, Kind};

/// Directions and kinds that somebody may be shown, as bits.
#[derive(Default)]
pub(super) struct Index {
    any: u8,
    /// Whatever the method.
    all_methods: u8,
    methods: BTreeMap<Box<[u8]>, u8>,
}

impl Index {
    pub(super) fn of(links: &[Link]) -> Self {
        let mut index = Self::default();
        for link in links {
            let bits = link.interest.bits();
            index.any |= bits;
            if link.interest.methods().is_empty() {
                index.all_methods |= bits;
            }
            for method in link.interest.methods() {
                *index.methods.entry(method.as_bytes().into()).or_default() |= bits;
            }
        }
        index
    }

    /// False where nobody can want to see such a message.
    ///
    /// A response has the method of its request.
    pub(super) fn may_take(
        &self,
        direction: Direction,
        message: &JsonRpcMessage,
        request: Option<&JsonRpcMessage>,
    ) -> bool {
        let bit = bit(direction, message.kind());
        if self.any & bit == 0 || self.all_methods & bit != 0 {
            return self.any & bit != 0;
        }
        let method = message.method_bytes().or_else(|| request?.method_bytes());
        method.and_then(|method| self.methods.get(method)).is_some_and(|bits| bits & bit != 0)
    }

    /// False where nobody can want to see anything that goes to the client.
    pub(super) fn may_take_replies(&self) -> bool {
        let kinds = [Kind::Request, Kind::Notification, Kind::Response];
        kinds.into_iter().any(|kind| self.any & bit(Direction::ToClient, kind) != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layer::intercept::{Action, Interest, on};

    /// Of each kind that can have it, with the request that a response answers.
    fn messages(method: Option<&str>) -> Vec<(JsonRpcMessage, Option<JsonRpcMessage>)> {
        let response = JsonRpcMessage::response(1, "{}").unwrap();
        let Some(method) = method else { return vec![(response, None)] };
        let request = JsonRpcMessage::request(1, method, "").unwrap();
        let notification = JsonRpcMessage::notification(method, "").unwrap();
        vec![(response, Some(request.clone())), (request, None), (notification, None)]
    }

    #[test]
    fn what_somebody_takes_is_found_and_what_nobody_can_take_is_not() {
        let interests = [
            Interest::requests().method("a").method("b"),
            Interest::responses().method("b"),
            Interest::everything().kind(Kind::Notification),
        ];
        for shown in 0..8 {
            let chosen: Vec<_> =
                (0..3).filter(|at| shown & (1 << at) != 0).map(|at| &interests[at]).collect();
            let link = |interest: &&Interest| Link::new("x", on((*interest).clone(), |_| Action::Continue));
            let index = Index::of(&chosen.iter().map(link).collect::<Vec<_>>());
            for direction in [Direction::ToUpstream, Direction::ToClient] {
                for method in [None, Some("a"), Some("b"), Some("c")] {
                    for (message, request) in messages(method) {
                        let kind = message.kind();
                        let taken = chosen.iter().any(|interest| interest.takes(direction, kind, method));
                        assert_eq!(index.may_take(direction, &message, request.as_ref()), taken);
                    }
                }
            }
            assert_eq!(index.may_take_replies(), shown & 6 != 0);
        }
    }
}
