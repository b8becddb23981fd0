//! The handle: which rules are in force.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::clients::Clients;
use super::stats::{Counts, add};
use super::{Options, Stats};
use crate::error::BoxError;
use crate::rules::{Action, Answer, Problems, RuleSet};
use crate::wire::fault::Tally;

/// The rules in force; cheap to clone, all clones are one. See the [module](super).
#[derive(Clone)]
pub struct Rules(pub(super) Arc<Shared>);

pub(super) struct Shared {
    current: Mutex<Arc<RuleSet>>,
    pub(super) options: Options,
    pub(super) clients: Clients,
    pub(super) counts: Counts,
    pub(super) tally: Arc<Tally>,
    status: watch::Sender<Status>,
}

/// How the last change of rules went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Sets that came into force after the first.
    pub reloads: u64,
    /// What is wrong with the set that came last, and is not in force; none, if it is.
    pub problem: Option<Arc<str>>,
}

/// A set of rules that cannot be in force: it needs what the application did not give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The rule of this id holds messages, and nobody is there to decide.
    #[error("rule {0:?} holds messages, and nobody is there to decide: see `Options::holds`")]
    NoHolds(String),
    /// The rule of this id answers from a tape, and there are none.
    #[error("rule {0:?} answers from a tape, and there are none: see `Options::tapes`")]
    NoTapes(String),
}

impl Rules {
    /// With this set, and default [`Options`].
    ///
    /// # Errors
    ///
    /// A rule needs what only options give.
    pub fn new(set: RuleSet) -> Result<Self, Refused> {
        Self::with_options(set, Options::new())
    }

    /// With this set.
    ///
    /// # Errors
    ///
    /// A rule needs what the options do not give.
    pub fn with_options(set: RuleSet, options: Options) -> Result<Self, Refused> {
        check(&set, &options)?;
        Ok(Self(Arc::new(Shared {
            current: Mutex::new(Arc::new(set)),
            options,
            clients: Clients::default(),
            counts: Counts::default(),
            tally: Arc::default(),
            status: watch::channel(Status::default()).0,
        })))
    }

    /// The set that is in force, with its counts.
    pub fn current(&self) -> Arc<RuleSet> {
        self.0.current.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another set in force, at once and whole; returns the one before. What is under way meets the rest of
    /// its set. Occurrences are counted anew.
    ///
    /// # Errors
    ///
    /// A rule needs what the options do not give. The set before is still in force.
    pub fn replace(&self, set: RuleSet) -> Result<Arc<RuleSet>, Refused> {
        check(&set, &self.0.options).inspect_err(|refused| self.refuse(&refused.to_string()))?;
        let set = Arc::new(set);
        let mut current = self.0.current.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *current, set);
        drop(current);
        add(&self.0.counts.reloads);
        self.0.status.send_modify(|status| (status.reloads, status.problem) = (status.reloads + 1, None));
        Ok(before)
    }

    /// Reads a file and puts its rules in force; returns what is doubtful about them. It blocks, as reading a file does.
    ///
    /// # Errors
    ///
    /// As [`reload`](Self::reload); that something is wrong with the file is told by
    /// [`Problems`](crate::rules::Problems).
    pub fn reload_from(&self, path: impl AsRef<Path>) -> Result<Problems, BoxError> {
        let mut warnings = Problems::default();
        self.reload(|| {
            let loaded = RuleSet::from_path(path)?;
            warnings = loaded.warnings;
            Ok::<_, Problems>(loaded.rules)
        })?;
        warnings.iter().for_each(|problem| tracing::warn!(%problem, "a rule is doubtful"));
        Ok(warnings)
    }

    /// Reads another set and puts it in force.
    ///
    /// ```
    /// use shadowcat::layer::rules::Rules;
    /// use shadowcat::rules::{IdTaken, RuleSet};
    ///
    /// let rules = Rules::new(RuleSet::new([])?)?;
    /// assert!(rules.reload(|| Err(IdTaken("a".into()))).is_err());
    /// assert_eq!(rules.status().borrow().problem.as_deref(), Some("two rules are called \"a\""));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It could not be read, or a rule needs what the options do not give. The set before is still in force, and
    /// the [status](Self::status) says why.
    pub fn reload<E: Into<BoxError>>(
        &self,
        read: impl FnOnce() -> Result<RuleSet, E>,
    ) -> Result<(), BoxError> {
        let set = read().map_err(Into::into).inspect_err(|error| self.refuse(&error.to_string()))?;
        self.replace(set)?;
        tracing::info!(rules = self.current().rules().len(), "other rules are in force");
        Ok(())
    }

    fn refuse(&self, problem: &str) {
        tracing::error!(problem, "the rules are not in force; those before still are");
        add(&self.0.counts.refused);
        self.0.status.send_modify(|status| status.problem = Some(problem.into()));
    }

    /// How the last change went, now and from now on.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.0.status.subscribe()
    }

    /// What the rules did.
    pub fn stats(&self) -> Stats {
        let tally = &self.0.tally;
        Stats { damaged: tally.done(), unharmed: tally.unharmed(), ..self.0.counts.read() }
    }

    pub(super) fn clients(&self) -> &Clients {
        &self.0.clients
    }

    /// The component that a tool is of.
    pub(super) fn owner_of(&self, tool: &str) -> Option<String> {
        self.0.options.owner.as_ref()?(tool)
    }

    /// Asked without a copy of the handle to the set.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&RuleSet) -> T) -> T {
        question(&self.0.current.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Whether there is all that the rules need.
fn check(set: &RuleSet, options: &Options) -> Result<(), Refused> {
    set.rules().try_for_each(|rule| match rule.action() {
        Action::Hold if options.holds.is_none() => Err(Refused::NoHolds(rule.id().to_owned())),
        Action::Mock(mock) if options.tapes.is_none() => {
            let is_tape = |answer: &Answer| matches!(answer, Answer::Tape(_));
            if mock.answers.iter().any(is_tape) {
                Err(Refused::NoTapes(rule.id().to_owned()))
            } else {
                Ok(())
            }
        }
        _ => Ok(()),
    })
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules")
            .field("current", &self.current())
            .field("options", &self.0.options)
            .finish_non_exhaustive()
    }
}
