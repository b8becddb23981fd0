//! What is known of Wassette without running it: dialects, logs, outcomes, policies, URIs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod components;
mod dialect;
mod outcome;
mod policy;
mod policy_laws;
mod readable;
mod uri;
mod yaml;
