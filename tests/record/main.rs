//! Recorders and their layer: what they put on a tape, and what they do at their bounds.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(all(feature = "secret", feature = "tape"))]
#[path = "../process/corpus.rs"]
mod corpus;
#[cfg(all(feature = "http-client", feature = "http-server", feature = "tape"))]
#[path = "../faults/mod.rs"]
mod faults;
#[cfg(all(feature = "http", feature = "tape"))]
#[path = "../front/mod.rs"]
mod front;
#[cfg(feature = "tape")]
#[path = "../recorded/mod.rs"]
mod recorded;
#[path = "../support/supervised.rs"]
mod supervised;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tape")]
#[path = "../taped/mod.rs"]
mod taped;
#[cfg(feature = "tape")]
#[path = "../verified/mod.rs"]
mod verified;

mod bounds;
mod copies;
mod record;
mod record_faults;
mod sessions;
mod synthetic;
mod synthetic_owners;
