//! Front ends: where a stack starts.

mod dispatch;
#[cfg(feature = "http")]
pub mod http;
pub mod stdio;

#[cfg(feature = "http")]
pub use self::http::{Http, http};
pub use stdio::{Stdio, stdio};
