//! Bytes to messages and back.

pub mod http;
pub mod lines;
pub mod sse;
