use std::fmt;

use crate::message::Code;
use crate::wassette::policy::Excess;
use crate::wassette::{BadComponentId, BadUri};

/// Why a call of a tool that manages is refused. Its text repeats nothing but what the call itself asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The tool is not allowed, or its name looks like that of one that is not. The client is told that there is no
    /// such tool.
    NotAllowed,
    /// The arguments are not understood: where, and why.
    Arguments(String),
    /// The URI is none that a component can have.
    Uri(BadUri),
    /// The id is none that a component can have.
    Id(BadComponentId),
    /// No source takes the URI.
    NoSource,
    /// A source takes the URI, but only with a digest.
    NotPinned,
    /// The digest is none that a source has.
    OtherDigest,
    /// The file cannot be read, or is too large, so that its digest is not known.
    UnreadableFile,
    /// The grant asks for more than the ceiling holds: this.
    Exceeds(Vec<Excess>),
}

impl Refusal {
    /// With which code the client is answered.
    pub fn code(&self) -> Code {
        Code::INVALID_PARAMS
    }

    /// Why, without anything that the call says: for logs.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NotAllowed => "the tool is not allowed",
            Self::Arguments(_) => "the arguments are not understood",
            Self::Uri(_) => "the component's URI is not understood",
            Self::Id(_) => "the component's id is not understood",
            Self::NoSource => "components may not be loaded from there",
            Self::NotPinned => "the component is not pinned by a digest",
            Self::OtherDigest => "the component has another digest than it may have",
            Self::UnreadableFile => "the component's file cannot be checked",
            Self::Exceeds(_) => "the grant exceeds what may be granted",
        }
    }

    /// What the client is told of the call of `tool`.
    pub fn told(&self, tool: &str) -> String {
        match self {
            Self::NotAllowed => format!("Unknown tool: {tool}"),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.reason())?;
        match self {
            Self::Arguments(why) => write!(f, ": {why}"),
            Self::Uri(why) => write!(f, ": {why}"),
            Self::Id(why) => write!(f, ": {why}"),
            Self::Exceeds(excess) => excess
                .iter()
                .enumerate()
                .try_for_each(|(at, excess)| write!(f, "{}{excess}", if at > 0 { ", " } else { ": " })),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Refusal {}
