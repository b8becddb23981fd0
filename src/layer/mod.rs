//! Middleware: each is a tower `Layer` whose service maps a [`JsonRpcMessage`](crate::JsonRpcMessage) to a
//! [`Reply`](crate::Reply).
//!
//! Every way a message can go leads through every layer: a client's requests, notifications and answers enter
//! by `call`, and all that the server says comes back as items of a reply. tower's own `timeout`, `retry`,
//! `concurrency_limit`, `rate_limit`, `buffer` and `load_shed` stack with no adapter; mind two traps:
//!
//! - **A stock permit ends with the future**, that is at the first message of the reply.
//!   [`Reply::hold`](crate::Reply::hold) makes one last for the whole exchange.
//! - **A stock limit also gates answers.** A server that asks its client something over the listen while a call
//!   waits for it, behind a bare `concurrency_limit(1)`, waits for ever: the answer waits for the permit of the
//!   call that waits for the answer. (A question that comes as the call's first message frees the permit.)
//!   [`OnRequestsLayer`] puts any tower layer on requests only.

pub mod access;
mod answers;
#[cfg(all(feature = "audit", unix))]
pub mod audit;
mod catch_error;
pub mod check_params;
pub mod components;
pub mod debug;
pub mod events;
mod from_fn;
pub mod hold;
pub mod intercept;
mod judged;
mod map;
pub mod on_requests;
pub mod pin;
pub mod policy_file;
pub mod quota;
#[cfg(feature = "tape")]
pub mod record;
pub mod rules;
#[cfg(feature = "secret")]
pub mod strip;
mod tap;
pub mod timeout;
pub mod trace;
#[cfg(feature = "schema")]
pub mod validate;
#[cfg(feature = "watch")]
mod watch;

pub use access::{AccessControl, AccessControlLayer};
#[cfg(all(feature = "audit", unix))]
pub use audit::{Audit, AuditLayer};
pub use catch_error::{CatchError, CatchErrorFuture, CatchErrorLayer};
pub use check_params::{CheckParams, CheckParamsLayer};
pub use components::{ComponentGuard, ComponentGuardLayer};
pub use debug::{Debug, DebugLayer};
pub use events::{Events, EventsLayer};
pub use from_fn::{FromFn, FromFnFuture, FromFnLayer, Next, from_fn};
pub use hold::HoldLayer;
pub use intercept::{Intercept, InterceptLayer};
pub use map::{Map, MapFuture, MapLayer};
pub use on_requests::{OnRequests, OnRequestsLayer};
pub use pin::{PinTools, PinToolsLayer};
pub use quota::{Quota, QuotaLayer};
#[cfg(feature = "tape")]
pub use record::{Record, RecordLayer};
pub use rules::RulesLayer;
#[cfg(feature = "secret")]
pub use strip::{StripTokens, StripTokensLayer};
pub use timeout::{Timeout, TimeoutLayer};
pub use trace::{Trace, TraceLayer};
#[cfg(feature = "schema")]
pub use validate::{ValidateArguments, ValidateArgumentsLayer};
