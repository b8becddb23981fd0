//! Framing on pipes, heads of HTTP, server-sent events.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../heads/mod.rs"]
mod heads;
#[path = "../support/mod.rs"]
mod support;

mod http_headers;
mod http_headers_laws;
mod http_heads;
mod http_hostile;
mod http_params;
mod http_tools;
mod lines;
mod sse;
mod sse_hostile;
mod sse_laws;
