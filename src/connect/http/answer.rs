//! The answer to a request: one document, or a stream of events that ends in the response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use http::Response;
use http::response::Parts;
use tokio::time::{Instant, sleep};

use super::body::Chunks;
use super::call::{Call, Role};
use super::events::{self, Content, Events, content};
use super::opening::{named_session, version};
use super::options::Transport;
use super::questions::{Asked, Asking};
use super::refusal;
use super::state::{Session, Shared, in_time};
use super::stream::SHORTEST;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind, OwnedId, ParseError, ScanOptions, looks_like_reply};
use crate::protocol::{Era, method};
use crate::reply::{Reply, Upstream};
use crate::wire::http::session_id;
use crate::wire::sse::Event;

type Item = Result<JsonRpcMessage, Error>;

/// What nearly every answer is: one document, of a request that succeeded.
pub(super) fn is_document(response: &Response<Chunks>) -> bool {
    response.status().is_success() && content(response.headers()) == Content::Json
}

/// Reads the one message that the answer is.
pub(super) async fn document(call: &mut Call, response: Response<Chunks>) -> Result<Reply, Error> {
    let (head, mut body) = response.into_parts();
    call.offered_by(&head);
    let shared = call.shared().clone();
    let scan = &shared.options.scan;
    let bytes = in_time(shared.clock.before(call.deadline, body.whole(scan.max_bytes)).await)?;
    let message = JsonRpcMessage::parse_with(bytes, scan).map_err(|error| events::unreadable(&error))?;
    let message = call.own(message).ok_or_else(|| Error::invalid("the server answered another request"))?;
    Ok(one(call.answered(message, &head)?, head))
}

/// Reads up to the first message, which decides what the reply is; of a listen, up to its head.
pub(super) async fn read(mut call: Call, response: Response<Chunks>) -> Result<Reply, Error> {
    if is_document(&response) {
        return document(&mut call, response).await;
    }
    let (head, body) = response.into_parts();
    call.offered_by(&head);
    match content(&head.headers) {
        _ if !head.status.is_success() => refusal::read(call, head, body).await,
        Content::Events => events(call, head, body).await,
        Content::Json | Content::Other => {
            let status = head.status.as_u16();
            Err(Error::invalid(format_args!(
                "the server answered HTTP {status} with neither JSON nor events"
            )))
        }
    }
}

async fn events(call: Call, head: Parts, body: Chunks) -> Result<Reply, Error> {
    let shared = call.shared().clone();
    let events = Events::new(body, &shared.options.scan);
    let is_listen = call.role == Role::Listen;
    let mut answer = Answer { call, head, events: Some(events), news: Instant::now(), over: false };
    if is_listen {
        answer.call.opened();
        return Ok(Reply::stream(Rest::of(None, answer)));
    }
    // Others wait for what opens the session, so that a comment is not enough there.
    let first = match answer.call.role {
        Role::Initialize => in_time(shared.clock.before(answer.call.deadline, answer.next()).await)?,
        _ => answer.next().await?,
    };
    if answer.over {
        return Ok(one(first, answer.head));
    }
    Ok(Reply::stream(Rest::of(Some(first), answer)))
}

/// An error tells its status, which is the server's own choice (2026-07-28 basic/transports/streamable-http).
fn one(message: JsonRpcMessage, head: Parts) -> Reply {
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
    fn opened(&self) {
        let shared = self.shared();
        shared.lock().era.get_or_insert(self.era);
        shared.transport.send_if_modified(|known| known.replace(Transport::Streamable).is_none());
    }

    /// The final response has come, as it goes to the caller; an `initialize` opens the session with it.
    fn answered(&mut self, message: JsonRpcMessage, head: &Parts) -> Result<JsonRpcMessage, Error> {
        if self.role == Role::Initialize && message.result().is_some() {
            session_id(&head.headers).map_err(|error| Error::invalid(error.text))?;
            let offered = std::mem::take(&mut self.offered);
            let head = self.shared().head.clone();
            let opened = Session::new(offered.id().cloned(), version(&message), head);
            self.shared().open_session(opened);
        }
        if message.result().is_some() {
            self.opened();
        }
        self.settle();
        Ok(match self.lists {
            Some(page) => self.listed(message, page),
            None => message,
        })
    }
}

