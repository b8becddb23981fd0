//! What is allowed: decisions, and what they are made by. Nothing here does anything; layers do.
//!
//! A [`Policy`] has rules about tools, prompts, resources, methods and Wassette's components; `layer::access` asks it
//! about every message, and about every entry of a list.
//!
//! # Which rule decides
//!
//! 1. Rules are asked by priority, the highest first; among those of one priority, **what denies comes before what
//!    allows**; then, as they were given. The first that is meant decides; where none is, the default.
//! 2. **A rule that denies compares folds**: what a peer that ignores case, width, invisible characters or everything
//!    behind a NUL would read. **A rule that allows compares exactly.** A glob or a regular expression that denies is
//!    compared with the name and with its fold, as it stands, and folded (a regular expression: ignoring case).
//! 3. A condition that cannot be told, because there is no tree of the message or no component is known, **denies in a
//!    rule that denies, and does not allow in a rule that allows**.
//! 4. A rule that only tells (dry run) decides nothing; what it would have denied is told.
//! 5. A request is judged as a method, and then by what it names: `tools/call` as a tool, `prompts/get` as a prompt,
//!    `resources/read`, `subscribe` and `unsubscribe` as a resource, `completion/complete` as what it refers to,
//!    `subscriptions/listen` as each resource that it names. Both have to be allowed.
//!
//! # Denied by default
//!
//! Where a policy denies by default, methods that name things are judged by those things. Those that open, keep and
//! close a session (`initialize`, `server/discover`, `ping`, `logging/setLevel`, `subscriptions/listen`, the lists, which
//! are filtered, and MCP's notifications) need no rule; a rule may deny them. All others do: `sampling/createMessage`,
//! `elicitation/create`, `roots/list`, `tasks/…`, and what MCP does not know.
//!
//! # What a rule cannot know
//!
//! URIs and arguments are compared as texts: a server may take `file:///a/../b`, `%62` or another upper case for the same
//! file. Who wants to be sure allows what is known, and denies by default. A client names itself; nothing proves it.
//!
//! # What can be told before
//!
//! [`Policy::problems`] finds rules that contradict each other or themselves, that are never reached, and that have no
//! effect.
//!
//! # Lists
//!
//! A thing is hidden if it is denied with any arguments; whatever a condition decides stays in the list. That is one
//! question to one function: [`Policy::decide`].

mod decision;
mod entry;
mod explain;
#[cfg(feature = "cel")]
mod expression;
mod file;
mod guard;
mod index;
mod judge;
mod pattern;
pub mod pin;
#[allow(clippy::module_inception, reason = "it holds the type of this name")]
mod policy;
mod proof;
mod rule;
mod subject;
mod template;
mod things;
pub mod wassette;
mod who;

pub(crate) use judge::Judged;
pub(crate) use things::{Malformed, check_keys, text};

pub use decision::{Decision, Decisions, Verdict};
pub use explain::{Explanation, Look};
#[cfg(feature = "cel")]
pub use expression::{Expression, InvalidExpression};
pub use file::{Loaded, SCHEMA, check};
pub use guard::{Guard, Question};
pub use policy::{Invalid, Policy};
pub use rule::{Rule, Target};
pub use subject::{Owner, Subject, SubjectKind};
pub use who::{Fact, For, Who};
