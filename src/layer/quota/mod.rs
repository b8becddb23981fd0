//! How often a client may ask, and how much in all.
//!
//! A [`Limit`] is a rate (so many in a time, and so many at once) or a quota (so many in a window of time), for each of
//! its [keys](Per): principal, session, server, tool, method, in any combination. [`Quotas`] holds limits and their
//! counts; [`QuotaLayer`] puts them into a stack, and stacks that share the handle share the counts.
//!
//! - Only requests are counted. Answers, notifications and cancellations, and a front end's own listen, always pass.
//! - A request passes if every limit lets it, and is counted by all of them or by none. It never waits.
//! - What does not pass is answered with [`Quotas::CODE`] and, in `data`, `{"retryAfterMs": n}`; over HTTP, with status
//!   429 and `Retry-After`.
//! - So many keys are counted at a time; see [`Limit::max_keys`]. A count is never dropped while it holds somebody back:
//!   when there is no room, those who come later share one.
//!
//! It stands above what costs work, and below what refuses for other reasons: what never runs need not count.
//!
//! ```
//! use std::time::Duration;
//! use shadowcat::layer::quota::{Limit, Per, QuotaLayer, Quotas};
//! use shadowcat::{Error, JsonRpcMessage, Reply};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let quotas = Quotas::new([
//!     Limit::rate("calls", 2, Duration::from_secs(1)).per(Per::new().principal().tool()),
//!     Limit::quota("day", 1000, Duration::from_secs(24 * 3600)).per(Per::new().principal()),
//! ]);
//! let mut stack = ServiceBuilder::new().layer(QuotaLayer::new(&quotas)).service_fn(|call: JsonRpcMessage| async move {
//!     Ok::<_, Error>(call.responder().result("{}").ok().flatten().map_or_else(Reply::empty, Reply::one))
//! });
//! let call = || JsonRpcMessage::request(1, "tools/call", r#"{"name":"search"}"#);
//! for _ in 0..2 {
//!     assert!(stack.ready().await?.call(call()?).await?.as_one().unwrap().result().is_some());
//! }
//! let refused = stack.ready().await?.call(call()?).await?;
//! assert!(refused.as_one().unwrap().error().unwrap().ends_with(br#""data":{"retryAfterMs":500}}"#));
//! tokio::time::sleep(Duration::from_millis(500)).await;
//! assert!(stack.ready().await?.call(call()?).await?.as_one().unwrap().result().is_some());
//! # Ok(()) }
//! ```

mod count;
mod handle;
mod key;
mod layer;
mod limit;
mod service;
mod stats;

pub use super::judged::ResponseFuture;
pub use handle::Quotas;
pub use key::Per;
pub use layer::QuotaLayer;
pub use limit::Limit;
pub use service::Quota;
pub use stats::Stats;
