//! Rules: their files, what they match, what they do, and what is told of them before.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../chain/mod.rs"]
mod chain;
#[cfg(all(feature = "http-client", feature = "http-server"))]
#[path = "../faults/mod.rs"]
mod faults;
#[path = "../rewriting/mod.rs"]
mod rewriting;
#[cfg(all(feature = "jsonpath", feature = "regex", feature = "yaml"))]
#[path = "../rule_files/mod.rs"]
mod rule_files;
#[path = "../ruled/mod.rs"]
mod ruled;
#[path = "../support/mod.rs"]
mod support;

mod facts;
mod faults_http;
mod file;
mod file_malformed;
mod laws;
mod layer;
mod proof;
mod proof_laws;
mod reload;
mod rewrite;
mod rewrite_laws;
mod rules;
mod rules_faults;
mod schema;
