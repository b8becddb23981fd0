//! Limits of time: for the first message, for silence, and for the whole reply.
//!
//! tower's own `timeout` ends with the future, that is at the first message of the reply. This one also
//! watches what follows, and answers instead of failing: the client gets a JSON-RPC error, and the call below
//! is dropped, which cancels it.
//!
//! Progress may extend the silence, never the whole (2026-07-28 basic/patterns/cancellation: timeouts). Listens
//! stay open and are left alone.
//!
//! ```
//! use std::time::Duration;
//! use shadowcat::{JsonRpcMessage, Reply, layer::TimeoutLayer};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), shadowcat::BoxError> {
//! let mut stack = ServiceBuilder::new()
//!     .layer(TimeoutLayer::new().first(Duration::from_secs(1)))
//!     .service_fn(|_: JsonRpcMessage| std::future::pending::<Result<Reply, shadowcat::Error>>());
//! let reply = stack.ready().await?.call(JsonRpcMessage::request(1, "tools/call", "{}")?).await?;
//! assert!(reply.as_one().unwrap().error().is_some());
//! # Ok(()) }
//! ```

mod future;
mod layer;
mod service;

pub use future::ResponseFuture;
pub use layer::TimeoutLayer;
pub use service::Timeout;
