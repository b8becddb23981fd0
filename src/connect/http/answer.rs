//! The answer to a request: one document, or a stream of events.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::Response;
use http::response::Parts;

use super::body::Chunks;
use super::call::{Call, Role};
use super::events::{self, Content, content};
use super::opening::named_session;
use super::options::Transport;
use super::session::Session;
use super::state::in_time;
use super::{reading, refusal};
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind, OwnedId, ScanOptions};
use crate::protocol::ProtocolVersion;
use crate::reply::{Reply, Upstream};
use crate::wire::http::{session_id, speak_only};

/// What nearly every answer is: one document, of a request that succeeded.
pub(super) fn is_document(response: &Response<Chunks>) -> bool {
    response.status().is_success() && content(response.headers()) == Content::Json
}

/// Reads the one message that the answer is.
pub(super) fn document(
    call: &mut Call,
    response: Response<Chunks>,
) -> impl Future<Output = Result<Reply, Error>> {
    // Taken apart here, and not in what waits, it is kept once.
    let (head, mut body) = response.into_parts();
    call.offered_by(&head);
    async move {
        let bytes = whole(call, &mut body).await?;
        single(call, head, bytes)
    }
}

/// Everything that the document is.
pub(super) async fn whole(call: &Call, body: &mut Chunks) -> Result<Bytes, Error> {
    let shared = call.shared();
    in_time(shared.clock.before(call.deadline, body.whole(shared.options.scan.max_bytes)).await)
}

/// The one message that these bytes are.
pub(super) fn single(call: &mut Call, head: Parts, bytes: Bytes) -> Result<Reply, Error> {
    let scan = &call.shared().options.scan;
    let message = JsonRpcMessage::parse_with(bytes, scan).map_err(|error| events::unreadable(&error))?;
    let message = call.own(message).ok_or_else(|| Error::invalid("the server answered another request"))?;
    Ok(one(call.answered(message, &head)?, head))
}

/// Reads up to the first message, which decides what the reply is; of a listen, up to its head.
pub(super) async fn read(mut call: Call, response: Response<Chunks>) -> Result<Reply, Error> {
    if is_document(&response) {
        return match call.session.has_batches() {
            true => reading::read_batch(call, response).await,
            false => document(&mut call, response).await,
        };
    }
    let (head, body) = response.into_parts();
    call.offered_by(&head);
    match content(&head.headers) {
        _ if !head.status.is_success() => refusal::read(call, head, body).await,
        Content::Events => reading::read(call, head, body).await,
        Content::Json | Content::Other => Err(refusal::of_other(&call, head, body).await),
    }
}

/// An error tells its status, which is the server's own choice (2026-07-28 basic/transports/streamable-http).
pub(super) fn one(message: JsonRpcMessage, head: Parts) -> Reply {
    let is_error = message.error().is_some();
    let mut reply = Reply::one(message);
    if is_error {
        reply.extensions_mut().insert(Upstream::new(head.status, head.headers, None));
    }
    reply
}

impl Call {
    /// What the answer to an `initialize` names is ended at the server, unless it is opened.
    fn offered_by(&mut self, head: &Parts) {
        if self.role == Role::Initialize {
            let id = named_session(&head.headers);
            self.shared().lock().offered.clone_from(&id);
            self.offered =
                id.map_or_else(Session::default, |id| Session::new(Some(id), None, http::HeaderMap::new()));
        }
    }

    /// The message if it is the response to this call. An error without an id can be about nothing else here.
    pub(super) fn own(&self, message: JsonRpcMessage) -> Option<JsonRpcMessage> {
        let id = self.id.as_ref().filter(|_| message.kind() == Kind::Response)?;
        match message.id() {
            Some(_) => message.has_id(id).then_some(message),
            None => named(id, &message, &self.shared().options.scan),
        }
    }

    /// The server takes such calls: it is of their era, and on the newer transport.
    pub(super) fn opened(&self) {
        let shared = self.shared();
        if shared.is_known.load(Ordering::Relaxed) {
            return;
        }
        shared.is_known.store(true, Ordering::Relaxed);
        shared.lock().era.get_or_insert(self.era);
        shared.transport.send_if_modified(|known| known.replace(Transport::Streamable).is_none());
    }

    /// The final response has come, as it goes to the caller; an `initialize` opens the session with it.
    pub(super) fn answered(
        &mut self,
        message: JsonRpcMessage,
        head: &Parts,
    ) -> Result<JsonRpcMessage, Error> {
        if self.role == Role::Initialize && message.result().is_some() {
            session_id(&head.headers).map_err(|error| Error::invalid(error.text))?;
            let offered = std::mem::take(&mut self.offered);
            let head = self.shared().head.clone();
            let opened = Session::opened(offered.id().cloned(), &message, head);
            self.note(&opened);
            self.shared().open_session(opened);
        }
        if message.result().is_some() {
            self.opened();
        }
        self.settle();
        Ok(match self.lists {
            Some(page) => self.listed(message, page),
            None if self.role == Role::Discover => speak_only(message, &ProtocolVersion::ALL),
            None => message,
        })
    }
}

/// The same error, under this id.
fn named(id: &OwnedId, error: &JsonRpcMessage, scan: &ScanOptions) -> Option<JsonRpcMessage> {
    let head = format!(r#"{{"jsonrpc":"2.0","id":{},"error":"#, id.as_str());
    JsonRpcMessage::parse_with([head.as_bytes(), error.error()?, b"}"].concat(), scan).ok()
}
