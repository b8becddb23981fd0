//! How one reply is to be written.

/// How a front end on HTTP writes a reply: put it into the reply's extensions, where a stack knows better than what
/// arrives first.
///
/// ```
/// use shadowcat::session::ResponseMode;
/// use shadowcat::{JsonRpcMessage, Reply};
///
/// let mut reply = Reply::one(JsonRpcMessage::response(1, "{}")?);
/// reply.extensions_mut().insert(ResponseMode::Events);
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseMode {
    /// JSON if the response is the first that comes, else an event stream.
    #[default]
    Auto,
    /// One JSON document: what comes before the response is dropped, and questions of the server are refused.
    Json,
    /// An event stream, whatever comes.
    Events,
}
