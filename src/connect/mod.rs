//! Leaves: where a stack ends and a server begins.

#[cfg(all(feature = "stdio", unix))]
pub mod child;
mod farewell;
#[cfg(feature = "http")]
pub mod http;
mod leaf;
pub mod multiplex;
pub mod per_session;
pub mod pool;
mod rename;
#[cfg(feature = "tape")]
pub mod replay;
pub mod shared;
pub mod supervise;
pub mod wassette;

#[cfg(all(feature = "stdio", unix))]
pub use child::{Child, Command};
#[cfg(all(feature = "limits", unix))]
pub use child::{Enforced, Enforcement, Limits};
#[cfg(all(feature = "landlock", unix))]
pub use child::{Sandbox, SandboxState};
pub use farewell::Farewell;
#[cfg(feature = "http")]
pub use http::Http;
pub use leaf::{Exit, Leaf, MakeLeaf};
pub use multiplex::{Multiplex, Options, pipe};
pub use per_session::PerSession;
pub use pool::{Pool, Pooled};
#[cfg(feature = "tape")]
pub use replay::Replay;
pub use shared::Shared;
pub use supervise::{Supervised, Supervisor};
pub use wassette::Wassette;
