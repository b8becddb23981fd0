//! What passes, as `tracing` spans and events.
//!
//! A request is a span `mcp` with method, tool, id and direction; its end is an event with duration, outcome
//! and the number of messages. Notifications and the items of a reply are events at debug level. All are under
//! the target `shadowcat::mcp`. Payloads are never shown.
//!
//! Where nobody listens at info level, a message passes untouched.
//!
//! ```
//! use shadowcat::{JsonRpcMessage, Reply, layer::TraceLayer};
//! use tower::ServiceBuilder;
//!
//! tracing_subscriber::fmt().with_writer(std::io::stderr).init(); // stdout is the protocol
//! let stack = ServiceBuilder::new()
//!     .layer(TraceLayer::new())
//!     .service_fn(|_: JsonRpcMessage| async { Ok::<_, shadowcat::Error>(Reply::empty()) });
//! ```

mod future;
mod layer;
mod service;

pub use future::ResponseFuture;
pub use layer::TraceLayer;
pub use service::Trace;

/// The target of everything here.
pub(super) const TARGET: &str = "shadowcat::mcp";
