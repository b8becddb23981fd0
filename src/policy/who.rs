//! Who asks.

use std::borrow::Cow;

use super::pattern::{Name, Pattern};
use crate::rules::Text;
use crate::session::Party;

/// Who asks, as far as it is known. What is not known is nobody: no rule for somebody is for them.
///
/// ```
/// use shadowcat::policy::Who;
///
/// let alice = Who::anybody().principal("alice").upstream("files");
/// assert_ne!(alice, Who::anybody());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Who<'a> {
    facts: [Option<Cow<'a, str>>; FACTS],
}

/// As many as there are of [`Fact`].
const FACTS: usize = 4;

macro_rules! facts {
    ($($(#[$doc:meta])* $name:ident = $at:literal;)*) => {
        impl<'a> Who<'a> {
            $($(#[$doc])* pub fn $name(mut self, name: impl Into<Cow<'a, str>>) -> Self {
                self.facts[$at] = Some(name.into());
                self
            })*
        }

        impl For {
            $($(#[$doc])* pub fn $name(mut self, name: Text) -> Self {
                self.0[$at] = Some(name);
                self
            })*
        }
    };
}

facts! {
    /// Who was authenticated.
    principal = 0;
    /// In the session of this name.
    session = 1;
    /// With a client that calls itself so. Nothing proves it.
    client = 2;
    /// Toward the server that the application calls so.
    upstream = 3;
}

impl<'a> Who<'a> {
    /// Nothing is known.
    pub fn anybody() -> Self {
        Self::default()
    }

    /// As far as something left it beside a message.
    pub fn of(party: &Party<'a>) -> Self {
        let mut who = Self::without_client(party);
        who.facts[2] = party.client();
        who
    }

    /// The client's name is in the message, and read where it is needed.
    pub(crate) fn without_client(party: &Party<'a>) -> Self {
        let facts = [party.principal(), party.session_id(), None, party.upstream()];
        Self { facts: facts.map(|fact| fact.map(Cow::from)) }
    }

    /// What is known of one fact.
    pub fn fact(&self, fact: Fact) -> Option<&str> {
        self.facts[fact as usize].as_deref()
    }
}

/// Something that may be known of who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Fact {
    /// Who was authenticated.
    Principal,
    /// The session's name.
    Session,
    /// What the client calls itself.
    Client,
    /// What the application calls the server.
    Upstream,
}

/// Whom a rule is for: all that is said has to hold.
///
/// ```
/// use shadowcat::policy::For;
/// use shadowcat::rules::Text;
///
/// let staff = For::everybody().principal(Text::glob("https://issuer.example#*"));
/// # let _ = staff;
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct For([Option<Text>; FACTS]);

impl For {
    /// Everybody.
    pub fn everybody() -> Self {
        Self::default()
    }

    pub(super) fn is_everybody(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    pub(super) fn names_clients(&self) -> bool {
        self.0[2].is_some()
    }

    pub(super) fn compiled(&self, folds: bool) -> Result<Patterns, super::pattern::TooLarge> {
        let compiled = |text: &Option<Text>| text.as_ref().map(|text| Pattern::new(text, folds)).transpose();
        let [principal, session, client, upstream] = &self.0;
        Ok(Patterns([compiled(principal)?, compiled(session)?, compiled(client)?, compiled(upstream)?]))
    }

    /// What it says: of the principal, the session, the client, the upstream.
    pub(super) fn texts(&self) -> &[Option<Text>; FACTS] {
        &self.0
    }
}

/// The same, ready to be asked.
#[derive(Clone, Debug)]
pub(super) struct Patterns([Option<Pattern>; FACTS]);

impl Patterns {
    pub(super) fn hold(&self, who: &Who<'_>) -> bool {
        self.0.iter().zip(&who.facts).all(|(pattern, fact)| {
            pattern
                .as_ref()
                .is_none_or(|pattern| fact.as_deref().is_some_and(|fact| pattern.matches(&Name::new(fact))))
        })
    }
}
