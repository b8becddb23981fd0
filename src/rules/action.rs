//! What a rule does.

use std::time::Duration;

use serde_json::Value;

use super::Place;
use crate::message::Code;

/// What becomes of the messages that a rule is for.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// Changes it, and goes on to the next rule.
    Rewrite(Rewrite),
    /// Answers it in the server's place.
    Mock(Mock),
    /// Makes something go wrong.
    Fault(Fault),
    /// Refuses it.
    Block(Block),
    /// Lets it go on, past all other rules.
    Pass,
    /// Holds it until someone decides; then on to the next rule.
    Hold,
    /// Leaves a name and a value for layers, logs and interceptors that come later, and goes on to the next rule.
    Tag(Vec<(String, String)>),
}

/// Changes of a message, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Rewrite {
    /// In this order.
    pub steps: Vec<Step>,
    /// What becomes of a message that cannot be changed so.
    pub otherwise: Otherwise,
}

/// One change of a message.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Step {
    /// Puts a value there, whether or not one stands there; the place's parent has to be there.
    Set(Place, Template),
    /// Puts a value in the place of the one that stands there; where none stands, nothing is done.
    Replace(Place, Template),
    /// Takes away what stands there, if anything does.
    Remove(Place),
    /// Merges a value into what stands there, by JSON Merge Patch (RFC 7396).
    Merge(Place, Template),
}

/// What becomes of a message that a rule fails on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "fail closed or open")]
pub enum Otherwise {
    /// It is blocked.
    #[default]
    Block,
    /// It goes on as it was.
    Pass,
}

/// A JSON value with places in its texts for what a rule captured: `{{city}}`.
///
/// A text that is nothing but one place becomes the captured value, whatever its type; within a longer text, a
/// captured text stands as it is, anything else as JSON. `{{{{` is `{{`.
#[derive(Clone, Debug, PartialEq)]
pub struct Template(pub(super) Value);

impl From<Value> for Template {
    fn from(value: Value) -> Self {
        Self(value)
    }
}

/// Answers in the server's place.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Mock {
    /// One answer after the other.
    pub answers: Vec<Answer>,
    /// And after the last.
    pub then: Then,
}

/// An answer in the server's place.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// With this result.
    Result(Template),
    /// With this error.
    Error {
        /// The code.
        code: Code,
        /// The message.
        message: String,
        /// More about it.
        data: Option<Template>,
    },
    /// With a tool's result that says it failed, with this text.
    ToolError(String),
    /// With what the tape of this name holds for it; see the layer, which is given the tapes.
    Tape(String),
}

/// What follows the last answer of a sequence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Then {
    /// The last one again.
    #[default]
    Repeat,
    /// The first one again.
    Cycle,
    /// The server itself answers.
    Pass,
}

/// Something that goes wrong.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Fault {
    /// The message comes later.
    pub delay: Duration,
    /// And up to so much later still, by chance.
    pub jitter: Duration,
    /// And then this happens.
    pub failure: Option<Failure>,
}

/// How something goes wrong. The layer's documentation says what each peer sees of it, on which transport.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Failure {
    /// An error comes instead.
    Error {
        /// The code.
        code: Code,
        /// The message.
        message: String,
    },
    /// Nothing comes, ever.
    Timeout,
    /// The connection breaks instead.
    Disconnect,
    /// Only so many bytes of it come.
    Truncate(usize),
    /// So many of its bytes are others.
    Corrupt(usize),
    /// It comes so many times more.
    Duplicate(usize),
    /// So many notifications are collected and come in another order.
    Reorder(usize),
    /// So many copies of it come before it.
    Flood(usize),
}

/// How a message is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Block {
    /// The error's code.
    pub code: Code,
    /// Its message.
    pub message: String,
    /// A `tools/call` is answered by a result that says it failed, in place of the error.
    pub as_tool_error: bool,
}

impl Block {
    /// With an error.
    pub fn new(code: Code, message: &str) -> Self {
        Self { code, message: message.to_owned(), as_tool_error: false }
    }
}
