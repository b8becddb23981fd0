//! JSON-RPC error codes.

use std::fmt;

/// The code of a JSON-RPC error. Any integer may travel; the constants are those that MCP gives a meaning.
///
/// ```
/// use shadowcat::Code;
///
/// assert_eq!(Code::METHOD_NOT_FOUND, Code(-32601));
/// assert_eq!(Code(-32601).to_string(), "-32601");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_structs, reason = "a code is a number and nothing else")]
pub struct Code(pub i64);

impl Code {
    /// The bytes are not JSON.
    pub const PARSE_ERROR: Self = Self(-32700);
    /// JSON, but no acceptable request.
    pub const INVALID_REQUEST: Self = Self(-32600);
    /// The method does not exist.
    pub const METHOD_NOT_FOUND: Self = Self(-32601);
    /// The parameters are wrong; also what an unknown tool is answered with.
    pub const INVALID_PARAMS: Self = Self(-32602);
    /// Something between the caller and the result broke.
    pub const INTERNAL_ERROR: Self = Self(-32603);
    /// Headers and body disagree (2026-07-28 basic/transports/streamable-http).
    pub const HEADER_MISMATCH: Self = Self(-32020);
    /// A capability that the request needs was not declared (2026-07-28).
    pub const MISSING_CAPABILITY: Self = Self(-32021);
    /// The protocol version is not supported (2026-07-28).
    pub const UNSUPPORTED_VERSION: Self = Self(-32022);
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<i64> for Code {
    fn from(code: i64) -> Self {
        Self(code)
    }
}
