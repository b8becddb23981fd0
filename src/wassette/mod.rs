//! The vocabulary of Microsoft Wassette, without any I/O.
//!
//! Wassette runs WebAssembly Components as MCP tools. What it says beyond MCP is read here: [`log`] reads the
//! lines that it prints.

pub mod log;
