//! Messages and replies: how they are read, changed and answered.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../scan/generate.rs"]
mod generate;
#[path = "../support/mod.rs"]
mod support;

mod edit;
mod message;
mod peek;
mod pointer;
mod reply;
mod scan;
