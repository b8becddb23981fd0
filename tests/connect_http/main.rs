//! Leaves over HTTP: Streamable HTTP, HTTP+SSE, TLS, against scripted servers and real sockets.

#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../process/corpus.rs"]
mod corpus;
#[cfg(all(feature = "http-client", feature = "http-server"))]
#[path = "../hop/mod.rs"]
mod hop;
#[path = "../support/listed.rs"]
mod listed;
#[cfg(all(feature = "http-client", feature = "stdio", unix))]
#[path = "../process/mod.rs"]
mod process;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/upstream.rs"]
mod upstream;

mod bounds;
mod credentials;
mod failures;
mod hostile;
mod ids;
mod legacy;
mod mirrored;
mod modern;
mod panics;
mod pool;
mod redirects;
mod rmcp;
mod sessions;
mod sockets;
mod sse;
mod sse_calls;
mod tls;
mod tools;
mod wassette;
