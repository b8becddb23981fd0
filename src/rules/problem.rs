//! What is wrong with rules.

use std::fmt;
use std::sync::Arc;

/// Something that is wrong with a rule, or with a file of rules, and what to do about it.
///
/// ```
/// use shadowcat::rules::RuleSet;
///
/// let text = r#"{"rules":[{"id":"x","matcher":{},"action":{"type":"rewritte"}}]}"#;
/// let problems = RuleSet::from_json("rules.json", text).expect_err("no action is called so");
/// assert_eq!(
///     problems.to_string(),
///     "rules.json:1:51: rule \"x\": unknown action \"rewritte\"; did you mean \"rewrite\"?"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// What kind of thing is wrong; it decides whether this is an error or a warning.
    pub kind: ProblemKind,
    /// The name of the file.
    pub file: Option<Arc<str>>,
    /// Where in the file.
    pub at: Option<Location>,
    /// The rule's id.
    pub rule: Option<Arc<str>>,
    /// What is wrong, and what to do.
    pub what: String,
}

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// The file cannot be read, or is not in the format. An error.
    Malformed,
    /// A mistake inside the rule: there is no message that it could be for. An error.
    NeverMatches,
    /// A mistake inside the rule: what it does has no effect, or makes no sense for its messages. An error.
    Senseless,
    /// A rule that comes earlier takes every message that this one is for. A warning: both may be right.
    Shadowed,
    /// It may be meant, but does not look so. A warning.
    Doubtful,
}

/// A place in a file; both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a place has these two")]
pub struct Location {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// All that is wrong with a file or a set, in the order of the file: the first hundred, and how many more there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    list: Vec<Problem>,
    errors: usize,
    left_out: usize,
}

/// So many problems are kept.
const MAX_PROBLEMS: usize = 100;

impl Problem {
    /// Whether it is an error; else it is a warning.
    pub fn is_error(&self) -> bool {
        !matches!(self.kind, ProblemKind::Shadowed | ProblemKind::Doubtful)
    }
}

impl Problems {
    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those that were kept.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.list.iter()
    }

    /// How many there are beyond those that were kept.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    pub(crate) fn errors(&self) -> usize {
        self.errors
    }

    /// Errors are kept in the place of warnings where there are too many.
    pub(crate) fn push(&mut self, problem: Problem) {
        let is_error = problem.is_error();
        self.errors += usize::from(is_error);
        if self.list.len() < MAX_PROBLEMS {
            return self.list.push(problem);
        }
        self.left_out += 1;
        if let Some(warning) = self.list.iter().rposition(|kept| is_error && !kept.is_error()) {
            self.list.remove(warning);
            self.list.push(problem);
        }
    }

    pub(crate) fn sort(&mut self) {
        self.list.sort_by_key(|problem| problem.at);
    }
}

impl<'a> IntoIterator for &'a Problems {
    type Item = &'a Problem;
    type IntoIter = std::slice::Iter<'a, Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:")?;
        }
        if let Some(Location { line, column }) = self.at {
            write!(f, "{line}:{column}:")?;
        }
        if self.file.is_some() || self.at.is_some() {
            f.write_str(" ")?;
        }
        if !self.is_error() {
            f.write_str("warning: ")?;
        }
        if let Some(rule) = &self.rule {
            write!(f, "rule {rule:?}: ")?;
        }
        f.write_str(&self.what)
    }
}

impl fmt::Display for Problems {
    /// One in a line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.list.iter().enumerate() {
            let line_break = if at > 0 { "\n" } else { "" };
            write!(f, "{line_break}{problem}")?;
        }
        match self.left_out {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Problems {}
