//! The vocabulary of Microsoft Wassette, without any I/O.
//!
//! Wassette runs WebAssembly Components as MCP tools. What it says beyond MCP is read here: which [`Dialect`] a
//! version speaks, and in [`log`] the lines that it prints.

mod dialect;
pub mod log;

pub use dialect::{
    Dialect, Endpoint, FixedAddress, Output, Refusal, Transport, UnknownDialect, UnreadableVersion, Version,
};
