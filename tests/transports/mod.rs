//! A client and a server that the test plays itself, with a stack between them on real transports: stdio with a child
//! process, HTTP with a session, HTTP of 2026-07-28.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod case;
mod client;
mod server;
mod world;

pub(crate) use case::{Case, DECISIONS, DELAY, Decision, Fate, SUBJECTS, Subject};
pub(crate) use client::{Client, Stream};
pub(crate) use server::Server;
pub(crate) use world::{Transport, World};
