//! Why a request is not taken.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;

use crate::message::{Code, JsonRpcMessage, OwnedId, ParseError};

/// A request that goes no further: what to answer.
///
/// ```
/// use http::StatusCode;
/// use shadowcat::ScanOptions;
/// use shadowcat::wire::http::Endpoint;
///
/// let endpoint = Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse()?)?;
/// let refusal = endpoint.read(&Default::default(), "{}{".into(), &ScanOptions::new()).unwrap_err();
/// assert_eq!(refusal.status, StatusCode::BAD_REQUEST);
/// assert_eq!(refusal.to_message().id(), None); // no id could be read
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// The JSON-RPC code.
    pub code: Code,
    /// What is wrong, in words for the sender.
    pub text: Cow<'static, str>,
    /// The id of the refused request, where one could be read.
    pub id: Option<OwnedId>,
    /// Raw JSON for the error's `data`.
    data: Option<String>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, text: impl Into<Cow<'static, str>>) -> Self {
        Self { status, code: Code::INVALID_REQUEST, text: text.into(), id: None, data: None }
    }

    pub(super) fn bad_request(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, text)
    }

    /// Headers and body disagree, or a header that the body calls for is not there.
    pub(super) fn mismatch(text: impl Into<Cow<'static, str>>) -> Self {
        Self::bad_request(text).with_code(Code::HEADER_MISMATCH)
    }

    pub(super) fn with_code(mut self, code: Code) -> Self {
        self.code = code;
        self
    }

    pub(super) fn with_id(mut self, id: Option<OwnedId>) -> Self {
        self.id = id;
        self
    }

    /// `data` is well-formed JSON.
    pub(super) fn with_data(mut self, data: String) -> Self {
        self.data = Some(data);
        self
    }

    /// The body to answer with.
    pub fn to_message(&self) -> JsonRpcMessage {
        JsonRpcMessage::refusal_with(self.id.as_ref(), self.code, &self.text, self.data.as_deref())
    }
}

impl From<&ParseError> for Refusal {
    fn from(error: &ParseError) -> Self {
        let status =
            if error.is_too_large() { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
        Self::new(status, error.to_string()).with_code(error.code()).with_id(error.id().cloned())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.status.as_u16(), self.text)
    }
}

impl std::error::Error for Refusal {}
