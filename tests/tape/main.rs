//! Tapes in files of every format, and tools over them.

#![cfg(feature = "tape")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(unix)]
#[path = "../recorded/mod.rs"]
mod recorded;
#[cfg(unix)]
#[path = "../support/mod.rs"]
mod support;
#[path = "../taped/mod.rs"]
mod taped;
#[cfg(unix)]
#[path = "../verified/mod.rs"]
mod verified;

mod compare;
mod components;
mod guarded;
mod import;
mod laws;
mod packed;
mod rotated;
mod sqlite;
mod sqlite_sealed;
mod tape;
mod tools;
mod tools_laws;
