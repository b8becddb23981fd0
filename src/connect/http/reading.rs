//! An answer that is a stream of events and ends in the response.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::response::Parts;
use http::{Response, StatusCode};
use tokio::time::{Instant, sleep};

use super::answer::{one, single, whole};
use super::body::Chunks;
use super::call::{Call, Role};
use super::events::{self, Content, Events, content};
use super::questions::{Asked, Asking};
use super::refusal;
use super::state::{Shared, in_time};
use super::stream::SHORTEST;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind, ParseError, batch_of_server, is_batch, looks_like_reply};
use crate::protocol::{Era, method};
use crate::reply::Reply;
use crate::wire::sse::Event;

type Item = Result<JsonRpcMessage, Error>;

/// Reads up to the first message, which decides what the reply is; of a listen, up to its head.
pub(super) async fn read(call: Call, head: Parts, body: Chunks) -> Result<Reply, Error> {
    let shared = call.shared().clone();
    let events = Events::new(body, &shared.options.scan);
    let is_listen = call.role == Role::Listen;
    let mut answer = Answer::new(call, head, Some(events));
    if is_listen {
        answer.call.opened();
        return Ok(Reply::stream(Rest::of(None, answer)));
    }
    // Others wait for what opens the session, so that a comment is not enough there.
    let first = match answer.call.role {
        Role::Initialize => in_time(shared.clock.before(answer.call.deadline, answer.next()).await)?,
        _ => answer.next().await?,
    };
    Ok(answer.reply(first))
}

/// A document that may be a batch: its messages, as if they had come one by one.
pub(super) async fn read_batch(mut call: Call, response: Response<Chunks>) -> Result<Reply, Error> {
    let (head, mut body) = response.into_parts();
    let bytes = whole(&call, &mut body).await?;
    if !is_batch(&bytes) {
        return single(&mut call, head, bytes);
    }
    let entries = batch_of_server(&bytes);
    let entries =
        entries.map_err(|fault| Error::invalid(format_args!("the server's reply: {}", fault.why())))?;
    let mut answer = Answer::new(call, head, None);
    answer.batch.extend(entries);
    let first = answer.next().await?;
    Ok(answer.reply(first))
}

/// A stream of events that is being read.
struct Answer {
    call: Call,
    head: Parts,
    /// `None` while it is taken up again, and of a document.
    events: Option<Events>,
    /// What is left of a batch.
    batch: VecDeque<Bytes>,
    /// The final response has come.
    over: bool,
}

impl Answer {
    fn new(call: Call, head: Parts, events: Option<Events>) -> Self {
        Self { call, head, events, batch: VecDeque::new(), over: false }
    }

    /// What it is, by its first message.
    fn reply(self, first: JsonRpcMessage) -> Reply {
        match self.over {
            true => one(first, self.head),
            false => Reply::stream(Rest::of(Some(first), self)),
        }
    }

    /// The next message for the caller.
    async fn next(&mut self) -> Item {
        let shared = self.call.shared().clone();
        shared.unless_ended(self.next_unless_ended(&shared)).await
    }

    async fn next_unless_ended(&mut self, shared: &Arc<Shared>) -> Item {
        let silence = (self.call.role != Role::Listen).then_some(shared.options.timeout);
        loop {
            let message = match self.batch.pop_front() {
                Some(entry) => self.read(&entry)?,
                None => self.next_event(shared, silence).await?,
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

    /// The message in the next event, if that is one.
    async fn next_event(
        &mut self,
        shared: &Arc<Shared>,
        silence: Option<Duration>,
    ) -> Result<Option<JsonRpcMessage>, Error> {
        let another = || Error::invalid("the server answered another request");
        let events = self.events.as_mut().ok_or_else(another)?;
        match events.next(silence).await {
            Ok(Some(event)) => {
                if event.data.is_empty() && event.id.is_some() {
                    self.primed();
                }
                self.read_event(&event)
            }
            Err(error) if !error.is_closed() => Err(error),
            broken => self.resume(shared, broken.err()).await.map(|()| None),
        }
    }

    /// What is several messages waits to be taken.
    fn read_event(&mut self, event: &Event) -> Result<Option<JsonRpcMessage>, Error> {
        if !events::has_message(event) {
            return Ok(None);
        }
        match events::entries(event, &self.call.session) {
            Some(entries) => {
                self.batch.extend(entries);
                Ok(None)
            }
            None => self.read(&event.data),
        }
    }

    /// The server lets its client take the stream up again, from here on.
    fn primed(&self) {
        if let Some(stream) = &self.call.stream {
            stream.open();
        }
    }

    fn read(&self, data: &Bytes) -> Result<Option<JsonRpcMessage>, Error> {
        match JsonRpcMessage::parse_with(data.clone(), &self.call.shared().options.scan) {
            Ok(message) => Ok(Some(message)),
            Err(error) if self.is_answer(data, &error) => Err(events::unreadable(&error)),
            Err(error) => {
                self.call.shared().dropped(&error);
                Ok(None)
            }
        }
    }

    /// What cannot be read was meant as the response.
    fn is_answer(&self, data: &[u8], error: &ParseError) -> bool {
        looks_like_reply(data) && error.id().is_none_or(|id| Some(id) == self.call.id.as_ref())
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
                    Asking::TooMany => self.call.say_aside(shared.refusals(&[id])),
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
        let events = self.events.as_ref().filter(|_| self.call.era == Era::Legacy);
        let numbered = events.and_then(|events| Some((events.last_id()?, events.retry(), events.heard)));
        let Some((last, asked, heard)) = numbered else { return Err(broken.unwrap_or_else(closed)) };
        if let (None, Some(stream)) = (&broken, &self.call.stream) {
            stream.close(); // the server wants its client to come back, and so do we
        }
        let (first, most) = shared.options.reconnect;
        let mut pause = asked.unwrap_or(first).max(SHORTEST);
        let deadline = heard + shared.options.timeout;
        loop {
            if Instant::now() + pause >= deadline {
                return Err(broken.unwrap_or_else(|| Error::timeout("the server did not answer in time")));
            }
            sleep(pause).await;
            shared.count(|stats| stats.reconnections += 1);
            let sent = shared.get_rest(&self.call, last.clone());
            match in_time(shared.clock.before(deadline, sent).await) {
                Ok(response)
                    if response.status().is_success() && content(response.headers()) == Content::Events =>
                {
                    let events = Events::new(response.into_body(), &shared.options.scan);
                    let mut events = events.after(Some(last), asked);
                    events.heard = heard; // to be there is no sign of life yet
                    self.events = Some(events);
                    return Ok(());
                }
                Ok(response) if !is_temporary(response.status()) => {
                    let (head, _) = response.into_parts();
                    let failure = shared.failure(head.status, &head.headers, &self.call.session);
                    if let Some(lost) = failure.filter(Error::is_session_lost) {
                        shared.lose(&self.call.session, &lost);
                        return Err(lost.with_extension(refusal::said(&self.call, head, None)));
                    }
                    // It has no such stream; what happened is that the answer broke off.
                    return Err(broken.unwrap_or_else(closed));
                }
                _ => pause = (pause * 2).min(most.max(pause)),
            }
        }
    }
}

/// It may have the stream later. 409: it has not noticed yet that the connection before is gone.
fn is_temporary(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::CONFLICT
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
