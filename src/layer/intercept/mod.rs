//! Interceptors: code that sees every message in both directions and decides what becomes of it.
//!
//! A [`Chain`] of them can be changed while traffic goes on. Each is shown only what it has an [`Interest`] in, and
//! answers with an [`Action`]: let it go on, change it, block it, answer it, delay it, drop it, hold it. One that
//! fails, panics or takes too long blocks its message, or lets it go on, as its [`Link`] says, and is
//! [counted](Stats) and named in the log.
//!
//! - What is decided without waiting keeps its order. What waits is overtaken by other requests; the messages of one
//!   reply keep their order, and a reply is read no faster than its messages are decided about.
//! - Nothing is collected: of a reply of several messages, each is shown when it is read.
//! - Below this layer stands what judges messages: what an interceptor changed is judged, too.
//!
//! ```
//! use shadowcat::layer::intercept::{Action, Block, Chain, InterceptLayer, Interest, on};
//! use shadowcat::{JsonRpcMessage, Reply, protocol::peek};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let chain = Chain::new();
//! chain.add("no-shell", on(Interest::requests().method("tools/call"), |seen| {
//!     match peek::tool_name(seen.message()) {
//!         Ok(Some(name)) if name != "shell" => Action::Continue,
//!         _ => Action::Block(Block::tool_error("There is no shell here")),
//!     }
//! }))?;
//! let mut stack = ServiceBuilder::new()
//!     .layer(InterceptLayer::new(chain.clone()))
//!     .service_fn(|_: JsonRpcMessage| async { Ok::<_, shadowcat::Error>(Reply::empty()) });
//! let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"shell"}"#)?;
//! let reply = stack.ready().await?.call(call).await?;
//! assert!(reply.as_one().unwrap().result().unwrap().ends_with(br#""isError":true}"#));
//! assert_eq!(chain.stats("no-shell").unwrap().blocked, 1);
//! # Ok(()) }
//! ```

mod action;
mod beat;
mod chain;
mod facts;
mod fixed;
mod future;
mod index;
mod interception;
mod interceptor;
mod interest;
mod items;
mod layer;
mod link;
mod point;
mod questions;
mod rewrite;
mod run;
mod service;
mod tail;
mod verdict;
mod waiting;
mod window;

pub use action::{Action, Block, Held};
pub use chain::{Chain, NameTaken};
pub use future::ResponseFuture;
pub use interception::Interception;
pub use interceptor::{Interceptor, On, on};
pub use interest::Interest;
pub use layer::InterceptLayer;
pub use link::{Link, Stats};
pub use point::Point;
pub use service::Intercept;
