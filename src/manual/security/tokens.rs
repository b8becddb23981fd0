//! A client's token that works elsewhere; a forged one.
//!
//! *The attack.* A proxy that passes a client's token on lets the server act as the client elsewhere, and lets a
//! token that was made for another server work here (token passthrough, the confused deputy). A token chooses its own
//! algorithm or key.
//!
//! *What stops it.*
//!
//! - `Authorization` and cookies end at the front end. A leaf's own credential is configured
//!   (`connect::http::Options::header`) or put on by a layer around its HTTP client. A hop that is made transparent for
//!   recording passes them on, and only to where it was told.
//! - Redirects are not followed.
//! - Who calls is found out by a layer around the front end, which puts a [`Principal`](crate::session::Principal)
//!   beside the request; sessions belong to it. [`BearerLayer`](crate::serve::http::bearer::BearerLayer)
//!   (feature `jwt`) is such a layer: algorithm, issuer,
//!   audience and scope are as configured and not as the token says, `exp`, `nbf` and `iat` are integers, keys are found
//!   by `kid` among those that are known, and `jku`, `x5u` and `jwk` are not looked at.
//!
//! *What is left.* Fetching keys from an issuer, and exchanging tokens, are not here yet.
