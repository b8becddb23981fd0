//! Rules: which messages, and what becomes of them. Nothing here does anything; `layer::rules` does.

mod action;
mod condition;
mod file;
mod index;
mod matcher;
mod mock;
mod phase;
mod place;
mod problem;
mod proof;
mod rewrite;
mod rule;
mod seen;
mod set;
mod template;
mod text;

pub use action::{Action, Answer, Block, Failure, Fault, Mock, Otherwise, Rewrite, Step, Template, Then};
pub use condition::{Condition, Test, Type};
pub use file::{Loaded, SCHEMA, check};
pub use matcher::Matcher;
#[cfg(feature = "jsonpath")]
pub use place::InvalidPath;
pub use place::Place;
pub use problem::{Location, Problem, ProblemKind, Problems};
pub use rewrite::NotRewritten;
pub use rule::{Rule, Scope};
pub use seen::{Seen, Undecided};
pub use set::{Counts, IdTaken, Matched, Position, RuleSet};
pub use template::{Unfilled, Values};
#[cfg(feature = "regex")]
pub use text::InvalidRegex;
pub use text::Text;
