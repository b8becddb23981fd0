//! Monitoring hooks: what passes, what breaks, which sessions begin and end, as streams and callbacks.
//!
//! Nobody who is told can hold anything up: each subscriber has a bounded queue, what finds no room there is lost, and
//! [`Event::Lost`] says so in its place. A callback has a thread of its own. While nobody has subscribed, a message
//! costs a look at one flag.
//!
//! A message is told when it goes on and when it is read from a reply: by a layer that stands outermost, as the client
//! knows it, and by one that stands innermost, as the server does.
//!
//! # Sessions
//!
//! Up to 2025-11-25, a session begins with the answer to its `initialize` and is over when the stack that it came
//! through is dropped with all its clones and calls: that is the session's end where a front end makes a stack for each,
//! and on stdio, which has one. Where a front end on HTTP shares one stack among sessions, give it a
//! [store](EventsLayer::store) that tells: then a session begins and ends as the front end knows it, and what its end
//! cancels may be told after it. A session is told of once, whoever notices; of those that began when nobody listened,
//! nothing is told. 2026-07-28 has no sessions.
//!
//! ```
//! use futures::StreamExt;
//! use shadowcat::layer::EventsLayer;
//! use shadowcat::layer::events::Event;
//! use shadowcat::{JsonRpcMessage, Reply};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let events = EventsLayer::new();
//! let mut told = events.subscribe(256);
//! let hook = events.on(|event| if let Event::Failed(call) = event {
//!     eprintln!("{:?} failed: {:?}", call.message(), call.error());
//! })?;
//! let mut stack = ServiceBuilder::new()
//!     .layer(events.clone())
//!     .service_fn(|message: JsonRpcMessage| async move {
//!         Ok::<_, shadowcat::Error>(message.responder().result("{}").unwrap().map_or_else(Reply::empty, Reply::one))
//!     });
//! let _ = stack.ready().await?.call(JsonRpcMessage::request(1, "ping", "")?).await?;
//!
//! let Some(Event::Sent(ping)) = told.next().await else { panic!() };
//! assert_eq!(ping.method(), Some("ping"));
//! let Some(Event::Received(answer)) = told.next().await else { panic!() };
//! assert_eq!((answer.method(), answer.message().method()), (Some("ping"), None));
//! # Ok(()) }
//! ```

mod event;
mod exchange;
mod hook;
mod hub;
mod layer;
mod service;
mod store;
mod subscription;

pub use event::{Event, Passed, SessionName, Unfinished};
pub use hook::Hook;
pub use layer::EventsLayer;
pub use service::{Events, ResponseFuture};
pub use store::Store;
pub use subscription::Subscription;
