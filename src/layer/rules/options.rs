//! What rules need from the application.

use std::fmt;
use std::sync::Arc;

use super::Components;
use crate::layer::hold::Holds;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;
use crate::rules::Otherwise;

type Tapes = Arc<dyn Fn(&str, &JsonRpcMessage) -> Option<Reply> + Send + Sync>;
type Owner = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What rules need from the application.
///
/// ```
/// use shadowcat::layer::hold::{self, Holds};
/// use shadowcat::layer::rules::{Options, Rules};
/// use shadowcat::rules::{Action, Matcher, Rule, RuleSet, Text};
///
/// let rm = Rule::new("rm", Matcher::new().tool(Text::exact("rm")), Action::Hold);
/// assert!(Rules::new(RuleSet::new([rm.clone()])?).is_err(), "nobody is there to decide");
///
/// let holds = Holds::new(hold::Options::new());
/// let rules = Rules::with_options(RuleSet::new([rm])?, Options::new().holds(&holds))?;
/// # drop(rules);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Options {
    pub(super) holds: Option<Holds>,
    pub(super) tapes: Option<Tapes>,
    pub(super) owner: Option<Owner>,
    pub(super) components: Option<Components>,
    pub(super) undecided: Otherwise,
}

impl Options {
    /// Nobody to decide about what is held, no tapes, no components; what is undecided is blocked.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where messages are held, by their rules' ids in the place of a breakpoint's name.
    pub fn holds(mut self, holds: &Holds) -> Self {
        self.holds = Some(holds.clone());
        self
    }

    /// What the tape of a name holds for a message; its ids are put right. It must not wait.
    pub fn tapes(
        mut self,
        find: impl Fn(&str, &JsonRpcMessage) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        self.tapes = Some(Arc::new(find));
        self
    }

    /// Which Wassette component a tool is of. It must not wait.
    pub fn owner(mut self, of: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        self.owner = Some(Arc::new(of));
        self
    }

    /// The same, learned from what passes by: a [`RulesLayer`](super::RulesLayer) keeps them up to date; in a chain
    /// of your own they come before the rules.
    pub fn components(mut self, components: &Components) -> Self {
        self.components = Some(components.clone());
        let components = components.clone();
        self.owner(move |tool| components.owner(tool))
    }

    /// What becomes of a message of which cannot be told whether a rule is meant for it.
    pub fn undecided(mut self, otherwise: Otherwise) -> Self {
        self.undecided = otherwise;
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("holds", &self.holds.is_some())
            .field("tapes", &self.tapes.is_some())
            .field("owner", &self.owner.is_some())
            .field("undecided", &self.undecided)
            .finish_non_exhaustive()
    }
}
