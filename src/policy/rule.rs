//! One rule of a policy.

use std::fmt;
use std::sync::Arc;

use super::{For, Guard, Verdict};
use crate::rules::{Condition, Place, Test, Text};

/// What a rule is about.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Target {
    /// Such tools.
    Tool(Text),
    /// Such prompts.
    Prompt(Text),
    /// Such resources, by URI.
    Resource(Text),
    /// Such methods, of either side.
    Method(Text),
    /// The tools of such Wassette components.
    Component(Text),
}

impl Target {
    pub(super) fn text(&self) -> &Text {
        match self {
            Self::Tool(text)
            | Self::Prompt(text)
            | Self::Resource(text)
            | Self::Method(text)
            | Self::Component(text) => text,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self {
            Self::Tool(_) => "tools",
            Self::Prompt(_) => "prompts",
            Self::Resource(_) => "resources",
            Self::Method(_) => "methods",
            Self::Component(_) => "the tools of components",
        };
        write!(f, "{what} {:?}", self.text())
    }
}

/// Allows something or denies it, to everybody or to some, always or under conditions.
///
/// ```
/// use serde_json::json;
/// use shadowcat::policy::{For, Rule, Target};
/// use shadowcat::rules::{Test, Text};
///
/// let path: shadowcat::Pointer = "/params/arguments/path".parse()?;
/// let rule = Rule::deny("no-keys", Target::Tool(Text::glob("*_file")))
///     .when(path, Test::Text(Text::glob("*/.ssh/*")))
///     .only(For::everybody().principal(Text::glob("guest-*")))
///     .priority(10);
/// assert_eq!(rule.id(), "no-keys");
/// # Ok::<(), shadowcat::message::InvalidPointer>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) id: Arc<str>,
    pub(super) description: Option<Arc<str>>,
    pub(super) verdict: Verdict,
    pub(super) target: Target,
    pub(super) only: For,
    pub(super) conditions: Vec<Condition>,
    pub(super) guards: Vec<Arc<dyn Guard>>,
    pub(super) priority: i32,
    pub(super) dry_run: bool,
}

impl Rule {
    fn new(id: &str, verdict: Verdict, target: Target) -> Self {
        Self {
            id: id.into(),
            description: None,
            verdict,
            target,
            only: For::everybody(),
            conditions: Vec::new(),
            guards: Vec::new(),
            priority: 0,
            dry_run: false,
        }
    }

    /// These may be used. What is allowed is compared exactly, character by character.
    pub fn allow(id: &str, target: Target) -> Self {
        Self::new(id, Verdict::Allow, target)
    }

    /// These may not be used, nor what some peer may take for them: names are compared by what they fold to, without
    /// regard to case, width, invisible characters, and anything behind a NUL. So are all texts of
    /// [`only`](Self::only).
    pub fn deny(id: &str, target: Target) -> Self {
        Self::new(id, Verdict::Deny, target)
    }

    /// For whom it is.
    pub fn only(mut self, whom: For) -> Self {
        self.only = whom;
        self
    }

    /// Only for calls with such a value at a place; `/params/arguments/…` is where the arguments are. Values are
    /// compared exactly, as they decode. All conditions have to hold.
    pub fn when(mut self, place: impl Into<Place>, test: Test) -> Self {
        self.conditions.push(Condition::new(place, test));
        self
    }

    /// Only for calls for which this holds, too.
    pub fn guard(mut self, guard: impl Guard + 'static) -> Self {
        self.guards.push(Arc::new(guard));
        self
    }

    /// Rules of a higher priority come first. Among those of one, what denies comes before what allows; then, the one
    /// that was named first.
    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// It only tells what it would do.
    pub fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }

    /// Why there is such a rule, for logs; never told to a client.
    pub fn describe(mut self, description: &str) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Its name among the others.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Why there is such a rule.
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// What it does.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What it is about.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Whether it only tells what it would do.
    pub fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Whether it depends on what a call says beyond the name.
    pub fn is_conditional(&self) -> bool {
        !(self.conditions.is_empty() && self.guards.is_empty())
    }
}
