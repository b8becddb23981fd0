#![cfg_attr(all(feature = "stdio", unix), doc = include_str!("../README.md"))]
//! # Manual
//!
//! ## A message's way
//!
//! A message starts at a front end in [`serve`], passes through the [`layer`]s of a stack, and ends at a leaf in
//! [`connect`]. A stack is a tower service from [`JsonRpcMessage`] to [`Reply`]; [`RpcService`] is its alias.
//! [`wire`] turns bytes into messages, [`protocol`] knows the names and reads inside payloads, [`wassette`] knows what
//! Wassette says beyond MCP.
//!
//! | traffic | here |
//! |---|---|
//! | a client's request | a call; its reply is the response, or a stream that ends in it |
//! | a client's notification, or its answer to the server | a call with an empty reply |
//! | progress, logs and questions of the server that belong to a call | items of that call's reply |
//! | everything else the server says | items of the reply to a *listen* |
//! | a cancellation | dropping the future or the reply |
//!
//! ## Cancel safety
//!
//! Dropping is how a call is cancelled. The future of a call may be dropped at any time, and so may a [`Reply`]: the
//! connector then writes `notifications/cancelled`, the client's own message where it sent one, unless the final
//! response has come. Polling a reply is cancel safe: no message is lost between two polls. Dropping the future of
//! [`serve::Stdio::run_on`] ends the session and cancels what is in flight.
//!
//! ## The order of a stack
//!
//! A request meets the layers from the top, a reply from the bottom:
//!
//! 1. [`layer::CatchErrorLayer`]: what fails below becomes one JSON-RPC error.
//! 2. `layer::StripTokensLayer::requests()` (feature `secret`): nothing below sees a client's credential.
//! 3. [`layer::TraceLayer`], [`layer::DebugLayer`], [`layer::EventsLayer`]: see what the client asked and what it was told.
//! 4. `layer::AuditLayer` (feature `audit`): writes down what was asked, decided and answered.
//! 5. Your own layers, and [`layer::rules::RulesLayer`], [`layer::intercept::InterceptLayer`],
//!    [`layer::hold::HoldLayer`]: what changes messages above what judges them.
//! 6. [`layer::AccessControlLayer`] and, before a Wassette, [`layer::ComponentGuardLayer`]: below all that changes
//!    messages, so that they judge what the server gets.
//! 7. [`layer::PinToolsLayer`] and `layer::ValidateArgumentsLayer` (feature `schema`), then [`layer::QuotaLayer`], which
//!    counts only what nothing else refuses.
//! 8. [`layer::OnRequestsLayer`] around limits and [`layer::TimeoutLayer`]: near the leaf, and on requests only.
//! 9. `layer::StripTokensLayer::replies()`: nothing above sees a secret that the server says.
//! 10. [`layer::CheckParamsLayer`]: directly above a process that is reached over HTTP.
//!
//! The [threat model](manual::security) says what each of them stops.
//!
//! ## Owning a server
//!
//! `connect::Command` starts a process and `connect::Child` is it: never orphaned, always reaped. A
//! [`connect::Supervisor`] makes it again when it fails, and says so; [`connect::Wassette`] is one with what Wassette needs,
//! on a pipe or over HTTP.
//! [`connect::PerSession`] gives each session a leaf of its own, fresh from a [`connect::Pool`] where a start takes time;
//! [`connect::Shared`] gives many clients the same one, which makes them one trust domain on the server's side.
//!
//! ## Errors
//!
//! A layer that refuses, replies. An [`Error`] means that the channel below is broken; the front end answers each
//! pending request with one JSON-RPC error that tells no inner detail, and the details go to `tracing`.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(all(feature = "audit", unix))]
pub mod audit;
mod clock;
pub mod connect;
mod error;
#[cfg(feature = "tape")]
mod file;
mod histogram;
#[cfg(any(feature = "audit", feature = "tape"))]
mod key;
pub mod layer;
mod macros;
pub mod manual;
pub mod message;
#[cfg(all(feature = "monitor", target_os = "linux"))]
pub mod monitor;
mod percent;
pub mod policy;
pub mod protocol;
mod queue;
#[cfg(feature = "http")]
mod quiet;
mod ready;
pub mod reply;
pub mod rules;
#[cfg(feature = "schema")]
mod schema;
#[cfg(feature = "secret")]
pub mod secret;
pub mod serve;
pub mod session;
mod shown;
mod stamp;
#[cfg(feature = "tape")]
pub mod tape;
#[cfg(feature = "tape")]
pub mod verify;
pub mod wassette;
pub mod wire;

pub use error::{BoxError, Error};
pub use message::{
    Code, Context, Direction, Edit, Fault, Id, JsonRpcMessage, Kind, OwnedId, ParseError, Pointer, Responder,
    ScanOptions,
};
pub use reply::{Reply, ReplySender, RpcService};
