//! Who may call what: policies and their files, pinned tools, quotas, guarded components.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../process/corpus.rs"]
mod corpus;
#[path = "../guarded/mod.rs"]
mod guarded;
#[path = "../support/mod.rs"]
mod support;

mod access;
mod component_guard;
mod hostile;
mod laws;
mod pin;
mod pin_lock;
mod policy_expression;
mod policy_files;
mod policy_reload;
mod quota;
