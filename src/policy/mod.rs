//! What is allowed: decisions, and what they are made by. Nothing here does anything; layers do.

mod decision;

pub use decision::{Decision, Decisions, Verdict};
