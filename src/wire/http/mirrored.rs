//! What the head of a client's call said of its arguments, on its way through a stack.

use std::fmt;

use http::HeaderMap;

use super::forward::without_secrets;
use super::{ParamHeaders, Refusal, check_params, forwarded};
use crate::message::JsonRpcMessage;
use crate::protocol::peek;

/// A `tools/call` as it came over HTTP: its body, and the `Mcp-Param-…` headers beside it, known or not.
///
/// A front end puts it into the message's [context](JsonRpcMessage::context), for the two that need it: whoever
/// knows the tool's schema and [checks](Self::check) head against body, and a connector to another HTTP server, which
/// forwards the headers [as they are](Self::holds_for) (2026-07-28 basic/transports/streamable-http, "Server Behavior
/// for Custom Headers"). A call without it came by another way, and has no head that could lie.
///
/// ```
/// use http::HeaderMap;
/// use shadowcat::JsonRpcMessage;
/// use shadowcat::wire::http::Mirrored;
///
/// let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"sql","arguments":{"region":"eu"}}"#)?;
/// let mut headers = HeaderMap::new();
/// headers.insert("mcp-param-region", "eu".parse()?);
/// headers.insert("authorization", "Bearer secret".parse()?);
/// let mirrored = Mirrored::new(call.clone(), &headers);
/// assert_eq!(mirrored.headers().len(), 1);
/// assert!(mirrored.holds_for(&call.clone().with_id(2)));
///
/// let changed = call.edit().params(r#"{"name":"sql","arguments":{"region":"us"}}"#).finish()?;
/// assert!(!mirrored.holds_for(&changed));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Mirrored {
    sent: JsonRpcMessage,
    headers: HeaderMap,
}

impl Mirrored {
    /// Of a call and its head; other headers than `Mcp-Param-…` are not kept.
    pub fn new(call: JsonRpcMessage, headers: &HeaderMap) -> Self {
        Self { sent: call, headers: forwarded(headers, &[]) }
    }

    /// What rides beside this message.
    pub fn of(message: &JsonRpcMessage) -> Option<&Self> {
        message.context()?.shared().get()
    }

    /// The headers. They may hold what a layer has since taken out of the body.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Those of the headers that go on to another server: with the feature `secret`, none in which a secret is found. It
    /// may stand in the head and not in the body, where layers look for it.
    pub fn forwarded(&self) -> HeaderMap {
        without_secrets(&self.headers)
    }

    /// Whether the message still calls the same tool with the same arguments, byte for byte, so that the headers
    /// say as much of it as they did of what the client sent.
    pub fn holds_for(&self, message: &JsonRpcMessage) -> bool {
        if message.method() != self.sent.method() {
            return false; // nothing but a call of a tool has such headers
        }
        let (sent, now) = (self.sent.params().unwrap_or_default(), message.params().unwrap_or_default());
        let is_same =
            |key| matches!((peek::member(sent, key), peek::member(now, key)), (Ok(a), Ok(b)) if a == b);
        sent == now || is_same("name") && is_same("arguments")
    }

    /// Checks the headers against the body that they came with, whatever became of it since.
    ///
    /// # Errors
    ///
    /// As [`check_params`].
    pub fn check(&self, params: &ParamHeaders) -> Result<(), Refusal> {
        check_params(&self.headers, &self.sent, params)
    }
}

impl fmt::Debug for Mirrored {
    /// Names of headers, never their values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirrored").field("headers", &self.headers.keys().collect::<Vec<_>>()).finish()
    }
}
