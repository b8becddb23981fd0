//! The vocabulary of Microsoft Wassette, without any I/O.
//!
//! Wassette runs WebAssembly Components as MCP tools. What it says beyond MCP is read here: which [`Dialect`] a
//! version speaks, the [`ManagementTool`]s and their [`Outcome`]s, the [`ComponentMap`] from tools to components, the
//! [`ComponentUri`]s that they come from, what they may do by their [`policy`], and in [`log`] the lines that it prints.

mod component;
mod dialect;
mod host;
mod json;
pub mod log;
mod outcome;
pub mod policy;
mod tool;
mod uri;

pub use component::{Ambiguous, BadComponentId, Component, ComponentId, ComponentMap, Tool};
pub use dialect::{
    Dialect, Endpoint, FixedAddress, Output, Refusal, Transport, UnknownDialect, UnreadableVersion, Version,
};
pub use outcome::{Outcome, OutcomeError, Permission, PermissionKind, PolicyInfo, ToolResult, Wrong};
pub use tool::ManagementTool;
pub use uri::{BadUri, ComponentUri, Scheme, UriParts};
