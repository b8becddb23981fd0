//! Rules: which messages, and what becomes of them. Nothing here does anything; `layer::rules` does.
//!
//! # Files
//!
//! `RuleSet::from_yaml`, [`RuleSet::from_json`] and [`RuleSet::from_path`] read files of rules; [`check`] tells all
//! that is wrong with one, and [`SCHEMA`] is for editors. The format is strict: what is not known is an error, with
//! file, line, column and rule, and what to do.
//!
//! ```yaml
//! version: 1                            # may be left out
//! rules:
//!   - id: no-secrets                    # no other rule has it
//!     description: Paths of keys are answered by us
//!     enabled: true
//!     priority: 10                      # higher first; then the narrower scope; then the order in the file
//!     scope: {upstream: files}          # global, or one of upstream, client, principal, component, session
//!     matcher:                          # all of it has to hold
//!       tool: [read_file, {glob: "read_*"}, {regex: "^cat(_.*)?$"}]
//!       where:
//!         - {path: /params/arguments/path, glob: "*/.ssh/*"}
//!       not: {principal: admin}
//!     action: {type: mock, tool_error: There is no such file}
//!
//!   - id: shorter
//!     matcher: {kind: response, tool: search, where: [{path: /result/content, longer_than: 10}]}
//!     capture: {query: {request: /params/arguments/q}}
//!     action:
//!       type: rewrite
//!       rewrite: [{set: /result/content/0/text, value: "Too much was found for {{query}}"}]
//! ```
//!
//! | field of a matcher | holds of |
//! |---|---|
//! | `direction`, `kind` | `client_to_server`, `server_to_client`; `request`, `response`, `notification`; see [`Matcher`] for what follows when they are left out |
//! | `method`, `tool`, `prompt`, `uri`, `session`, `principal`, `upstream`, `client`, `component` | a text as it stands, `{glob: …}`, `{regex: …}` (feature `regex`), or a list of which any may match |
//! | `era` | `legacy` (up to 2025-11-25), `modern` (from 2026-07-28 on) |
//! | `params`, `result`, `error` | what has these members, and perhaps others ([`Test::Like`]) |
//! | `where` | a list of `{path: …}` with one or more of `exists`, `equals`, `one_of`, `like`, `glob`, `regex`, `above`, `at_least`, `below`, `at_most`, `longer_than`, `type`; one value there passes them all |
//! | `all`, `any`, `not` | matchers within it |
//! | `probability`, `nth` | by chance from 0 to 1; the `n`th match, or `{from, every, until}`; in the matcher of a rule only |
//!
//! A path is a JSON Pointer (`/params/arguments/city`) or a JSONPath (`$.result.content[*].text`, feature `jsonpath`),
//! into the whole message. What `capture` keeps by name, templates name: `{{query}}`.
//!
//! | action | fields |
//! |---|---|
//! | `rewrite` | `rewrite`: a list of `{set: PATH, value}`, `{replace: PATH, value}`, `{merge: PATH, value}`, `{remove: PATH}`; `on_error`: `block` or `pass` |
//! | `mock` | one of `response`, `error: {code, message, data}`, `tool_error: TEXT`, `tape: NAME`, `sequence: [of these]`; `then`: `repeat`, `cycle`, `pass` |
//! | `fault` | `fault`: `delay_ms` and `jitter_ms` (at most an hour each), and one of `error: {code, message}`, `timeout: true`, `disconnect: true`, `truncate` and `corrupt` (bytes, at most 16 MiB), `duplicate`, `reorder`, `flood` (at most 10,000) |
//! | `block` | `code`, `message`, `as_tool_error` |
//! | `tag` | `tag: {NAME: VALUE}` |
//! | `pass` (also `pass_through`), `hold` | |
//!
//! A file has at most 8 MiB, 100,000 rules, 2,000,000 values, 64 levels and 1,000 regular expressions; a list inside of
//! a rule has at most 1,000 entries. Keys at the top that begin with `x-` are not read: they are for notes, and for
//! YAML's anchors. A key that stands twice is an error, as are YAML's merge keys and more than one document.
//!
//! What can never match, has no effect, or is never reached is told when the file is loaded: see
//! [`RuleSet::problems`].

mod action;
mod condition;
pub(crate) mod file;
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

pub(crate) use index::merged;
pub(crate) use proof::{cover, exclude, implies};

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
