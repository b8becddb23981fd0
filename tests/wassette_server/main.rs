//! Wassette as a server: found, started, attached to, guarded, and what the fixture of it says.

#![cfg(all(feature = "stdio", unix))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[cfg(target_os = "linux")]
#[path = "../connector/script.rs"]
mod connector_script;
#[cfg(all(feature = "http-client", feature = "http-server", target_os = "linux"))]
#[path = "../served/old.rs"]
mod old;
#[path = "../process/mod.rs"]
mod process;
#[cfg(all(feature = "http-client", feature = "http-server", target_os = "linux"))]
#[path = "../served/script.rs"]
mod script;
#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "http-client")]
#[path = "../served/talk.rs"]
mod talk;
#[cfg(feature = "http-client")]
#[path = "../served/turn.rs"]
mod turn;
#[cfg(feature = "http-client")]
#[path = "../support/upstream.rs"]
mod upstream;
#[path = "../connector/world.rs"]
mod world;

mod attach;
mod deaf;
mod fixture;
mod found;
mod guard;
mod serve;
mod serve_start;
mod start;
