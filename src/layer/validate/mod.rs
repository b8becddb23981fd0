//! Arguments of tools, checked against what the tools themselves ask for.
//!
//! [`Schemas`] learns the `inputSchema` of each tool from the lists that pass, for each server and for each principal
//! (or session, where nobody was authenticated). [`ValidateArgumentsLayer`] checks the arguments of each `tools/call`
//! by it, and refuses with -32602, naming the place in the arguments and the rule of the schema, never the value; or
//! it only reports. Schemas are of draft 2020-12, unless they say 2019-09, 7 or 6.
//!
//! A schema comes from a server, and may be made to hurt whoever checks by it. So nothing is ever fetched or opened, and
//! a schema is [unusable](Options::report_unusable) that
//!
//! - is larger than 64 KiB, 8,192 values or 64 levels, or has more than 64 patterns,
//! - refers to anything but a place in itself by JSON Pointer (`#/$defs/…`), or has a `$dynamicRef`, `$recursiveRef`
//!   or an inner `$id`,
//! - has a pattern that takes more than linear time or more than 64 KiB.
//!
//! What a check costs is counted before it is made, by walking schema and arguments together: beyond
//! [`Options::max_steps`] the arguments are treated as under an unusable schema. So are those larger than
//! [`Options::max_bytes`]. A schema is compiled at the first call of its tool, by a thread of its own; that call waits a
//! few milliseconds.
//!
//! [`CheckParamsLayer`](super::CheckParamsLayer) also knows lists of tools, but asks for them itself, and keeps of each
//! schema no more than what is mirrored in headers; nothing can be shared. This layer asks for nothing: a call of a tool
//! that was in no list passes, or [does not](Options::refuse_unlisted).
//!
//! It stands below what changes arguments.
//!
//! ```
//! use shadowcat::layer::validate::{Options, Schemas, ValidateArgumentsLayer};
//! use shadowcat::{Error, JsonRpcMessage, Reply};
//! use tower::{Service, ServiceBuilder, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let schemas = Schemas::new(Options::new());
//! let server = tower::service_fn(|message: JsonRpcMessage| async move {
//!     let schema = r#"{"properties":{"city":{"type":"string"}},"required":["city"]}"#;
//!     let tools = format!(r#"{{"tools":[{{"name":"weather","inputSchema":{schema}}}]}}"#);
//!     Ok::<_, Error>(message.responder().result(tools).ok().flatten().map_or_else(Reply::empty, Reply::one))
//! });
//! let mut stack = ServiceBuilder::new().layer(ValidateArgumentsLayer::new(&schemas)).service(server);
//! stack.ready().await?.call(JsonRpcMessage::request(1, "tools/list", "{}")?).await?;
//!
//! let call = JsonRpcMessage::request(2, "tools/call", r#"{"name":"weather","arguments":{"city":7}}"#)?;
//! let refused = stack.ready().await?.call(call).await?;
//! let error = String::from_utf8_lossy(refused.as_one().unwrap().error().unwrap()).into_owned();
//! assert!(error.contains("-32602") && error.contains("/city breaks /properties/city/type"));
//! # Ok(()) }
//! ```

mod handle;
mod layer;
mod lists;
mod options;
mod service;
mod stats;

pub use super::judged::ResponseFuture;
pub use handle::Schemas;
pub use layer::ValidateArgumentsLayer;
pub use options::Options;
pub use service::ValidateArguments;
pub use stats::Stats;
