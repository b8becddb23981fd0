//! Any tower layer, on requests only.
//!
//! A limit that stands in the way of everything also holds back the client's answers and cancellations, and a
//! server that asks something during a call then waits for ever. [`OnRequestsLayer`] sends requests through
//! the layer it is given and everything else, and every listen, straight on.
//!
//! ```
//! use shadowcat::{JsonRpcMessage, Reply, layer::OnRequestsLayer};
//! use tower::{Service, ServiceBuilder, ServiceExt, limit::ConcurrencyLimitLayer};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::BoxError> {
//! let mut stack = ServiceBuilder::new()
//!     .layer(OnRequestsLayer::new(ConcurrencyLimitLayer::new(1)))
//!     .service_fn(|_: JsonRpcMessage| async { Ok::<_, shadowcat::Error>(Reply::empty()) });
//! stack.ready().await?.call(JsonRpcMessage::request(1, "ping", "")?).await?;
//! # Ok(()) }
//! ```

mod future;
mod gate;
mod layer;
mod service;

pub use future::ResponseFuture;
pub use layer::OnRequestsLayer;
pub use service::OnRequests;
