//! Addresses that a peer names.
//!
//! *The attack.* A server of HTTP+SSE names an endpoint on another host, and gets the client's messages sent there; a
//! redirect leads to an address within; a document names where keys or tokens are to be had (SSRF).
//!
//! *What stops it.* Nothing here goes where a peer says:
//!
//! - The endpoint of HTTP+SSE must have the scheme, host and port of the stream that names it, and is named once, first.
//! - Redirects are not followed, whatever their target. An HTTP client of your own that follows them must not take
//!   credentials along.
//! - `resource_metadata` and the like are passed on as text, or rewritten to our own names; they are not fetched.
//! - Schemas are compiled without fetching what they refer to.
//!
//! *What is left.* What a tool does with a URL in its arguments is the server's business: a
//! [policy](super::denied_tools) can restrict it, and Wassette's network permissions hold a
//! [component](super::components) to hosts.
