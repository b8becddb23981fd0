//! What a value is in MCP, by its place in a message.

/// What an object or an array is, and so what its members are.
///
/// Whatever the protocol does not give a shape is `Data`: arguments, structured content, data of errors and logs. In
/// there nothing is protected, however it is called: a tool's own argument `cursor` is as good a place for a key as any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The message itself.
    Envelope,
    /// `params` or `result`: the message's own, or one that a request for input carries.
    Payload,
    /// `_meta` of what the protocol gives a shape.
    Meta,
    /// Content: an array of blocks, or one block.
    Content,
    /// One block of content.
    Block,
    /// Messages of a prompt or for sampling, each with content.
    Messages,
    Message,
    /// `inputRequests` and `inputResponses` (2026-07-28 basic/patterns/mrtr), by names that a server chose.
    Inputs,
    /// One of them: a request of the server, or the client's result.
    Input,
    Data,
}

impl Role {
    /// What the member `key` of such an object is.
    pub(super) fn member(self, key: &str) -> Self {
        match (self, key) {
            (Self::Payload | Self::Block | Self::Input, "_meta") => Self::Meta,
            (Self::Payload | Self::Block | Self::Message | Self::Input, "content") => Self::Content,
            (Self::Payload, "messages") => Self::Messages,
            (Self::Payload, "inputRequests" | "inputResponses") => Self::Inputs,
            (Self::Inputs, _) => Self::Input,
            (Self::Envelope | Self::Input, "params" | "result") => Self::Payload,
            _ => Self::Data,
        }
    }

    /// What an element of such an array is.
    pub(super) fn element(self) -> Self {
        match self {
            Self::Content => Self::Block,
            Self::Messages => Self::Message,
            _ => Self::Data,
        }
    }

    /// What it is where it turns out to be an object.
    pub(super) fn as_object(self) -> Self {
        match self {
            Self::Content => Self::Block,
            Self::Messages => Self::Data,
            role => role,
        }
    }

    /// Whether the member `key` of such an object is the protocol's own and means nothing but itself: who changes it
    /// breaks the protocol, and a secret has no business there.
    pub(super) fn protects(self, key: &str) -> bool {
        match self {
            Self::Envelope => matches!(key, "jsonrpc" | "id" | "method"),
            Self::Payload => {
                matches!(key, "requestState" | "cursor" | "nextCursor" | "progressToken" | "subscriptionId")
            }
            Self::Meta => {
                matches!(key, "progressToken" | "subscriptionId") || key.ends_with("/subscriptionId")
            }
            _ => false,
        }
    }
}
