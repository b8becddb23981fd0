//! The front end on HTTP.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../front/mod.rs"]
mod front;
#[path = "../support/mod.rs"]
mod support;

mod batches;
mod bounds;
mod budget;
mod ends;
mod leave;
mod polling;
mod resume;
mod serve_http;
mod server;
mod sse;
mod stateless;
mod storm;
mod turns;
mod wire;
