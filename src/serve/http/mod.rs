//! An MCP server on HTTP, as a tower service: in axum, in hyper, or alone.
//!
//! Streamable HTTP of every revision. A session of the revisions before 2026-07-28 has a stack of its own, made when
//! the session begins and dropped when it ends: by DELETE, by the server's end, by being idle or too old. Requests
//! of 2026-07-28 stand alone and share one stack.
//!
//! - A reply is JSON if its response is the first that comes, else an event stream. Its body reads the reply when
//!   it is polled: no task stands between.
//! - A client of 2026-07-28 that leaves cancels its request, and whoever leaves a listen ends it. An older client
//!   that leaves does not cancel: its request goes on, and what still comes of one in a session is kept, within
//!   bounds, for a client that asks for it with `Last-Event-ID`.
//! - What the server says unasked goes to the streams that the client opened by GET, each message to one of them.
//! - A session's client is asked only what it declared that it can answer; the server is told so by an error (-32601).
//! - `Host`, `Origin` and `Content-Type` are checked before a body is read; see [`Endpoint`].
//! - What a server behind HTTP refused goes back as the server said it, where the reply or the failure has a
//!   [`reply::Upstream`](crate::reply::Upstream): the status, the challenge, a page that is no message. What would
//!   mislead the client stays: a 404 within a session that is not lost, a 401 or 403 that is about a credential of ours.
//! - Credentials and cookies go no further than the layers around this service, unless the hop is
//!   [transparent](Builder::transparent_authorization).
//!
//! ```
//! use http::{Request, StatusCode};
//! use shadowcat::serve::{self, http::SessionInfo};
//! use shadowcat::wire::http::Endpoint;
//! use shadowcat::{Error, JsonRpcMessage, Reply};
//! use tower::{ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let stack = service_fn(|message: JsonRpcMessage| async move {
//!     Ok::<_, Error>(message.responder().result("{}").ok().flatten().map_or_else(Reply::empty, Reply::one))
//! });
//! let endpoint = Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse()?)?;
//! let server = serve::http(endpoint)
//!     .sessions(service_fn(move |_: SessionInfo| async move { Ok::<_, Error>(stack) }))
//!     .build();
//! let request = Request::post("/mcp")
//!     .header("host", "localhost:8080")
//!     .header("content-type", "application/json")
//!     .body(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#.to_owned())?;
//! let response = server.oneshot(request).await?;
//! assert_eq!(response.status(), StatusCode::OK);
//! assert!(response.headers().contains_key("mcp-session-id"));
//! # Ok(()) }
//! ```
//!
//! # Who calls
//!
//! Authentication is a layer around this service, on HTTP: it answers a request that it does not trust by itself, and
//! puts a [`Principal`](crate::session::Principal) into the extensions of one that it does. Sessions are bound to
//! it: for anybody else, the session's id is one that was never given out. The stack finds it in the
//! [`Context`](crate::Context) of each message, and whatever else the layer put there in
//! [`SessionInfo::extensions`]. With the feature `jwt`, `bearer::BearerLayer` is such a layer, for JSON Web Tokens.
//! Here a gateway has its place, which checks tokens that were issued for it; what it authorizes itself with to the
//! server behind, it adds around the HTTP client of [`connect::Http`](crate::connect::Http).
//!
//! ```
//! use http::{Request, StatusCode};
//! use shadowcat::serve::{self, http::SessionInfo};
//! use shadowcat::session::Principal;
//! use shadowcat::wire::http::Endpoint;
//! use shadowcat::{Error, JsonRpcMessage, Reply};
//! use tower::{ServiceBuilder, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let stack = service_fn(|message: JsonRpcMessage| async move {
//! #     Ok::<_, Error>(message.responder().result("{}").ok().flatten().map_or_else(Reply::empty, Reply::one))
//! # });
//! # let endpoint = Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse()?)?;
//! let http = serve::http(endpoint)
//!     .sessions(service_fn(move |_: SessionInfo| async move { Ok::<_, Error>(stack) }))
//!     .build();
//! let server = ServiceBuilder::new()
//!     .map_request(|mut request: Request<String>| {
//!         // Stands for whatever knows who sent such a token.
//!         let name = request.headers().get("authorization").map(|token| format!("{token:?}"));
//!         if let Some(name) = name {
//!             request.extensions_mut().insert(Principal::new(&name));
//!         }
//!         request
//!     })
//!     .service(http);
//! let post = |token: &str, body: &str| {
//!     let request = Request::post("/mcp").header("host", "localhost:8080").header("authorization", token);
//!     request.header("content-type", "application/json").body(body.to_owned())
//! };
//! let open = post("Bearer alice", r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#)?;
//! let session = server.clone().oneshot(open).await?.headers()["mcp-session-id"].clone();
//! for (token, status) in [("Bearer bob", StatusCode::NOT_FOUND), ("Bearer alice", StatusCode::OK)] {
//!     let mut ping = post(token, r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#)?;
//!     ping.headers_mut().insert("mcp-session-id", session.clone());
//!     assert_eq!(server.clone().oneshot(ping).await?.status(), status);
//! }
//! # Ok(()) }
//! ```

mod answer;
mod batch;
#[cfg(feature = "jwt")]
pub mod bearer;
mod body;
mod budget;
mod builder;
mod call;
mod calls;
mod drain;
mod events;
mod facts;
mod fallback;
mod front;
mod future;
mod gather;
mod get;
mod inbox;
mod listen;
mod live;
mod open;
mod outcome;
mod phase;
mod post;
mod read;
mod replay;
mod respond;
mod said;
#[cfg(feature = "http-server")]
mod server;
mod service;
mod session_info;
mod stack;
mod stateless;
#[cfg(feature = "http-server")]
mod timer;
mod trail;
mod turns;
mod two_endpoints;

pub use body::Body;
pub use builder::Builder;
pub use fallback::RequestBody;
pub use future::ResponseFuture;
#[cfg(feature = "http-server")]
pub use server::Server;
pub use service::Http;
pub use session_info::SessionInfo;

use crate::wire::http::Endpoint;

/// A front end on HTTP at `endpoint`, to be configured and built.
///
/// Where it is nested behind a prefix that is taken off, as by axum's `nest_service`, the endpoint's path is what
/// is left: `/`.
pub fn http(endpoint: Endpoint) -> Builder {
    Builder::new(endpoint)
}
