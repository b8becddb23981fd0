//! Leaves that answer from a tape.

#![cfg(feature = "tape")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(all(feature = "http", feature = "stdio", unix))]
#[path = "../front/mod.rs"]
mod front;
#[cfg(all(feature = "http", feature = "stdio", unix))]
#[path = "../replayed/over_sse.rs"]
mod over_sse;
#[cfg(all(feature = "stdio", unix))]
#[path = "../process/mod.rs"]
mod process;
#[path = "../replayed/mod.rs"]
mod replayed;
#[path = "../support/mod.rs"]
mod support;
#[path = "../taped/mod.rs"]
mod taped;
#[path = "../verified/mod.rs"]
mod verified;

mod clients;
mod laws;
mod masked;
mod opened;
mod partial;
mod replay;
mod sessions;
