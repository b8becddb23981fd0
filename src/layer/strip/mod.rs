//! Taking credentials out of messages, on the way to the server and on the way back.
//!
//! What goes through the layer is searched as [`secret::Secrets`](crate::secret::Secrets) says, and a marker takes the
//! place of each secret; every other byte stays as it is. On the way to the server that is requests, notifications and
//! the client's answers, on the way back every item of a reply: responses, errors, notifications and the server's
//! questions, those on a listen among them.
//!
//! What was found is counted ([`StripTokensLayer::stats`]), told by `tracing` and to [subscribers](StripTokensLayer::subscribe):
//! its kind and its place, never the value.
//!
//! # What is refused
//!
//! What cannot be judged does not pass: a message that only a transparent scan let pass, and one that would be too large
//! with its markers. A request is then answered with an error, and an error takes the place of a response; a
//! notification, and a question of the server, are lost and counted.
//!
//! # Where it belongs
//!
//! `requests` outermost, so that nothing below sees a client's credential, and `replies` innermost, so that nothing above
//! sees a secret that the server returns: whatever records, judges or changes messages stands between them.
//!
//! ```
//! use shadowcat::layer::StripTokensLayer;
//! use shadowcat::{JsonRpcMessage, Reply};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let strip = StripTokensLayer::both();
//! let stats = strip.stats();
//! // In place of a server, one that says what it was asked with:
//! let mut stack = ServiceBuilder::new().layer(strip).service_fn(|message: JsonRpcMessage| async move {
//!     let heard = message.params().unwrap_or_default();
//!     Ok::<_, shadowcat::Error>(message.responder().result(heard).unwrap().map_or_else(Reply::empty, Reply::one))
//! });
//! let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"a","arguments":{"api_key":"hunter22"}}"#)?;
//! let reply = stack.ready().await?.call(call).await?;
//! let heard = reply.as_one().unwrap().result();
//! assert_eq!(heard, Some(&br#"{"name":"a","arguments":{"api_key":"[REDACTED:member]"}}"#[..]));
//! assert_eq!(stats.now().to_upstream.secrets["member"], 1);
//! # Ok(()) }
//! ```

mod future;
mod judge;
mod layer;
mod report;
mod service;
mod stats;

#[cfg(feature = "tape")]
pub(in crate::layer) use future::StrippedBelow;

pub use future::ResponseFuture;
pub use layer::StripTokensLayer;
pub use report::{Event, Subscription, Taken};
pub use service::StripTokens;
pub use stats::{OneWay, Stats, StatsHandle};
