//! What MCP says, without any I/O: revisions and eras, names of methods and headers, and lazy reads inside
//! `params` and `result`.

pub mod header;
pub mod method;
pub mod peek;
mod version;

pub use version::{Era, ProtocolVersion, UnknownVersion};
