//! JSON Schemas of strangers, and checking by them at a cost that is known before.

mod compiled;
mod plan;

pub(crate) use compiled::{Compiled, MAX_SCHEMA};
pub(crate) use plan::Unusable;
