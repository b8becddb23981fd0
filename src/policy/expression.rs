//! Conditions in the Common Expression Language.

mod bounds;
mod value;

use std::fmt;

use cel::{Context, Program, Value};

use super::{Fact, Guard, Question};
use crate::message::JsonRpcMessage;
use crate::rules::Undecided;

/// The condition of a rule in the [Common Expression Language](https://cel.dev), CEL.
///
/// | variable | is |
/// |---|---|
/// | `kind`, `name` | what is to be used: `"tool"`, `"prompt"`, `"resource"` or `"method"`, and its name or URI |
/// | `method` | the message's method |
/// | `args` | the arguments of a `tools/call` or a `prompts/get`; `{}` if there are none |
/// | `principal`, `session`, `client`, `upstream` | who asks, and of whom; not there if that is not known |
///
/// There are CEL's operators, `has`, `all`, `exists`, `exists_one`, `map` and `filter`, and the functions `size`,
/// `contains`, `startsWith`, `endsWith`, `int`, `uint`, `double`, `string`, `bool`, `type`, `min` and `max`. There are
/// no regular expressions: a rule's other conditions have them. What stands in the arguments has the type that it has
/// in JSON: an integer is an `int`, and never equal to a text.
///
/// **An expression that fails**, because a member is missing, types do not fit or a variable is not known, denies in a
/// rule that denies, and does not allow in a rule that allows: write `has(args.path) && …`. So does one that is no
/// truth value.
///
/// **What it costs is bounded.** An expression has at most 1,024 characters, 16 brackets within each other and 16 levels (a
/// row of `&&` is one); no
/// `all`, `exists`, `map` … stands inside of another. Arguments of more than 64 KiB or 1,024 values are not looked at:
/// it fails. So it always ends, after some millions of steps at worst.
///
/// ```
/// use shadowcat::JsonRpcMessage;
/// use shadowcat::policy::{Expression, Policy, Rule, Subject, Target, Verdict, Who};
/// use shadowcat::rules::{Seen, Text};
///
/// let inside = Expression::new("args.path.startsWith('/data/') && !args.path.contains('..')")?;
/// let policy = Policy::deny_by_default([Rule::allow("data", Target::Tool(Text::exact("read"))).guard(inside)])?;
/// let may = |path: &str| {
///     let params = format!(r#"{{"name":"read","arguments":{{"path":"{path}"}}}}"#);
///     let call = JsonRpcMessage::request(1, "tools/call", &params).unwrap();
///     let seen = Seen::new(&call, shadowcat::Direction::ToUpstream);
///     policy.decide(&Subject::tool("read"), &Who::anybody(), Some(&seen)).verdict()
/// };
/// assert_eq!(may("/data/a"), Verdict::Allow);
/// assert_eq!(may("/data/../etc"), Verdict::Deny);
///
/// let error = Expression::new("arguments.path == '/data'").unwrap_err();
/// assert_eq!(error.to_string(), "there is no variable \"arguments\", at line 1, column 1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Why CEL
///
/// Cedar was the other choice; both were looked at in November 2026. Cedar proves more: it has a schema, types that are
/// checked before anything runs, and no loops at all. But `cedar-policy` 4.14 needs Rust 1.89, which is more than this
/// crate does, and brings some 125 crates; `cel` 0.15 needs 1.86 and brings some 30, both counted without default
/// features. And Cedar is a language for whole policies: its `permit` and `forbid` have a precedence of their own, which
/// would stand beside that of the rules here, and could not decide about a list and a call alike. CEL is a language for
/// conditions. What it lacks is made up for here: names, functions and kinds of result are checked when an expression
/// is read, and its cost is bounded as said.
pub struct Expression {
    text: Box<str>,
    program: Program,
}

/// A text that is no condition: why, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}, at line {line}, column {column}")]
#[non_exhaustive]
pub struct InvalidExpression {
    /// What is wrong.
    pub what: String,
    /// In which line of the expression, counted from 1.
    pub line: usize,
    /// In which column, counted from 1.
    pub column: usize,
}

/// What an expression may ask for beside what is to be used.
const WHO: [(&str, Fact); 4] = [
    ("principal", Fact::Principal),
    ("session", Fact::Session),
    ("client", Fact::Client),
    ("upstream", Fact::Upstream),
];

impl Expression {
    /// Reads an expression, and checks all that can be told before it is asked.
    ///
    /// # Errors
    ///
    /// It is none, is too large, asks for what there is not, or is surely no truth value.
    pub fn new(text: &str) -> Result<Self, InvalidExpression> {
        bounds::text(text)?;
        let program = bounds::compiled(text)?;
        bounds::program(&program)?;
        Ok(Self { text: text.into(), program })
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl Guard for Expression {
    fn holds(&self, question: &Question<'_, '_>) -> Result<bool, Undecided> {
        let message = question.seen.message();
        let mut context = Context::default();
        let mut put = |name: &str, text: &str| context.add_variable_from_value(name, text.to_owned());
        put("kind", &question.subject.kind().to_string());
        put("name", question.subject.name());
        put("method", message.method().unwrap_or_default());
        for (name, fact) in WHO {
            if let Some(known) = question.who.fact(fact) {
                put(name, known);
            }
        }
        context.add_variable_from_value("args", arguments(message)?);
        match self.program.execute(&context) {
            Ok(Value::Bool(holds)) => Ok(holds),
            // The error holds values of the message.
            _ => Err(Undecided),
        }
    }
}

/// An empty map where there are none.
fn arguments(message: &JsonRpcMessage) -> Result<Value, Undecided> {
    let params = message.params().unwrap_or_default();
    match crate::protocol::peek::member(params, "arguments").map_err(|_| Undecided)? {
        Some(json) => value::read(json).ok_or(Undecided),
        None => value::read(b"{}").ok_or(Undecided),
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expression({:?})", self.text)
    }
}
