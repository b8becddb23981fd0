//! What MCP says in the head of an HTTP message, and how that is tied to the body: pure functions over the
//! types of the [`http`] crate.
//!
//! Going out, the headers of a request are derived from the body, after every layer has had its say, so that they
//! cannot disagree with it; see [`request_headers`]. Coming in, an [`Endpoint`] checks the head before the body is
//! read, and then head and body against each other, in the one order that the specification and its conformance
//! suite agree with. What it refuses is a [`Refusal`]: status, code and text.
//!
//! ```
//! use http::Request;
//! use shadowcat::ScanOptions;
//! use shadowcat::wire::http::Endpoint;
//!
//! let endpoint = Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse()?)?;
//! let request = Request::post("/mcp")
//!     .header("Host", "localhost:8080")
//!     .header("Content-Type", "application/json")
//!     .body(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)?;
//! let (head, body) = request.into_parts();
//! endpoint.check_head(&head)?;
//! let (message, _era) = endpoint.read(&head.headers, body.into(), &ScanOptions::new())?;
//! assert_eq!(message.method(), Some("ping"));
//!
//! let mut rebound = head.clone();
//! rebound.headers.insert("Host", "evil.example:8080".parse()?);
//! assert_eq!(endpoint.check_head(&rebound).unwrap_err().status, 403);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod authorization;
mod base64;
mod body;
mod challenge;
mod endpoint;
mod fields;
mod forward;
mod head;
mod mirror;
mod mirrored;
mod number;
mod origin;
mod params;
mod refusal;
mod relocation;
mod schema;
mod session;
#[cfg(feature = "http")]
mod spoken;
mod status;
mod tools;
mod value;

pub use authorization::ClientAuthorization;
pub use body::{check_params, request_era};
#[cfg(feature = "http")]
pub(crate) use endpoint::Claims;
pub use endpoint::Endpoint;
pub use forward::{forwarded, is_credential, is_hop_by_hop, is_nominated, returned};
pub use head::{Accepted, accepted};
pub use mirror::{Unmirrorable, request_headers};
pub use mirrored::Mirrored;
pub use origin::{HostPolicy, InvalidPolicy, OriginPolicy};
pub use params::ParamHeaders;
pub use refusal::Refusal;
pub use relocation::{InvalidRelocation, Relocation};
pub use schema::InvalidAnnotation;
pub use session::{last_event_id, last_event_id_value, session_id};
pub use status::{error_status, response_status, returned_status, upstream_failure};
pub use tools::without_invalid_tools;
pub use value::{InvalidValue, decode_value, encode_value};

#[cfg(feature = "http")]
pub(crate) use spoken::speak_only;
#[cfg(feature = "http")]
pub(crate) use tools::learn;
pub(crate) use tools::{MirroredTools, ToolsReader, keep};
