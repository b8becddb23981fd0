use super::{Dialect, shape};
use crate::message::{Code, JsonRpcMessage, Kind};
use crate::protocol::method;

/// Why a message must not be sent to a Wassette that would go deaf of it.
///
/// ```
/// use shadowcat::{Code, JsonRpcMessage, wassette::Dialect};
///
/// let discover = JsonRpcMessage::request(1, "server/discover", "{}")?;
/// let refusal = Dialect::V0_2.understands(&discover).unwrap_err();
/// assert_eq!(refusal.code(), Some(Code::METHOD_NOT_FOUND)); // answer this, do not send
/// assert!(Dialect::V0_8.understands(&discover).is_ok());
///
/// let note = JsonRpcMessage::notification("notifications/elsewhere", "")?;
/// assert_eq!(Dialect::V0_2.understands(&note).unwrap_err().code(), None); // drop
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A request whose method it does not know.
    #[error("Method not found")]
    UnknownMethod,
    /// A request whose params it cannot read.
    #[error("Invalid params: {0}")]
    WrongParams(&'static str),
    /// A notification or an answer that it cannot read; nobody waits for an answer.
    #[error("not understood by this version of wassette: {0}")]
    Unwanted(&'static str),
}

impl Refusal {
    /// The code to answer with; `None` for what is dropped.
    pub fn code(self) -> Option<Code> {
        match self {
            Self::UnknownMethod => Some(Code::METHOD_NOT_FOUND),
            Self::WrongParams(_) => Some(Code::INVALID_PARAMS),
            Self::Unwanted(_) => None,
        }
    }
}

impl Dialect {
    /// Whether a message can be sent; where the dialect [goes deaf](Self::goes_deaf), only what it can parse.
    ///
    /// The method and the shape of params, results and errors are compared with what rmcp 0.2.1, which 0.2 is built
    /// on, can deserialise. The id of the message itself is not looked at: send one of your own, from 0 to
    /// 2³²−1. The message is parsed once more for this, and nothing of it is kept: that takes at most as much memory
    /// as its longest text.
    ///
    /// # Errors
    ///
    /// What to answer instead, or that the message is to be dropped.
    pub fn understands(self, message: &JsonRpcMessage) -> Result<(), Refusal> {
        if !self.goes_deaf() {
            return Ok(());
        }
        match message.kind() {
            Kind::Request => request(message),
            Kind::Notification => notification(message).map_err(Refusal::Unwanted),
            Kind::Response => response(message).map_err(Refusal::Unwanted),
        }
    }
}

fn request(message: &JsonRpcMessage) -> Result<(), Refusal> {
    let check: fn(&[u8]) -> shape::Checked = match message.method() {
        Some(method::PING) => |_| Ok(()),
        Some(method::INITIALIZE) => shape::initialize,
        Some(method::COMPLETE) => shape::complete,
        Some(method::SET_LEVEL) => shape::set_level,
        Some(method::PROMPTS_GET | method::TOOLS_CALL) => shape::named_call,
        Some(method::RESOURCES_READ | method::RESOURCES_SUBSCRIBE | method::RESOURCES_UNSUBSCRIBE) => {
            |params| shape::required(params, "uri", shape::is_text, "`uri` is no string")
        }
        Some(
            method::TOOLS_LIST
            | method::PROMPTS_LIST
            | method::RESOURCES_LIST
            | method::RESOURCES_TEMPLATES_LIST,
        ) => shape::list,
        _ => return Err(Refusal::UnknownMethod),
    };
    check_payload(message, check).map_err(Refusal::WrongParams)
}

fn notification(message: &JsonRpcMessage) -> shape::Checked {
    let check: fn(&[u8]) -> shape::Checked = match message.method() {
        Some(method::INITIALIZED | "notifications/roots/list_changed") => |_| Ok(()),
        Some(method::CANCELLED) => shape::cancelled,
        Some(method::PROGRESS) => shape::progress,
        _ => return Err("an unknown notification"),
    };
    check_payload(message, check)
}

fn check_payload(message: &JsonRpcMessage, check: fn(&[u8]) -> shape::Checked) -> shape::Checked {
    check(message.params().unwrap_or(b"null"))?;
    shape::readable(message.bytes())
}

fn response(message: &JsonRpcMessage) -> shape::Checked {
    match (message.result(), message.error()) {
        (Some(result), _) if !shape::is_object(result) => Err("a result that is no object"),
        (_, Some(error)) => shape::error(error).and_then(|()| shape::readable(message.bytes())),
        _ => shape::readable(message.bytes()),
    }
}
