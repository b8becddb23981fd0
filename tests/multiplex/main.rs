//! Many calls over one pipe.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod bounds;
mod ends;
mod ids;
mod multiplex;
mod questions;
