//! Who has which server: one for all, one for each session, one from a pool.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../support/made.rs"]
mod made;
#[path = "../support/many.rs"]
mod many;
#[path = "../support/sessions.rs"]
mod sessions;
#[path = "../support/supervised.rs"]
mod supervised;
#[path = "../support/mod.rs"]
mod support;

mod per_session;
mod per_session_ends;
mod pool;
mod pool_failures;
mod pool_laws;
mod shared;
mod shared_attribution;
mod shared_bounds;
mod shared_handshake;
mod shared_late;
mod shared_notices;
mod shared_questions;
