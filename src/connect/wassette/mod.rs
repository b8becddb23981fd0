//! A leaf for Microsoft Wassette, which survives what its versions do.
//!
//! `Wassette::stdio` finds the binary, learns which [dialect](crate::wassette::Dialect) it speaks, and owns the
//! process: [supervised](super::supervise), with health checks on and the client's session opened again on a new
//! process. `Wassette::serve` does the same for one that serves HTTP, and `Wassette::attach` takes one that serves
//! HTTP already. [`Wassette::over`] takes any other leaf that reaches one.
//!
//! # On a pipe
//!
//! An old Wassette (0.2 to 0.6) stops listening for good at the first message that it cannot parse. So the connector
//! keeps from it:
//!
//! - requests whose method it does not know, answered with −32601, `server/discover` among them; and known methods
//!   with params that it cannot read, answered with −32602;
//! - requests outside a session, answered with −32600, or with `{}` for `ping`: a question between the answer to
//!   `initialize` and `notifications/initialized` ends it;
//! - notifications and answers that it cannot read, which are dropped;
//! - `prompts/list` and `resources/list` in 0.2.0, which fail whatever their params are: the answer is an empty list;
//! - `load-component` of a file in its own component directory, which versions before 0.5 empty: the answer is an error.
//!   The directory is known where `Wassette::stdio` started it;
//! - the cancellation that a client sends of a call under way: one of the connector's own, without a reason, takes its
//!   place.
//!
//! What was kept from it is [counted](Wassette::kept). What shares a read with an unknown notification waits in it; each
//! message has its own write.
//!
//! It mangles ids beyond 2³²−1, and 0.2 lets a component write to its stdout, where it could answer in its name. So it
//! sees [random ids](super::Options::random_ids) of the connector's own. Notifications can still be forged there.
//!
//! # Over HTTP
//!
//! The transport is the dialect's: HTTP+SSE at `/sse` for 0.2, Streamable HTTP at `/mcp` for later ones. `Host` is
//! what the address says, never what a client sent to a front end; 0.5 and later refuse any that is not their own.
//!
//! What an old version cannot parse is refused there, with a status, and it listens on: nothing is kept from it for
//! that. The rest is as on a pipe: requests outside a session, which end the session; the lists that 0.2.0 fails to
//! give; `load-component` of a file of its own directory, where that is known; ids, which are small ones of the
//! connector's own as far as the dialect [mangles](crate::wassette::Dialect::mangles_ids) others.
//!
//! Wassette has no authentication of its own there. It belongs behind a proxy that has, or on loopback.
//!
//! ```no_run
//! # #[cfg(all(feature = "stdio", unix))]
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::Error> {
//! use shadowcat::{connect::Wassette, serve};
//!
//! let server = Wassette::stdio().component_dir("./components").start().await?;
//! serve::stdio(server).run().await
//! # }
//! # #[cfg(not(all(feature = "stdio", unix)))] fn main() {}
//! ```

#[cfg(feature = "http")]
mod attach;
mod call;
mod components;
mod gate;
#[cfg(all(feature = "stdio", unix))]
mod locate;
#[cfg(unix)]
mod own_file;
#[cfg(all(feature = "http-client", feature = "stdio", unix))]
mod serve;
mod service;
#[cfg(all(feature = "stdio", unix))]
mod setup;
#[cfg(all(feature = "stdio", unix))]
mod stdio;

#[cfg(feature = "http")]
pub use attach::Attach;
pub use call::ResponseFuture;
pub use gate::Kept;
#[cfg(all(feature = "http-client", feature = "stdio", unix))]
pub use serve::{Serve, Served};
pub use service::Wassette;
#[cfg(all(feature = "stdio", unix))]
pub use stdio::Stdio;
