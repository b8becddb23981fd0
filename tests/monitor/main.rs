//! What a monitor says of processes and of their logs.

#![cfg(all(feature = "monitor", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../process/mod.rs"]
mod process;

mod invocations;
mod log;
mod metrics;
mod monitor;
