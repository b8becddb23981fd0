//! What passes and what is in flight, to look at: a log of messages, and snapshots.
//!
//! A [`Debugger`] is the handle. It keeps a table of what is in flight, numbers for each session, and how long the calls
//! of each method take; [`Debugger::snapshot`] copies them at any moment, to print or as JSON. All of it is bounded. With
//! a [`Log`], every message is written down in both directions: for people or as JSON Lines, with the shape of its
//! payload only, unless it is asked for in full; and then, with the feature `secret`, without the secrets in it. Nothing in it can drive a terminal.
//!
//! It changes nothing and delays nothing: a log that is too slow loses records, counts them, and says so. A reply is
//! looked at while it is read, never collected. Where it stands is what it shows: outermost what the client said and was
//! told, innermost what the server did.
//!
//! At a breakpoint, it shows what else is going on. It stands above [`HoldLayer`](crate::layer::HoldLayer), so that what
//! is held is in flight:
//!
//! ```
//! use shadowcat::layer::debug::{DebugLayer, Debugger, Log, Options};
//! use shadowcat::layer::hold::{self, Breakpoint, HoldLayer, Holds};
//! use shadowcat::layer::intercept::Interest;
//! use shadowcat::{JsonRpcMessage, Reply};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let debugger = Debugger::start(Options::new().log(Log::stderr()))?;
//! let holds = Holds::new(hold::Options::new());
//! holds.set(Breakpoint::new("calls", Interest::requests().method("tools/call")))?;
//! let mut stack = ServiceBuilder::new()
//!     .layer(DebugLayer::new(&debugger))
//!     .layer(HoldLayer::new(&holds))
//!     .service_fn(|message: JsonRpcMessage| async move {
//!         Ok::<_, shadowcat::Error>(message.responder().result("{}").unwrap().map_or_else(Reply::empty, Reply::one))
//!     });
//!
//! let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"rm","arguments":{"path":"/"}}"#)?;
//! let call = tokio::spawn(stack.ready().await?.call(call));
//! let held = holds.next().await;
//! println!("{held:?}\n{}", debugger.snapshot());
//! let waiting = &debugger.snapshot().in_flight[0];
//! assert_eq!((waiting.tool.as_deref(), waiting.items), (Some("rm"), 0));
//!
//! held.resume()?;
//! let _ = call.await??;
//! let after = debugger.snapshot();
//! assert!(after.in_flight.is_empty());
//! assert_eq!(after.method("tools/call").unwrap().whole.count(), 1);
//! debugger.flushed().await;
//! # Ok(()) }
//! ```

mod colour;
mod debugger;
mod exchange;
mod layer;
mod log;
mod options;
mod record;
mod service;
mod show;
mod snapshot;
mod table;
mod times;

pub use crate::histogram::Histogram;
pub use crate::shown::Payload;
pub use colour::Colour;
pub use debugger::Debugger;
pub use layer::DebugLayer;
pub use log::{Format, Log};
pub use options::Options;
pub use service::{Debug, ResponseFuture};
pub use snapshot::{InFlight, SeenSession, Snapshot};
pub use table::Totals;
pub use times::Times;
