//! What is allowed: decisions, and what they are made by. Nothing here does anything; layers do.

mod decision;
pub mod pin;

pub use decision::{Decision, Decisions, Verdict};
