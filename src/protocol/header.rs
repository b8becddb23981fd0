//! Names of HTTP headers.

use http::HeaderName;

/// The session of Streamable HTTP up to 2025-11-25.
pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
/// The revision, on every request after `initialize`; on every request at 2026-07-28.
pub const PROTOCOL_VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The body's method, mirrored (2026-07-28 basic/transports/streamable-http).
pub const METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// The body's tool, prompt or resource, mirrored.
pub const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// What the names of mirrored tool arguments start with.
pub const PARAM_PREFIX: &str = "mcp-param-";
/// The last event that a client saw, for resuming.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
