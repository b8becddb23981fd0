//! The stdio front end, and what is the same on every front end.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(feature = "http")]
#[path = "../front/mod.rs"]
mod front;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "http")]
#[path = "../support/upstream.rs"]
mod upstream;

mod batches;
mod bounds;
mod failures;
mod order;
mod questions;
mod serve;
mod server_batches;
mod turns;
