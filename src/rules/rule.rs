//! One rule.

use super::{Action, Matcher, Place, Text};

/// Which messages, and what becomes of them.
///
/// ```
/// use shadowcat::rules::{Action, Matcher, Rule, Text};
///
/// let rule = Rule::new("free", Matcher::new().method(Text::exact("ping")), Action::Pass).priority(10);
/// assert_eq!(rule.id(), "free");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub(super) id: String,
    pub(super) description: Option<String>,
    pub(super) priority: i32,
    pub(super) scope: Scope,
    pub(super) matcher: Matcher,
    pub(super) captures: Vec<Capture>,
    pub(super) occurrences: Occurrences,
    pub(super) action: Action,
}

/// Where a rule is in force. Among rules of one priority, the narrower comes first.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Scope {
    /// Everywhere.
    #[default]
    Global,
    /// Toward such a server, as the application names it.
    Upstream(Text),
    /// For such a client, as it names itself.
    Client(Text),
    /// For such a principal.
    Principal(Text),
    /// For the tools of such a Wassette component.
    Component(Text),
    /// In such a session.
    Session(Text),
}

/// A value of a message, kept by name for the templates of a rule.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Capture {
    pub(super) name: String,
    pub(super) place: Place,
    /// Of the request that a response answers.
    pub(super) of_request: bool,
}

/// Which of the messages that its matcher matches a rule is for: those from the `from`th to the `until`th, every
/// `every`th of them, and of these so many by chance. The first is the 1st.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Occurrences {
    pub(super) from: u64,
    pub(super) every: u64,
    pub(super) until: Option<u64>,
    pub(super) chance: f64,
}

impl Default for Occurrences {
    fn default() -> Self {
        Self { from: 1, every: 1, until: None, chance: 1.0 }
    }
}

impl Rule {
    /// A rule in force everywhere, of priority 0.
    pub fn new(id: &str, matcher: Matcher, action: Action) -> Self {
        Self {
            id: id.into(),
            description: None,
            priority: 0,
            scope: Scope::Global,
            matcher,
            captures: Vec::new(),
            occurrences: Occurrences::default(),
            action,
        }
    }

    /// What it is for, in words.
    pub fn describe(mut self, description: &str) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Rules of a higher priority come first. Among those of one, the narrower scope comes first; then, the one that
    /// was named first.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// It is in force only there.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Keeps what stands at a place of the message by this name, for templates.
    pub fn capture(mut self, name: &str, place: impl Into<Place>) -> Self {
        self.captures.push(Capture { name: name.into(), place: place.into(), of_request: false });
        self
    }

    /// Keeps what stands at a place of the request, while the message is its response.
    pub fn capture_of_request(mut self, name: &str, place: impl Into<Place>) -> Self {
        self.captures.push(Capture { name: name.into(), place: place.into(), of_request: true });
        self
    }

    /// Only for the `n`th message that its matcher matches; the first is the 1st.
    pub fn only(self, n: u64) -> Self {
        self.from(n).until(n)
    }

    /// Only from the `n`th message on.
    pub fn from(mut self, n: u64) -> Self {
        self.occurrences.from = n.max(1);
        self
    }

    /// Only up to the `n`th message, that one included.
    pub fn until(mut self, n: u64) -> Self {
        self.occurrences.until = Some(n);
        self
    }

    /// Only for every `n`th message.
    pub fn every(mut self, n: u64) -> Self {
        self.occurrences.every = n.max(1);
        self
    }

    /// Only so often, by chance: never at 0, always at 1.
    pub fn chance(mut self, chance: f64) -> Self {
        self.occurrences.chance = chance;
        self
    }

    /// Its name among the others.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What it is for, in words.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What it does.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// Whom it is for.
    pub fn matcher(&self) -> &Matcher {
        &self.matcher
    }
}

impl Rule {
    pub(super) fn asks_for_client(&self) -> bool {
        matches!(self.scope, Scope::Client(_)) || self.matcher.says(|matcher| matcher.client.is_some())
    }

    /// In a template, too.
    pub(super) fn asks_for_component(&self) -> bool {
        matches!(self.scope, Scope::Component(_))
            || self.matcher.says(|matcher| matcher.component.is_some())
            || matches!(self.action, Action::Rewrite(_) | Action::Mock(_))
    }
}

impl Scope {
    /// The narrower, the higher.
    pub(super) fn narrowness(&self) -> u8 {
        match self {
            Self::Global => 0,
            Self::Upstream(_) => 1,
            Self::Client(_) => 2,
            Self::Principal(_) => 3,
            Self::Component(_) => 4,
            Self::Session(_) => 5,
        }
    }

    pub(super) fn holds(&self, seen: &super::Seen<'_>) -> bool {
        let (text, fact) = match self {
            Self::Global => return true,
            Self::Upstream(text) => (text, seen.upstream),
            Self::Client(text) => (text, seen.client),
            Self::Principal(text) => (text, seen.principal),
            Self::Component(text) => (text, seen.component),
            Self::Session(text) => (text, seen.session),
        };
        fact.is_some_and(|fact| text.matches(fact))
    }
}

impl Occurrences {
    /// Whether the `n`th match is one of them. What happens by chance is the same at each run with the same `seed`.
    pub(super) fn take(&self, n: u64, seed: u64) -> bool {
        let counted = n >= self.from
            && self.until.is_none_or(|until| n <= until)
            && (n - self.from).is_multiple_of(self.every);
        counted
            && (self.chance >= 1.0
                || fastrand::Rng::with_seed(seed ^ n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).f64() < self.chance)
    }
}
