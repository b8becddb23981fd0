//! Wassette behind the connector, and a client on a front end before it: against the fixture `wassette_0_2` on the
//! protocol code of the real one, against the real 0.2.0 that `SHADOWCAT_WASSETTE` names, and, as far as they know
//! the case, against a child that plays transcripts of the real one.

#![cfg(all(unix, feature = "stdio"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;
mod support;

/// Tests of these cases on a Wassette of this kind.
macro_rules! on {
    ($kind_name:ident, $kind:expr => $($case:ident,)+) => {
        mod $kind_name {
            use super::*;

            $(#[test]
            fn $case() {
                crate::session::run($kind, super::$case);
            })+
        }
    };
}
use on;

#[path = "connector/components.rs"]
mod components;
#[path = "connector/gate.rs"]
mod gate;
#[cfg(target_os = "linux")]
#[path = "connector/kills.rs"]
mod kills;
#[path = "connector/replay.rs"]
mod replay;
#[cfg(target_os = "linux")]
#[path = "connector/restart.rs"]
mod restart;
#[path = "connector/session.rs"]
mod session;
#[path = "connector/world.rs"]
mod world;
