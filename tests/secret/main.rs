//! Secrets: what is taken for one, and that it is stripped.

#![cfg(feature = "secret")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../process/corpus.rs"]
mod corpus;
#[path = "../keys/mod.rs"]
mod keys;
#[path = "../support/mod.rs"]
mod support;

mod rules;
mod secret;
mod strip;
mod strip_hostile;
mod strip_laws;
mod strip_layer;
