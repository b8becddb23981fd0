//! What is known about a message beside itself.

use std::borrow::Cow;

use super::Interception;
use crate::message::{Direction, Kind};
use crate::protocol::{Era, peek};
use crate::rules::Seen;
use crate::session::{Party, Principal};

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
        let party = self.party();
        let client = match party.client() {
            Some(Cow::Borrowed(name)) => Some(name),
            _ => None,
        };
        Seen::new(self.message(), self.direction())
            .request(self.request())
            .session(self.session_id())
            .principal(party.principal())
            .upstream(party.upstream())
            .client(client)
            .era(self.era())
    }

    /// Whose the message is, or its request's, where something said so.
    pub fn principal(&self) -> Option<&Principal> {
        self.party().identity()
    }

    /// The client's name, as it tells it: in a modern request, or when its session began.
    pub(in crate::layer) fn client_name(&self) -> Option<Cow<'_, str>> {
        self.party().client()
    }

    fn party(&self) -> Party<'_> {
        Party::of(self.message(), self.request())
    }

    /// Where no front end says it, a client's request does.
    fn era(&self) -> Option<Era> {
        self.party().era().or_else(|| {
            let request = self.request().filter(|request| !request.is_session_listen())?;
            let is_clients = match self.direction() {
                Direction::ToUpstream => self.message().kind() != Kind::Response,
                Direction::ToClient => self.message().kind() != Kind::Request,
            };
            is_clients.then(|| peek::settled_era(request)).flatten()
        })
    }
}
