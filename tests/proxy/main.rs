//! Whole proxies over real sockets: HTTP on both sides, mixed transports, other SDKs as peers.

#![cfg(all(feature = "http-client", feature = "http-server"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../hop/mod.rs"]
mod hop;
#[cfg(feature = "stdio")]
#[path = "../support/mixed.rs"]
mod mixed;
#[cfg(feature = "stdio")]
#[path = "../process/mod.rs"]
mod process;
#[path = "../rmcp_peer/mod.rs"]
mod rmcp_peer;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "tape")]
#[path = "../taped/mod.rs"]
mod taped;

mod hop_credentials;
mod hop_documents;
mod hop_refusals;
mod mixed_http_http;
mod mixed_http_server;
mod mixed_stdio_server;
mod peers_rmcp;
