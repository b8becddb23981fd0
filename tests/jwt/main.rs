//! Bearer tokens at the front end.

#![cfg(feature = "jwt")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../bearer/mod.rs"]
mod bearer;

mod hostile;
mod http;
mod jwt;
mod keys;
