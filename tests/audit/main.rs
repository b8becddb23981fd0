//! The audit log: its file, its layer, and odd messages that it only looks at.

#![cfg(all(feature = "audit", unix))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../audited/mod.rs"]
mod audited;
#[cfg(feature = "http")]
#[path = "../front/mod.rs"]
mod front;
#[path = "../support/mod.rs"]
mod support;

mod layer;
mod log;
mod transparent;
