//! What is allowed: decisions, and what they are made by. Nothing here does anything; layers do.

mod decision;
pub mod wassette;

pub use decision::{Decision, Decisions, Verdict};
