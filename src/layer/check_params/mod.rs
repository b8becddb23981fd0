//! Head against body, where no server behind us can compare them.
//!
//! A client that speaks HTTP repeats arguments of a tool in `Mcp-Param-…` headers, as the tool's schema says, and
//! balancers and firewalls on the way go by them. Behind a server on stdio nobody sees these headers: the proxy is the
//! only one who can tell that they lie (2026-07-28 basic/transports/streamable-http, "Server Validation"). Everything
//! that does not need a schema, a front end on HTTP checks by itself.
//!
//! ```
//! use std::sync::Arc;
//! use http::HeaderMap;
//! use shadowcat::wire::http::Mirrored;
//! use shadowcat::{Context, Direction, Error, JsonRpcMessage, Reply, layer::CheckParamsLayer};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // In place of a process, which is asked for its tools first:
//! let server = tower::service_fn(|message: JsonRpcMessage| async move {
//!     let schema = r#"{"properties":{"region":{"type":"string","x-mcp-header":"Region"}}}"#;
//!     let tools = format!(r#"{{"tools":[{{"name":"sql","inputSchema":{schema}}}]}}"#);
//!     let answer = message.responder().result(&tools).ok().flatten();
//!     Ok::<_, Error>(answer.map_or_else(Reply::empty, Reply::one))
//! });
//! let mut stack = ServiceBuilder::new().layer(CheckParamsLayer::new()).service(server);
//!
//! // What a front end on HTTP gives the stack:
//! let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"sql","arguments":{"region":"eu"}}"#)?;
//! let mut headers = HeaderMap::new();
//! headers.insert("mcp-param-region", "us".parse()?);
//! let mut facts = Context::new(Direction::ToUpstream);
//! facts.shared_mut().insert(Mirrored::new(call.clone(), &headers));
//! let reply = stack.ready().await?.call(call.with_context(Arc::new(facts))).await?;
//! assert!(String::from_utf8_lossy(reply.as_one().unwrap().error().unwrap()).contains("-32020"));
//! # Ok(()) }
//! ```

mod future;
mod layer;
mod schemas;
mod service;
mod watch;

pub use future::ResponseFuture;
pub use layer::CheckParamsLayer;
pub use service::CheckParams;
