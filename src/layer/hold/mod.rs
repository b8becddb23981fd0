//! Breakpoints: messages that wait until someone lets them go on, changes, answers or rejects them.
//!
//! A [`Breakpoint`] says what is held; a [`Holds`] handle offers what is, from any task, and takes the decision: once,
//! about exactly the message that was shown, and not after it expired. A client that asked for progress gets some
//! while it waits, and does not give up; when it cancels, what is held for it is gone.
//!
//! It stands above the layers that judge messages, so that an edit is judged again.
//!
//! - Requests, notifications, responses and the server's questions can be held, each where it passes; a reply is read
//!   no further than the message that is held.
//! - What is held is bounded in number, bytes and age; see [`Options`]. What finds no room, and what nobody decides
//!   about in time, is blocked, or goes on if that was chosen.
//! - A message is held once, also where several breakpoints meet it. A listen, which tells its client nothing while it
//!   waits, is held only where a breakpoint names its method.
//!
//! ```
//! use shadowcat::layer::hold::{Breakpoint, HoldLayer, Holds, Options};
//! use shadowcat::layer::intercept::Interest;
//! use shadowcat::{JsonRpcMessage, Reply};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let holds = Holds::new(Options::new());
//! holds.set(Breakpoint::new("calls", Interest::requests().method("tools/call")))?;
//! let mut stack = ServiceBuilder::new()
//!     .layer(HoldLayer::new(&holds))
//!     .service_fn(|message: JsonRpcMessage| async { Ok::<_, shadowcat::Error>(Reply::one(message)) });
//!
//! let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"rm","arguments":{"path":"/"}}"#)?;
//! let call = tokio::spawn(stack.ready().await?.call(call));
//! let held = holds.next().await;
//! assert_eq!(held.breakpoint(), "calls");
//! held.edit(held.message().clone().edit().set(&"/params/arguments/path".parse()?, r#""/tmp/x""#).finish()?)?;
//! let sent = call.await??;
//! assert!(sent.as_one().unwrap().params().unwrap().ends_with(br#"{"path":"/tmp/x"}}"#));
//! assert!(held.resume().is_err(), "it was decided about already");
//! # Ok(()) }
//! ```

mod breakpoint;
mod digest;
mod held;
mod holds;
mod layer;
mod options;

pub use breakpoint::Breakpoint;
pub use digest::Digest;
pub use held::{Held, NotDecided};
pub use holds::Holds;
pub use layer::HoldLayer;
pub use options::Options;
