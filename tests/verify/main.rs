//! Tapes played against servers, and what is found to differ.

#![cfg(feature = "tape")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(all(feature = "stdio", unix))]
#[path = "../process/mod.rs"]
mod process;
#[cfg(all(feature = "stdio", unix))]
#[path = "../recorded/mod.rs"]
mod recorded;
#[path = "../support/mod.rs"]
mod support;
#[path = "../taped/mod.rs"]
mod taped;
#[path = "../verified/mod.rs"]
mod verified;
#[cfg(all(feature = "stdio", unix))]
#[path = "../connector/world.rs"]
mod world;

mod bounds;
mod http;
mod verify;
mod wassette;
