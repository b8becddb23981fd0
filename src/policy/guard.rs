//! Conditions of other kinds.

use std::fmt;

use super::{Subject, Who};
use crate::rules::{Seen, Undecided};

/// A condition of another kind than [`Condition`](crate::rules::Condition), such as an expression.
///
/// It is asked for calls only: a list shows what it may allow.
///
/// ```
/// use shadowcat::policy::{Guard, Question, Rule, Target};
/// use shadowcat::rules::{Text, Undecided};
///
/// #[derive(Debug)]
/// struct Small(usize);
///
/// impl Guard for Small {
///     fn holds(&self, question: &Question<'_, '_>) -> Result<bool, Undecided> {
///         Ok(question.seen.message().bytes().len() <= self.0)
///     }
/// }
///
/// let rule = Rule::allow("small", Target::Tool(Text::glob("*"))).guard(Small(4096));
/// assert!(rule.is_conditional());
/// ```
pub trait Guard: fmt::Debug + Send + Sync {
    /// Whether it holds.
    ///
    /// # Errors
    ///
    /// That cannot be told: a rule that denies then does so, one that allows does not.
    fn holds(&self, question: &Question<'_, '_>) -> Result<bool, Undecided>;
}

/// What a [`Guard`] is asked about.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Question<'q, 'm> {
    /// What is to be used.
    pub subject: &'q Subject<'q>,
    /// By whom.
    pub who: &'q Who<'q>,
    /// In which message.
    pub seen: &'q Seen<'m>,
}
