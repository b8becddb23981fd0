//! Requests under small ids of our own, for servers that mangle others.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};

use super::running::Running;
use super::start;
use super::state::{Handle, Shared};
use crate::connect::rename::{self, Caller};
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind, OwnedId};
use crate::protocol::{method, peek};
use crate::reply::Reply;

/// The future of a call through an [`Http`](super::Http) leaf. Dropping it cancels the call.
pub struct ResponseFuture {
    running: Running,
    /// Of a request that was sent under another id.
    alias: Option<Box<Alias>>,
}

pub(super) fn start(handle: &Arc<Handle>, message: JsonRpcMessage) -> ResponseFuture {
    let (running, alias) = match outbound(&handle.0, message) {
        Ok(Renamed::AsItIs(message)) => (start::start(handle, message), None),
        Ok(Renamed::Under(message, alias)) => (start::start(handle, message), Some(alias)),
        Ok(Renamed::Nowhere) => (Running::done(Ok(Reply::empty())), None),
        Err(error) => (Running::done(Err(error)), None),
    };
    ResponseFuture { running, alias }
}

impl Future for ResponseFuture {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let reply = ready!(Pin::new(&mut self.running).poll(cx))?;
        Poll::Ready(Ok(match self.alias.take() {
            Some(alias) => alias.restore(reply),
            None => reply,
        }))
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}

/// A message as it is sent.
enum Renamed {
    AsItIs(JsonRpcMessage),
    /// Under another id.
    Under(JsonRpcMessage, Box<Alias>),
    /// It names a call that the server knows by another id, and that is over.
    Nowhere,
}

/// What a request is called on the wire, and by its caller.
#[derive(Debug)]
struct Alias {
    wire: OwnedId,
    caller: Caller,
    is_listen: bool,
}

/// A session's own listen is not sent at all.
fn outbound(shared: &Shared, message: JsonRpcMessage) -> Result<Renamed, Error> {
    if !shared.options.rewrite_ids || message.is_session_listen() {
        return Ok(Renamed::AsItIs(message));
    }
    match (message.kind(), message.owned_id()) {
        (Kind::Request, Some(id)) => {
            let wire = OwnedId::from(fresh(shared));
            let token = message.meta().and_then(|_| peek::progress_token(&message).ok()?);
            let caller = Caller { id, token: token.map(|token| token.to_owned()) };
            let is_listen = message.is_listen();
            let sent = rename::send(message, &wire, caller.token.is_some()).map_err(Error::unsent)?;
            Ok(Renamed::Under(sent, Box::new(Alias { wire, caller, is_listen })))
        }
        // A call under way is cancelled by being dropped.
        (Kind::Notification, _) if message.is_method(method::CANCELLED) => Ok(Renamed::Nowhere),
        _ => Ok(Renamed::AsItIs(message)),
    }
}

/// From 1 to 2³¹−1, and again.
fn fresh(shared: &Shared) -> i64 {
    let number = shared.renamed.fetch_add(1, Ordering::Relaxed);
    i64::from(number % i32::MAX.unsigned_abs()) + 1
}

impl Alias {
    /// The reply under the ids that the caller knows.
    fn restore(self, reply: Reply) -> Reply {
        reply.map(move |message| rename::restore(message, &self.wire, &self.caller, self.is_listen))
    }
}
