//! What calls of tools bring back: results of the tools that manage, and of components' own.

mod content;
mod own;
mod read;

use std::fmt;

use super::{BadComponentId, Component, ComponentId, ManagementTool};
use crate::message::{JsonRpcMessage, ParseError};
use crate::protocol::peek::Unreadable;

pub use own::ToolResult;

/// What a management tool did.
///
/// The forms of all versions are read. A status that no version writes is an error, so that a success is never
/// guessed.
///
/// ```
/// use shadowcat::{JsonRpcMessage, wassette::{ManagementTool, Outcome}};
///
/// let response = JsonRpcMessage::parse(
///     r#"{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"{\"id\":\"fs\",\"status\":\"component loaded\"}"}]}}"#,
/// )?;
/// let Outcome::Loaded { id, .. } = Outcome::read(ManagementTool::LoadComponent, &response)? else { panic!() };
/// assert_eq!(id.as_str(), "fs");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// A component was loaded.
    Loaded {
        /// Which.
        id: ComponentId,
        /// The names of its tools; 0.2 does not tell them.
        tools: Option<Vec<String>>,
        /// It replaced one of the same id; 0.2 does not tell it.
        reloaded: bool,
    },
    /// A component is gone; one that was never there too.
    Unloaded {
        /// Which.
        id: ComponentId,
    },
    /// A permission was granted.
    Granted(Permission),
    /// A permission was taken back.
    Revoked(Permission),
    /// All permissions of a component were taken back.
    Reset {
        /// Whose.
        component: ComponentId,
    },
    /// A component has no policy: it may do nothing.
    NoPolicy {
        /// Which.
        component: ComponentId,
    },
    /// A component has a policy.
    Policy(PolicyInfo),
    /// The loaded components.
    Components(Vec<Component>),
    /// Components that could be loaded: the answer of `search-components`, raw JSON, whose form changes between
    /// versions.
    Known(String),
    /// It did not work; the text says why, without `Error: `.
    Failed(String),
}

/// A permission as a grant or a revocation names it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Permission {
    /// Whose.
    pub component: ComponentId,
    /// To do what.
    pub kind: PermissionKind,
    /// The URI, host or variable; empty where the details name none.
    pub subject: String,
    /// The details, raw JSON; empty where later versions give none when files are taken back.
    pub details: String,
}

/// What a permission is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PermissionKind {
    /// Files.
    Storage,
    /// Hosts.
    Network,
    /// Environment variables.
    Environment,
    /// The most memory; a later grant takes the place of an earlier one.
    Memory,
}

/// Where the policy of a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyInfo {
    /// Whose.
    pub component: ComponentId,
    /// Its id.
    pub policy_id: String,
    /// Where it came from.
    pub source_uri: String,
    /// Where it is, on the machine that runs Wassette.
    pub local_path: String,
    /// When the file was made, in seconds since 1970.
    pub created_at: u64,
}

impl Outcome {
    /// Reads the response to a `tools/call` of `tool`. A JSON-RPC error is a failure too.
    ///
    /// # Errors
    ///
    /// The message is no response, or not of the form that Wassette writes.
    pub fn read(tool: ManagementTool, response: &JsonRpcMessage) -> Result<Self, OutcomeError> {
        match content::of(response)? {
            content::Content::Failed(text) => Ok(Self::Failed(read::reason(text))),
            content::Content::Text(text) => read::outcome(tool, &text),
        }
    }
}

/// A response that is not of the form that Wassette writes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutcomeError {
    /// The message is no response.
    #[error("the message is no response")]
    NotAResponse,
    /// The text of the result is not the JSON that it should be.
    #[error("the result's text: {0}")]
    Json(ParseError),
    /// A member is missing, stands twice or has another type.
    #[error("`{member}`: {why}")]
    Member {
        /// Which.
        member: &'static str,
        /// What is wrong with it.
        why: Wrong,
    },
    /// The tool ended with a status that is not its own.
    #[error("{tool} ended with the unknown status {status:?}")]
    Status {
        /// The tool's name.
        tool: &'static str,
        /// Its status.
        status: String,
    },
    /// A component's id that is none.
    #[error(transparent)]
    Id(#[from] BadComponentId),
}

/// What is wrong with a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wrong {
    /// It is not there.
    Missing,
    /// It stands twice, has another type or holds a lone surrogate.
    Unreadable(Unreadable),
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("is missing"),
            Self::Unreadable(why) => why.fmt(f),
        }
    }
}
