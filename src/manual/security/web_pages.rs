//! A web page that talks to a server on this machine.
//!
//! *The attack.* A page in the user's browser sends a POST to `http://localhost:8080/mcp`; or makes a name of its own
//! resolve to 127.0.0.1, so that the browser thinks that they are one site (DNS rebinding).
//!
//! *What stops it.* Before a body is read, an [`Endpoint`](crate::wire::http::Endpoint) checks that `Host` and
//! `Origin` are exactly ones that it knows, that there is one of each at most, and that `Content-Type` is
//! `application/json`, which a page may not send across sites without asking first. On a loopback address the
//! names are known. For any other address they must be given: without them there is no endpoint.
//!
//! ```
//! use shadowcat::wire::http::Endpoint;
//!
//! assert!(Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse()?).is_ok());
//! assert!(Endpoint::bound_to("/mcp", "0.0.0.0:8080".parse()?).is_err()); // by which names?
//! # Ok::<(), std::net::AddrParseError>(())
//! ```
//!
//! *What proves it.* The class `headers` of the corpus, through real sockets.
