//! What only the rules know about a message beside itself.

use std::borrow::Cow;

use super::Rules;
use crate::layer::intercept::Interception;
use crate::message::{Direction, Kind};
use crate::protocol::{method, peek};
use crate::rules::{RuleSet, Seen};

/// What only the rules know: the names of clients whose session no front end keeps, and the components of tools.
pub(super) struct Facts<'a> {
    seen: &'a Interception,
    client: Option<Cow<'a, str>>,
    component: Option<String>,
}

impl<'a> Facts<'a> {
    /// What costs something is looked for only where a rule asks for it.
    pub(super) fn of(seen: &'a Interception, rules: &Rules, set: &RuleSet) -> Self {
        let client = || seen.client_name().or_else(|| rules.clients().get(seen.session_id()).map(Cow::Owned));
        let component = || rules.owner_of(&seen.tool().ok()??);
        Self {
            seen,
            client: set.asks_for_clients().then(client).flatten(),
            component: set.asks_for_components().then(component).flatten(),
        }
    }

    pub(super) fn seen(&self) -> Seen<'_> {
        self.seen.facts().client(self.client.as_deref()).component(self.component.as_deref())
    }
}

/// Takes note of a client's name.
pub(super) fn note(seen: &Interception, rules: &Rules) {
    let message = seen.message();
    if seen.direction() == Direction::ToUpstream
        && message.kind() == Kind::Request
        && message.is_method(method::INITIALIZE)
        && let Some(info) = peek::member(message.params().unwrap_or_default(), "clientInfo").ok().flatten()
        && let Some(name) = peek::text(info, "name").ok().flatten()
    {
        rules.clients().set(seen.session_id(), &name);
    }
}
