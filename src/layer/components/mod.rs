//! The components of a Wassette, and who may change them.
//!
//! A [`ComponentGuardLayer`] holds the tools that manage Wassette to a [`Profile`]: what it denies is hidden from
//! `tools/list` and refused when it is called, what it allows is bounded. Nothing of what is refused reaches Wassette.
//! [`Control`] is its handle: it changes the profile while traffic goes on, and tells what each component may do.
//!
//! It stands where [access control](crate::policy) stands: below what changes messages. It decides about Wassette's
//! own tools only, and leaves a [`Decision`](crate::policy::Decision) about each of them with the reply. A message that
//! was not scanned strictly is refused.
//!
//! ```
//! use shadowcat::layer::ComponentGuardLayer;
//! use shadowcat::layer::components::Control;
//! use shadowcat::policy::Decisions;
//! use shadowcat::policy::wassette::Profile;
//! use shadowcat::{JsonRpcMessage, Reply};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let control = Control::new(Profile::new());
//! let mut stack = ServiceBuilder::new()
//!     .layer(ComponentGuardLayer::new(&control))
//!     .service_fn(|_: JsonRpcMessage| async { Ok::<_, shadowcat::Error>(Reply::empty()) });
//!
//! let call = r#"{"name":"load-component","arguments":{"path":"file:///evil.wasm"}}"#;
//! let reply = stack.ready().await?.call(JsonRpcMessage::request(1, "tools/call", call)?).await?;
//! assert_eq!(Decisions::of(&reply)[0].to_string(), "components: deny by load-component: the tool is not allowed");
//! assert!(reply.as_one().unwrap().error().unwrap().ends_with(br#""Unknown tool: load-component"}"#));
//! # Ok(()) }
//! ```

mod control;
mod file;
mod future;
mod judge;
mod layer;
mod learned;
mod list;
mod sent;
mod service;

#[cfg(doc)]
use crate::policy::wassette::Profile;

pub use control::{Control, Stats};
pub use future::ResponseFuture;
pub use layer::ComponentGuardLayer;
pub use learned::Components;
pub use service::ComponentGuard;
