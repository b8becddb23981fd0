//! What MCP says, without any I/O: revisions and eras, names of methods and headers, and lazy reads inside
//! `params` and `result`.

mod declared;
pub mod header;
pub mod method;
pub mod peek;
mod version;

pub(crate) use declared::Declared;
pub use version::{Era, ProtocolVersion, UnknownVersion};
