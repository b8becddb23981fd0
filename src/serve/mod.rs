//! Front ends: where a stack starts.

mod dispatch;
pub mod stdio;

pub use stdio::{Stdio, stdio};
