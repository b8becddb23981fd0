//! Child processes as servers: how they start, end, misbehave, and what they may touch.

#![cfg(all(feature = "stdio", unix))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../process/mod.rs"]
mod process;

mod bad_servers;
mod child;
mod limits_cgroup;
mod sandbox;
