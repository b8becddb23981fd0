//! Which messages a rule is for.

use super::condition::{Condition, Test};
use super::seen::{Seen, Undecided};
use super::{Place, Text};
use crate::message::{Direction, Kind, Pointer};
use crate::protocol::{Era, method};

/// Which messages a rule is for: all that is said has to hold.
///
/// Where neither direction nor kind is said, they follow from the rest: with a condition on the result or the error it
/// is the response, with a notification's method the notification, else the request. A request goes upstream unless
/// its method is one that servers call.
///
/// ```
/// use shadowcat::{Direction, JsonRpcMessage};
/// use shadowcat::rules::{Matcher, Seen, Text};
///
/// let weather = Matcher::new().method(Text::exact("tools/call")).tool(Text::glob("get_*"));
/// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"get_weather"}"#)?;
/// assert!(weather.matches(&Seen::new(&call, Direction::ToUpstream))?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matcher {
    pub(super) direction: Option<Direction>,
    pub(super) kind: Option<Kind>,
    pub(super) method: Option<Text>,
    pub(super) name: Option<(Named, Text)>,
    pub(super) session: Option<Text>,
    pub(super) principal: Option<Text>,
    pub(super) upstream: Option<Text>,
    pub(super) client: Option<Text>,
    pub(super) component: Option<Text>,
    pub(super) era: Option<Era>,
    pub(super) conditions: Vec<Condition>,
    pub(super) all: Vec<Matcher>,
    pub(super) any: Option<Vec<Matcher>>,
    pub(super) not: Vec<Matcher>,
}

/// What the name of a message is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Tool,
    Prompt,
    Resource,
}

impl Named {
    pub(super) fn is_of(self, method: Option<&str>) -> bool {
        method.is_some_and(|method| match self {
            Self::Tool => method == method::TOOLS_CALL,
            Self::Prompt => method == method::PROMPTS_GET,
            Self::Resource => method.trim_start_matches("notifications/").starts_with("resources/"),
        })
    }

    /// The only method with such a name, where there is only one.
    pub(super) fn method(self) -> Option<&'static str> {
        match self {
            Self::Tool => Some(method::TOOLS_CALL),
            Self::Prompt => Some(method::PROMPTS_GET),
            Self::Resource => None,
        }
    }
}

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident)*) => {
        $($(#[$doc])* pub fn $name(mut self, $name: Text) -> Self {
            self.$name = Some($name);
            self
        })*
    };
}

impl Matcher {
    /// Every request of a client.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only what goes this way.
    pub fn direction(mut self, direction: Direction) -> Self {
        self.direction = Some(direction);
        self
    }

    /// Only messages of this kind.
    pub fn kind(mut self, kind: Kind) -> Self {
        self.kind = Some(kind);
        self
    }

    texts! {
        /// Of such a method; a response has its request's.
        method
        /// In such a session.
        session
        /// From such a principal.
        principal
        /// To or from such a server, as the application names it.
        upstream
        /// To or from such a client, as it names itself.
        client
        /// Of a tool of such a Wassette component.
        component
    }

    /// A call of such a tool, or its response.
    pub fn tool(mut self, name: Text) -> Self {
        self.name = Some((Named::Tool, name));
        self
    }

    /// For such a prompt, or the prompt.
    pub fn prompt(mut self, name: Text) -> Self {
        self.name = Some((Named::Prompt, name));
        self
    }

    /// About such a resource.
    pub fn uri(mut self, uri: Text) -> Self {
        self.name = Some((Named::Resource, uri));
        self
    }

    /// In this era of the protocol.
    pub fn era(mut self, era: Era) -> Self {
        self.era = Some(era);
        self
    }

    /// With such a value at a place.
    pub fn when(mut self, place: impl Into<Place>, test: Test) -> Self {
        self.conditions.push(Condition::new(place, test));
        self
    }

    /// With parameters [like](Test::Like) these.
    pub fn params(self, like: serde_json::Value) -> Self {
        self.when(Pointer::root().join("params"), Test::Like(like))
    }

    /// With a result like this.
    pub fn result(self, like: serde_json::Value) -> Self {
        self.when(Pointer::root().join("result"), Test::Like(like))
    }

    /// With an error like this.
    pub fn error(self, like: serde_json::Value) -> Self {
        self.when(Pointer::root().join("error"), Test::Like(like))
    }

    /// And this, too.
    pub fn all(mut self, matcher: Self) -> Self {
        self.all.push(matcher);
        self
    }

    /// And any of these; of none, nothing.
    pub fn any(mut self, matchers: impl IntoIterator<Item = Self>) -> Self {
        self.any.get_or_insert_default().extend(matchers);
        self
    }

    /// And not this.
    pub fn not(mut self, matcher: Self) -> Self {
        self.not.push(matcher);
        self
    }

    /// Whether a rule with this matcher is for the message. What is said of no fact that is known does not hold.
    ///
    /// # Errors
    ///
    /// It cannot be told; see [`Undecided`].
    pub fn matches(&self, seen: &Seen<'_>) -> Result<bool, Undecided> {
        let phase = self.phase();
        let right_phase = phase.0.is_none_or(|direction| direction == seen.direction())
            && phase.1.is_none_or(|kind| kind == seen.message().kind());
        Ok(right_phase && self.holds(seen)?)
    }

    /// Cheap things first; a tree of the message is made only where something inside decides.
    pub(super) fn holds(&self, seen: &Seen<'_>) -> Result<bool, Undecided> {
        let own_phase = self.direction.is_none_or(|direction| direction == seen.direction())
            && self.kind.is_none_or(|kind| kind == seen.message().kind());
        Ok(own_phase
            && self.facts_hold(seen)
            && self.name_holds(seen)?
            && self.conditions_hold(seen)?
            && self.parts_hold(seen)?)
    }

    fn facts_hold(&self, seen: &Seen<'_>) -> bool {
        let is = |text: &Option<Text>, fact: Option<&str>| {
            text.as_ref().is_none_or(|text| fact.is_some_and(|fact| text.matches(fact)))
        };
        is(&self.method, seen.method())
            && is(&self.session, seen.session)
            && is(&self.principal, seen.principal)
            && is(&self.upstream, seen.upstream)
            && is(&self.client, seen.client)
            && is(&self.component, seen.component)
            && self.era.is_none_or(|era| seen.era == Some(era))
    }

    fn name_holds(&self, seen: &Seen<'_>) -> Result<bool, Undecided> {
        let Some((named, text)) = &self.name else { return Ok(true) };
        Ok(named.is_of(seen.method()) && seen.name()?.is_some_and(|name| text.matches(name)))
    }

    fn conditions_hold(&self, seen: &Seen<'_>) -> Result<bool, Undecided> {
        if self.conditions.is_empty() {
            return Ok(true);
        }
        let document = seen.document()?;
        Ok(self.conditions.iter().all(|condition| condition.holds(document)))
    }

    fn parts_hold(&self, seen: &Seen<'_>) -> Result<bool, Undecided> {
        for part in &self.all {
            if !part.holds(seen)? {
                return Ok(false);
            }
        }
        for part in &self.not {
            if part.holds(seen)? {
                return Ok(false);
            }
        }
        let Some(any) = &self.any else { return Ok(true) };
        for part in any {
            if part.holds(seen)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
