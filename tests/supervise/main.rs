//! Leaves that are watched and made again.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/supervised.rs"]
mod supervised;
#[path = "../support/mod.rs"]
mod support;

mod ends;
mod races;
mod session;
mod supervise;
