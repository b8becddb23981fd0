//! Writing down what was asked, what was decided about it, and what became of it.
//!
//! It stands near the top, below what strips requests: it sees what the client asked, and reads the
//! [`Decisions`](crate::policy::Decisions) that the layers below leave with a reply. What a layer above it refuses, it does
//! not see.
//!
//! Written is: each request of the client, when it is over; each notification and answer of the client; each request of the
//! server; and the server's notifications on a listen. Those that belong to a call are counted in its record.
//!
//! A message waits for no disk: its record goes into a bounded queue, and [`Overflow`](crate::audit::Overflow) says what
//! happens when there is no room. See [`audit`](crate::audit) for what a record holds, and for an example.

mod exchange;
mod layer;
mod service;

pub use layer::AuditLayer;
pub use service::{Audit, ResponseFuture};
