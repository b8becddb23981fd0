//! Messages looked at, held and changed under way: interceptors, holds, the debugger, monitoring hooks.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../chain/mod.rs"]
mod chain;
#[path = "../debugged/mod.rs"]
mod debugged;
#[cfg(feature = "http")]
#[path = "../front/mod.rs"]
mod front;
#[cfg(all(feature = "http-client", feature = "http-server", feature = "stdio", unix))]
#[path = "../process/mod.rs"]
mod process;
#[path = "../support/mod.rs"]
mod support;
#[cfg(all(feature = "http-client", feature = "http-server", feature = "stdio", unix))]
#[path = "../transports/mod.rs"]
mod transports;
#[cfg(all(feature = "http-client", feature = "http-server", feature = "stdio", unix))]
#[path = "../support/upstream.rs"]
mod upstream;

mod debug;
mod debug_laws;
mod debug_log;
mod events;
mod headers;
mod hold;
mod hold_edges;
mod intercept;
mod intercept_chain;
mod intercept_transports;
mod points;
