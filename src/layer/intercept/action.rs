//! What an interceptor decides.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::message::{Code, JsonRpcMessage};
use crate::reply::Reply;

/// What becomes of a message.
///
/// A message that someone waits for is never just gone: where a request is blocked or dropped, whoever sent it gets an
/// answer, and where a response is, an error takes its place.
#[derive(Debug)]
#[non_exhaustive]
pub enum Action {
    /// It goes on as it is, to the next interceptor.
    Continue,
    /// This goes on in its place. It must be of the same kind and keep the id.
    Modify(JsonRpcMessage),
    /// It does not go on. A request is answered so, a response replaced so, a notification dropped.
    Block(Block),
    /// This is the answer: to a client's request, which does not go upstream, or to a server's, which the client
    /// does not see. In the place of a response, it is the response. Ids are put right. A notification is dropped.
    ///
    /// Only a client's request can be answered by several messages.
    Respond(Reply),
    /// It goes on after this long, to the next interceptor.
    Delay(Duration),
    /// It does not go on, and nothing is said where nothing is due: a notification is gone, a request is answered
    /// with an error that says so, and so is one in whose response's place.
    Drop,
    /// It is lost on its way, and whoever waits for it, or for an answer to it, waits until giving up: for trying what
    /// peers do then.
    Lose,
    /// A notification to the client waits until so many were collected, or until a question or the response comes:
    /// then all go on, the last one first. Other notifications overtake it. At most 10,000 wait, and 1 MiB of them.
    /// Anything else goes on as it is.
    ///
    /// It goes on past the interceptors that follow.
    Collect(usize),
    /// Someone decides later. The wait has no limit of ours; when the client cancels its request, it is dropped.
    Hold(Held),
}

impl Action {
    /// Blocks with an error of this code.
    pub fn block(code: Code, why: impl fmt::Display) -> Self {
        Self::Block(Block::error(code, why))
    }

    /// Waits for a decision.
    ///
    /// ```
    /// use shadowcat::layer::intercept::Action;
    ///
    /// let (decide, decided) = tokio::sync::oneshot::channel();
    /// let action = Action::hold(async move { decided.await.unwrap_or(Action::Drop) });
    /// decide.send(Action::Continue).unwrap();
    /// # drop(action);
    /// ```
    pub fn hold(decided: impl Future<Output = Self> + Send + 'static) -> Self {
        Self::Hold(Held(Box::pin(decided)))
    }
}

/// How a message is blocked: with what answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    pub(super) code: Code,
    pub(super) why: String,
    pub(super) as_tool_error: bool,
}

impl Block {
    /// With a JSON-RPC error.
    pub fn error(code: Code, why: impl fmt::Display) -> Self {
        Self { code, why: why.to_string(), as_tool_error: false }
    }

    /// With a tool's result that says it failed (`isError`), which a model reads and may act upon. Only a
    /// `tools/call` has such a result; anything else gets the error -32603.
    pub fn tool_error(why: impl fmt::Display) -> Self {
        Self { code: Code::INTERNAL_ERROR, why: why.to_string(), as_tool_error: true }
    }

    /// What passed no strict scan is not judged.
    pub(in crate::layer) fn ambiguous() -> Self {
        Self::error(Code::INVALID_REQUEST, "The message can be read in more than one way")
    }
}

/// A decision that comes later.
pub struct Held(pub(super) Pin<Box<dyn Future<Output = Action> + Send>>);

impl Held {
    /// A decision that never comes: the message is held until its client gives up.
    pub fn never() -> Self {
        Self(Box::pin(std::future::pending()))
    }

    /// The decision, when it comes.
    pub(crate) async fn decision(self) -> Action {
        self.0.await
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}
