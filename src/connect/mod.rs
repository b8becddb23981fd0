//! Leaves: where a stack ends and a server begins.

#[cfg(all(feature = "stdio", unix))]
pub mod child;
mod leaf;
pub mod multiplex;
pub mod per_session;
pub mod pool;
mod rename;
pub mod shared;

#[cfg(all(feature = "stdio", unix))]
pub use child::{Child, Command};
pub use leaf::{Exit, Leaf, MakeLeaf};
pub use multiplex::{Multiplex, Options, pipe};
pub use per_session::PerSession;
pub use pool::{Pool, Pooled};
pub use shared::Shared;
