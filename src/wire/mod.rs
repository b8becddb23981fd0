//! Bytes to messages and back.

pub mod fault;
pub mod http;
pub mod lines;
pub mod sse;
