//! Whether a server is a modern one, and whether there is one at all.

use std::sync::Arc;

use http::StatusCode;

use super::answer;
use super::call::Call;
use super::events::{Content, content};
use super::refusal::{is_modern, is_refused};
use super::session::Session;
use super::state::{Handle, in_time, within};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::protocol::{Era, method};
use crate::reply::{Reply, Upstream};

/// Never what a client would use.
const ID: &str = "shadowcat/probe";
const PARAMS: &str = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}"#;
/// What the answer may be in all.
const MOST: usize = 16 << 20;

/// Asks what only a modern server understands (2026-07-28 basic/versioning). A legacy one refuses it in one of many
/// ways; what says nothing about the era is an error.
pub(super) async fn probe(handle: &Arc<Handle>) -> Result<Era, Error> {
    let shared = &handle.0;
    if let Some(known) = shared.lock().era {
        return Ok(known);
    }
    let ask = JsonRpcMessage::request(ID, method::DISCOVER, PARAMS);
    let ask = ask.map_err(|error| Error::invalid(error).unsent())?;
    let mut call = Call::new(handle, &ask);
    let response = shared.unless_ended(call.post(&ask)).await?;
    let (status, deadline) = (response.status(), call.deadline);
    let era = match shared.unless_ended(answer::read(call, response)).await {
        Ok(reply) => in_time(shared.clock.before(deadline, judge(reply)).await)?
            .or(is_refused(status).then_some(Era::Legacy)),
        Err(error) if error.is_closed() || !is_refused(status) => return Err(error),
        Err(_) => Some(Era::Legacy),
    };
    let era = era.ok_or_else(|| match status.as_u16() {
        status @ 500.. => Error::closed(format_args!("the server answered HTTP {status}")),
        _ => Error::invalid("the server wants to know who asks"),
    })?;
    Ok(*shared.lock().era.get_or_insert(era))
}

/// `None`: the server would not even listen.
async fn judge(reply: Reply) -> Result<Option<Era>, Error> {
    let refused = reply.extensions().get::<Upstream>().is_some_and(|said| !said.status.is_success());
    let last = reply.collect(MOST).await?.pop();
    Ok(match last {
        Some(answer) if answer.result().is_some() || is_modern(&answer) => Some(Era::Modern),
        _ if refused => None,
        _ => Some(Era::Legacy),
    })
}

/// What a GET without a session finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::connect) enum Found {
    /// A stream of events, as the older transport opens one.
    Events,
    /// Nothing is there (404).
    Nothing,
    /// An endpoint of another kind, or one that wants to know who asks.
    Something,
}

/// Asks for a stream, and lets go of it where there is one.
pub(super) async fn look(handle: &Arc<Handle>) -> Result<Found, Error> {
    let shared = &handle.0;
    let sent = shared.get(shared.uri.clone(), &Session::default(), None);
    let response = within(shared.options.timeout, sent).await?;
    Ok(match response.status() {
        StatusCode::NOT_FOUND => Found::Nothing,
        status if status.is_success() && content(response.headers()) == Content::Events => Found::Events,
        status if status.is_server_error() => {
            let status = status.as_u16();
            return Err(Error::closed(format_args!("the server answered HTTP {status}")));
        }
        _ => Found::Something,
    })
}
