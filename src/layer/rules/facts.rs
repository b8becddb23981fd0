//! What is known about a message beside itself.

use std::borrow::Cow;
use std::sync::Arc;

use super::Rules;
use crate::layer::intercept::Interception;
use crate::message::{Direction, Kind};
use crate::protocol::{Era, method, peek};
use crate::rules::{RuleSet, Seen};
use crate::session::{Principal, Session};

/// What is known about a message beside itself.
pub(super) struct Facts<'a> {
    seen: &'a Interception,
    principal: Option<&'a Principal>,
    upstream: Option<&'a str>,
    client: Option<Cow<'a, str>>,
    component: Option<String>,
    era: Option<Era>,
}

impl<'a> Facts<'a> {
    /// What costs something is looked for only where a rule asks for it.
    pub(super) fn of(seen: &'a Interception, rules: &Rules, set: &RuleSet) -> Self {
        let context = seen.message().context().or_else(|| seen.request()?.context());
        let shared = context.map(|context| context.shared());
        let session = shared.and_then(|shared| shared.get::<Arc<Session>>());
        let own: Option<&Principal> = shared.and_then(|shared| shared.get());
        Self {
            seen,
            principal: own.or_else(|| session?.principal()),
            upstream: context.and_then(|context| context.upstream_name()),
            client: if set.asks_for_clients() { client(seen, session, rules) } else { None },
            component: if set.asks_for_components() { component(seen, rules) } else { None },
            era: shared.and_then(|shared| shared.get().copied()).or_else(|| era(seen)),
        }
    }

    pub(super) fn seen(&self) -> Seen<'_> {
        Seen::new(self.seen.message(), self.seen.direction())
            .request(self.seen.request())
            .session(self.seen.session_id())
            .principal(self.principal.map(Principal::as_str))
            .upstream(self.upstream)
            .client(self.client.as_deref())
            .component(self.component.as_deref())
            .era(self.era)
    }
}

/// A modern request says it; else the session that keeps what `initialize` said, or what we saw of that.
fn client<'a>(
    seen: &'a Interception,
    session: Option<&'a Arc<Session>>,
    rules: &Rules,
) -> Option<Cow<'a, str>> {
    let named = |info: &'a [u8]| peek::text(info, "name").ok().flatten();
    let said = || peek::meta(seen.request()?, peek::CLIENT_INFO).ok().flatten().and_then(named);
    let kept = || session.and_then(|session| session.client_info()).and_then(named);
    said().or_else(kept).or_else(|| rules.clients().get(seen.session_id()).map(Cow::Owned))
}

fn component(seen: &Interception, rules: &Rules) -> Option<String> {
    rules.owner_of(&seen.tool().ok()??)
}

/// Where no front end says it: a client's request does.
fn era(seen: &Interception) -> Option<Era> {
    let request = seen.request().filter(|request| !request.is_session_listen())?;
    let asked_by_client = seen.direction() == Direction::ToUpstream || seen.message().kind() != Kind::Request;
    let is_question = seen.direction() == Direction::ToUpstream && seen.message().kind() == Kind::Response;
    (asked_by_client && !is_question).then(|| peek::settled_era(request)).flatten()
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
