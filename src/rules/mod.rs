//! Rules: which messages, and what becomes of them. Nothing here does anything; `layer::rules` does.

mod action;
mod condition;
mod index;
mod matcher;
mod phase;
mod place;
mod rule;
mod seen;
mod set;
mod text;

pub use action::{Action, Answer, Block, Failure, Fault, Mock, Otherwise, Rewrite, Step, Template, Then};
pub use condition::{Condition, Test, Type};
pub use matcher::Matcher;
#[cfg(feature = "jsonpath")]
pub use place::InvalidPath;
pub use place::Place;
pub use rule::{Rule, Scope};
pub use seen::{Seen, Undecided};
pub use set::{Counts, IdTaken, Matched, Position, RuleSet};
#[cfg(feature = "regex")]
pub use text::InvalidRegex;
pub use text::Text;
