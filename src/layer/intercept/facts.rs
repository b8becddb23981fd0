//! What is known about a message beside itself.

use std::borrow::Cow;
use std::sync::Arc;

use super::Interception;
use crate::message::{Context, Direction, Kind};
use crate::protocol::{Era, peek};
use crate::rules::Seen;
use crate::session::{Principal, Session};

impl Interception {
    /// The message as a [`Matcher`](crate::rules::Matcher) is asked about it: with its request, session, principal,
    /// server, client and era, as far as they are known. The component of a tool is not known here.
    ///
    /// ```
    /// use shadowcat::layer::intercept::{Action, Chain, Interest, on};
    /// use shadowcat::rules::{Matcher, Text};
    ///
    /// let shells = Matcher::new().tool(Text::glob("*shell*"));
    /// let chain = Chain::new();
    /// chain.add("no-shell", on(Interest::requests().method("tools/call"), move |seen| {
    ///     match shells.matches(&seen.facts()) {
    ///         Ok(false) => Action::Continue,
    ///         _ => Action::Drop,
    ///     }
    /// }))?;
    /// # Ok::<(), shadowcat::layer::intercept::NameTaken>(())
    /// ```
    pub fn facts(&self) -> Seen<'_> {
        let client = match self.client_name() {
            Some(Cow::Borrowed(name)) => Some(name),
            _ => None,
        };
        Seen::new(self.message(), self.direction())
            .request(self.request())
            .session(self.session_id())
            .principal(self.principal().map(Principal::as_str))
            .upstream(self.shared_context().and_then(Context::upstream_name))
            .client(client)
            .era(self.era())
    }

    /// Whose the message is, or its request's, where something said so.
    pub fn principal(&self) -> Option<&Principal> {
        let own = self.message().context().and_then(|context| principal(context));
        own.or_else(|| principal(self.request()?.context()?))
    }

    /// The client's name, as it tells it: in a modern request, or when its session began.
    pub(in crate::layer) fn client_name(&self) -> Option<Cow<'_, str>> {
        let named = |info| peek::text(info, "name").ok().flatten();
        let said = || peek::meta(self.request()?, peek::CLIENT_INFO).ok().flatten().and_then(named);
        said().or_else(|| self.session()?.client_info().and_then(named))
    }

    fn session(&self) -> Option<&Session> {
        self.shared_context()?.shared().get::<Arc<Session>>().map(|session| &**session)
    }

    fn shared_context(&self) -> Option<&Context> {
        self.message().context().or_else(|| self.request()?.context()).map(|context| &**context)
    }

    /// Where no front end says it, a client's request does.
    fn era(&self) -> Option<Era> {
        let told = self.shared_context().and_then(|context| context.shared().get().copied());
        told.or_else(|| {
            let request = self.request().filter(|request| !request.is_session_listen())?;
            let is_clients = match self.direction() {
                Direction::ToUpstream => self.message().kind() != Kind::Response,
                Direction::ToClient => self.message().kind() != Kind::Request,
            };
            is_clients.then(|| peek::settled_era(request)).flatten()
        })
    }
}

/// Of a request that stands alone, or of a session.
fn principal(context: &Context) -> Option<&Principal> {
    let session = || context.shared().get::<Arc<Session>>()?.principal();
    context.shared().get().or_else(session)
}
