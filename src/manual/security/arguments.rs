//! Arguments that a tool was not made for.
//!
//! *The attack.* A path where a name was meant, a number that overflows, an object where the server's author thought of
//! a string; or far more calls than a tool can bear.
//!
//! *What stops it.*
//!
//! - `layer::ValidateArgumentsLayer` (feature `schema`) holds the arguments of a call against the tool's own
//!   `inputSchema`, as its list told it. A schema is a server's, and so it may be hostile: nothing is fetched, and
//!   compiling and checking are bounded.
//! - Conditions of a [policy](crate::policy) allow or deny by argument, whatever the schema says: see
//!   [`denied_tools`](super::denied_tools).
//! - `layer::QuotaLayer` (feature `quota`) bounds how often, by principal, tool and session, and says when to try
//!   again.
//! - On HTTP, [`CheckParamsLayer`](crate::layer::CheckParamsLayer) refuses a call whose `Mcp-Param-*` headers are not
//!   what the tool's schema makes of its body.
//!
//! *What is left.* A valid argument can be a harmful one; only a condition that you write can tell.