/// The same error, under this id.
fn named(id: &OwnedId, error: &JsonRpcMessage, scan: &ScanOptions) -> Option<JsonRpcMessage> {
    let head = format!(r#"{{"jsonrpc":"2.0","id":{},"error":"#, id.as_str());
    JsonRpcMessage::parse_with([head.as_bytes(), error.error()?, b"}"].concat(), scan).ok()
}

/// A stream of events that is being read.
struct Answer {
    call: Call,
    head: Parts,
    /// `None` while it is taken up again.
    events: Option<Events>,
    /// When something last came.
    news: Instant,
    /// The final response has come.
    over: bool,
}

impl Answer {
    /// The next message for the caller.
    async fn next(&mut self) -> Item {
        let shared = self.call.shared().clone();
        shared.unless_ended(self.next_unless_ended(&shared)).await
    }

    async fn next_unless_ended(&mut self, shared: &Arc<Shared>) -> Item {
        let silence = (self.call.role != Role::Listen).then_some(shared.options.timeout);
        loop {
            let Some(events) = &mut self.events else { return Err(closed()) };
            let message = match events.next(silence).await {
                Ok(Some(event)) => {
                    self.news = Instant::now();
                    if event.data.is_empty() && event.id.is_some() {
                        self.primed();
                    }
                    self.read(&event)?
                }
                Err(error) if !error.is_closed() => return Err(error),
                broken => {
                    self.resume(shared, broken.err()).await?;
                    None
                }
            };
            if let Some(message) = message.and_then(|message| self.take(shared, message)) {
                if !self.over {
                    return Ok(message);
                }
                let message = self.call.answered(message, &self.head)?;
                if let Some(events) = self.events.take() {
                    shared.drain(events.into_body());
                }
                return Ok(message);
            }
        }
    }

    /// The server lets its client take the stream up again, from here on.
    fn primed(&self) {
        if let Some(stream) = &self.call.stream {
            stream.open();
        }
    }

    fn read(&self, event: &Event) -> Result<Option<JsonRpcMessage>, Error> {
        match events::message(event, &self.call.shared().options.scan) {
            Some(Err(error)) if self.is_answer(event, &error) => Err(events::unreadable(&error)),
            Some(Err(error)) => {
                self.call.shared().count(|stats| stats.unreadable_events += 1);
                tracing::warn!(%error, "an event that is no acceptable message was dropped");
                Ok(None)
            }
            Some(Ok(message)) => Ok(Some(message)),
            None => Ok(None),
        }
    }

    /// What cannot be read was meant as the response.
    fn is_answer(&self, event: &Event, error: &ParseError) -> bool {
        looks_like_reply(&event.data) && error.id().is_none_or(|id| Some(id) == self.call.id.as_ref())
    }

    fn take(&mut self, shared: &Arc<Shared>, message: JsonRpcMessage) -> Option<JsonRpcMessage> {
        match message.kind() {
            // It may be about anything that the server was sent, and ends nothing.
            Kind::Response if message.id().is_none() => Some(message),
            Kind::Response => {
                let own = self.call.own(message);
                self.over = own.is_some();
                if own.is_none() {
                    shared.count(|stats| stats.unmatched_replies += 1);
                    tracing::debug!("a reply to another request was dropped");
                }
                own
            }
            Kind::Request if self.call.era == Era::Modern => {
                shared.count(|stats| stats.unanswerable_requests += 1);
                tracing::warn!(method = message.method(), "a request of a modern server was dropped");
                None
            }
            Kind::Request => {
                let id = message.owned_id()?;
                let asking = shared.lock().questions.ask(&id, Asked::Call(self.call.number));
                match asking {
                    Asking::New => {}
                    Asking::Again => shared.count(|stats| stats.repeated_messages += 1),
                    Asking::TooMany => shared.refuse(vec![id]),
                }
                (asking == Asking::New).then_some(message)
            }
            Kind::Notification => {
                let mut state = shared.lock();
                if message.is_method(method::TOOLS_LIST_CHANGED) {
                    state.tools.forget(); // before whoever listens can act upon it
                }
                state.questions.withdraw(&message);
                drop(state);
                Some(message)
            }
        }
    }

    /// Takes the stream up where it broke, if the server numbered its events (2025-11-25 basic/transports,
    /// "Resumability and Redelivery"); nothing is asked a second time.
    async fn resume(&mut self, shared: &Arc<Shared>, broken: Option<Error>) -> Result<(), Error> {
        let last = self.events.as_ref().and_then(Events::last_id).filter(|_| self.call.era == Era::Legacy);
        let Some(last) = last else { return Err(broken.unwrap_or_else(closed)) };
        if let (None, Some(stream)) = (&broken, &self.call.stream) {
            stream.close(); // the server wants its client to come back, and so do we
        }
        let (first, most) = shared.options.reconnect;
        let asked = self.events.as_ref().and_then(Events::retry);
        let mut pause = asked.unwrap_or(first).max(SHORTEST);
        let deadline = self.news + shared.options.timeout;
        loop {
            if Instant::now() + pause >= deadline {
                return Err(broken.unwrap_or_else(|| Error::timeout("the server did not answer in time")));
            }
            sleep(pause).await;
            shared.count(|stats| stats.reconnections += 1);
            let sent = shared.get(shared.uri.clone(), &self.call.session, Some(last.clone()));
            match in_time(shared.clock.before(deadline, sent).await) {
                Ok(response)
                    if response.status().is_success() && content(response.headers()) == Content::Events =>
                {
                    self.events = Some(
                        Events::new(response.into_body(), &shared.options.scan).after(Some(last), asked),
                    );
                    return Ok(());
                }
                Ok(response) if !response.status().is_server_error() => {
                    let failure = shared.failure(response.status(), response.headers(), &self.call.session);
                    if let Some(lost) = failure.filter(Error::is_session_lost) {
                        shared.lose(&self.call.session, &lost);
                        return Err(lost);
                    }
                    // It has no such stream; what happened is that the answer broke off.
                    return Err(broken.unwrap_or_else(closed));
                }
                _ => pause = (pause * 2).min(most.max(pause)),
            }
        }
    }
}

fn closed() -> Error {
    Error::closed("the server ended its stream before it answered")
}

/// What is left of an answer after its first message.
struct Rest {
    first: Option<JsonRpcMessage>,
    step: Option<Step>,
}

/// Boxed message by message: an answer of several is long in coming anyway.
type Step = Pin<Box<dyn Future<Output = (Item, Answer)> + Send>>;

impl Rest {
    fn of(first: Option<JsonRpcMessage>, answer: Answer) -> Self {
        Self { first, step: Some(step(answer)) }
    }
}

fn step(mut answer: Answer) -> Step {
    Box::pin(async move { (answer.next().await, answer) })
}

impl Stream for Rest {
    type Item = Item;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Item>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        let Some(running) = &mut self.step else { return Poll::Ready(None) };
        let (item, answer) = ready!(running.as_mut().poll(cx));
        self.step = (!answer.over && item.is_ok()).then(|| step(answer));
        Poll::Ready(Some(item))
    }
}
