//! Calls of tools, whose heads say what the list of tools wants said; and that list, read where a call needs it.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, timeout};

use super::answer;
use super::call::Call;
use super::refusal::code;
use super::state::{Handle, within};
use super::tools::sent_with;
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage};
use crate::reply::{Reply, Upstream};
use crate::wire::http::{ClientAuthorization, ToolsReader};

/// How long a list may take in all, if calls may.
const LONGEST: Duration = Duration::from_secs(10);
/// How long no list is asked for after one that could not be read.
const PAUSE: Duration = Duration::from_secs(30);

impl Call {
    /// A modern `tools/call` of which nobody but us can say what it mirrors: it did not come over HTTP, or a layer
    /// has changed it since.
    pub(super) fn is_ours_to_mirror(&self, message: &JsonRpcMessage) -> bool {
        self.calls_tool && sent_with(message).is_none()
    }

    /// Sends such a call. The server may say that the head is not what its list asks for now: then the list is read
    /// anew, and if it says otherwise than before, the call is sent once more. The server has not acted upon it
    /// (2026-07-28 basic/transports/streamable-http, "Client Behavior").
    pub(super) async fn call_tool(mut self, message: JsonRpcMessage) -> Result<Reply, Error> {
        let (shared, handle) = (self.shared().clone(), self.handle.clone());
        if !shared.lock().tools.knows(&message) {
            read_list(&handle, &message, None).await?;
            self.renew();
        }
        let (before, version) = {
            let tools = &shared.lock().tools;
            (tools.mirrored(&message), tools.version(&message))
        };
        let response = shared.unless_ended(self.post(&message)).await?;
        let reply = shared.unless_ended(answer::read(self, response)).await?;
        if !is_mismatch(&reply) {
            return Ok(reply);
        }
        read_list(&handle, &message, Some(version)).await?;
        if shared.lock().tools.mirrored(&message) == before {
            return Ok(reply);
        }
        tracing::debug!(
            ?message,
            "a call is sent again with the headers that the list of tools asks for now"
        );
        shared.lock().stats.repeated_calls += 1;
        let mut again = Call::new(&handle, &message);
        let response = shared.unless_ended(again.post(&message)).await?;
        shared.unless_ended(answer::read(again, response)).await
    }
}

fn is_mismatch(reply: &Reply) -> bool {
    reply.as_one().and_then(code) == Some(Code::HEADER_MISMATCH.0)
}

/// Reads the list, unless another call has since the state had this version; calls that need it wait for the one
/// that reads, as long as that itself may take at most. Where it cannot be read, calls go on with what is known: the server refuses them if it minds.
async fn read_list(handle: &Arc<Handle>, call: &JsonRpcMessage, seen: Option<u64>) -> Result<(), Error> {
    let shared = &handle.0;
    let limit = shared.options.timeout.min(LONGEST);
    shared
        .unless_ended(async {
            // Those before may be many, and each may take its time.
            let Ok(_turn) = timeout(limit, shared.listing.lock()).await else { return Ok(()) };
            let began = {
                let tools = &shared.lock().tools;
                let is_read = tools.knows(call) && seen.is_none_or(|seen| tools.version(call) != seen);
                if is_read || tools.not_before(call).is_some_and(|at| Instant::now() < at) {
                    return Ok(());
                }
                tools.version(call)
            };
            let read = within(limit, read_pages(handle, call)).await;
            let mut state = shared.lock();
            match read {
                Ok(read) => state.tools.answered(call).replace(read.finish(), began),
                Err(error) => {
                    tracing::warn!(%error, "the list of tools could not be read");
                    if !(shared.options.transparent && is_forbidden(&error)) {
                        state.tools.answered(call).not_before = Some(Instant::now() + PAUSE);
                    }
                }
            }
            Ok(())
        })
        .await
}

/// That one client may not see the list says nothing about the next.
fn is_forbidden(error: &Error) -> bool {
    error.extensions().get().is_some_and(is_refusal)
}

fn is_refusal(said: &Upstream) -> bool {
    matches!(said.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

async fn read_pages(handle: &Arc<Handle>, call: &JsonRpcMessage) -> Result<ToolsReader, Error> {
    let mut reader = ToolsReader::for_call(call);
    loop {
        let mut ask = reader.request()?;
        if let Some(authorization) = call.extensions().get::<ClientAuthorization>() {
            ask.extensions_mut().insert(authorization.clone());
        }
        let mut asking = Call::new(handle, &ask);
        asking.lists = None; // it is not for a client
        let response = asking.post(&ask).await?;
        let reply = answer::read(asking, response).await?;
        if let Some(said) = reply.extensions().get::<Upstream>().filter(|said| is_refusal(said)) {
            return Err(Error::invalid("the client may not list tools").with_extension(said.clone()));
        }
        let page = reply.collect(reader.room()).await?.pop();
        let page = page.ok_or_else(|| Error::closed("the server's answer ended without a response"))?;
        if !reader.take(&page)? {
            return Ok(reader);
        }
    }
}
