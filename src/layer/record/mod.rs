//! Recording what passes, in both directions, on a [`tape`](crate::tape).
//!
//! Recorded is each message of the client, each item of its reply, and how it ended: answered, failed, cancelled by the
//! client (with its message), dropped; of a failure its [kind and text](crate::tape::Entry::failure). So is what comes on
//! a front end's own listen. What a layer or a person made is marked as
//! [synthetic](crate::JsonRpcMessage::synthetic). What a front end refused reaches the tape by
//! [`on_refused`](RecordLayer::on_refused).
//!
//! A message waits for no disk: between the stack and the thread that writes is a bounded queue, and
//! [`Overflow`](crate::tape::Overflow) says what happens when it is full. Only with `Backpressure` the stack is not
//! ready then, and replies stay below the layer.
//!
//! # Secrets
//!
//! With the feature `secret`, what looks like one is masked before it is queued, as
//! [`Secrets`](crate::secret::Secrets) says, and the tape names what was masked. What cannot be masked is not recorded,
//! and counted as lost. What a `StripTokensLayer` next to it has searched already is not searched again.
//!
//! # Where it belongs
//!
//! Below a `StripTokensLayer::requests()`, above what changes messages: there it sees what the client asked, without its
//! credentials. Above such a layer it would see them; it notices that by the first reply, and tells it by `tracing` and
//! in its [`Stats`]. A second one near the leaf, with the [`Edge`](crate::tape::Edge) `Upstream` and the same recorder, or
//! a clone of the first, records what the server got, under the same number of the call, however often it is tried: the
//! tools over tapes count it as one. It is the one layer that lets pass what only a transparent scan accepted.
//!
//! # Wassette
//!
//! With [`RecordLayer::wassette`], entries of the kind `Component` say in JSON what became of components
//! (`component_init`, `component_change`, `component_exit`), with their tools and capabilities; a call of a tool names the
//! component whose it is; and the tape lists them all. Where one came from is known if it was loaded meanwhile, and its
//! policy as far as it was granted meanwhile, or `get-policy` said that there is none: Wassette tells the text of none.
//! The rest is the application's to say, by [`RecordLayer::component`]; digests can be
//! [taken](RecordLayer::component_digests).
//!
//! ```
//! use shadowcat::layer::RecordLayer;
//! use shadowcat::tape::{self, Recorder, RecorderOptions, Tape, lines};
//! use shadowcat::{JsonRpcMessage, Reply};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let path = std::env::temp_dir().join(format!("shadowcat-record-{}.jsonl", std::process::id()));
//! let tape = Tape::new()?;
//! let recorder = Recorder::start(lines::Writer::create(&path, &tape)?, tape, RecorderOptions::new())?;
//! let mut stack = ServiceBuilder::new()
//!     .layer(RecordLayer::new(recorder.clone()))
//!     .service_fn(|message: JsonRpcMessage| async move {
//!         Ok::<_, shadowcat::Error>(message.responder().result("{}").unwrap().map_or_else(Reply::empty, Reply::one))
//!     });
//! let _ = stack.ready().await?.call(JsonRpcMessage::request(1, "ping", "{}")?).await?;
//! recorder.finish().await?;
//!
//! let entries: Vec<_> = tape::open(&path)?.collect::<Result<_, _>>()?;
//! assert_eq!(entries[1].bytes, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
//! assert_eq!(entries[2].outcome, Some(tape::Outcome::Answered));
//! # std::fs::remove_file(path)?;
//! # Ok(()) }
//! ```

mod components;
mod control;
mod exchange;
mod layer;
mod mask;
mod service;
mod sessions;
mod stack;

pub use layer::RecordLayer;
pub use service::{Record, ResponseFuture};
pub use stack::Stats;
