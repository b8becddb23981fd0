//! An event stream that is being read.

use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue};
use tokio::time::{Instant, timeout_at};

use super::body::Chunks;
use super::session::Session;
use super::state::Shared;
use crate::error::Error;
use crate::message::{Fault, ParseError, ScanOptions, batch_of_server, is_batch};
use crate::wire::http::last_event_id_value;
use crate::wire::sse::{Decoder, Event, Limits};

/// A comment that comes sooner may be only how a server begins every stream.
const GREETING: Duration = Duration::from_secs(1);

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    Json,
    Events,
    Other,
}

/// By its type; parameters do not matter.
pub(super) fn content(headers: &HeaderMap) -> Content {
    let named = headers.get(CONTENT_TYPE);
    if named.is_some_and(|value| value == "application/json") {
        return Content::Json; // as nearly every server writes it
    }
    let named = named.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = named.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Content::Json
    } else if essence.eq_ignore_ascii_case("text/event-stream") {
        Content::Events
    } else {
        Content::Other
    }
}

#[derive(Debug)]
pub(super) struct Events {
    body: Chunks,
    decoder: Decoder,
    /// What the stream before it was asked to wait.
    pause: Option<Duration>,
    /// Something came after the head.
    pub(super) any: bool,
    /// When there last was a sign of life: an event or a comment.
    pub(super) heard: Instant,
    begun: Instant,
}

impl Events {
    pub(super) fn new(body: Chunks, scan: &ScanOptions) -> Self {
        let (decoder, now) = (Decoder::new(Limits::new(scan.max_bytes)), Instant::now());
        Self { body, decoder, pause: None, any: false, heard: now, begun: now }
    }

    /// It goes on after this event, and what the server asked for stands.
    pub(super) fn after(mut self, last: Option<HeaderValue>, pause: Option<Duration>) -> Self {
        if let Some(Ok(last)) = last.as_ref().map(HeaderValue::to_str) {
            self.decoder = self.decoder.after(last);
        }
        self.pause = pause;
        self
    }

    /// The next event; `None` at the end. Fails if there is no event and no comment for as long as `silence`.
    pub(super) async fn next(&mut self, silence: Option<Duration>) -> Result<Option<Event>, Error> {
        let mut deadline = silence.map(|silence| Instant::now() + silence);
        loop {
            let comments = self.decoder.comments();
            if let Some(event) = self.decoder.next_event()? {
                (self.any, self.heard) = (true, Instant::now());
                return Ok(Some(event));
            }
            if self.decoder.comments() > comments {
                let now = Instant::now();
                deadline = silence.map(|silence| now + silence);
                // Many servers begin with one, those too that have nothing to say and end the stream at once.
                if self.any || now >= self.begun + GREETING {
                    self.heard = now;
                }
            }
            let chunk = match deadline {
                Some(deadline) => timeout_at(deadline, self.body.next()).await.unwrap_or_else(|_| {
                    Err(Error::timeout(format_args!(
                        "the server was silent for {:?}",
                        silence.unwrap_or_default()
                    )))
                })?,
                None => self.body.next().await?,
            };
            match chunk {
                Some(chunk) => self.decoder.push(chunk),
                None => return Ok(None),
            }
        }
    }

    /// Where the stream can be taken up again, if it can.
    pub(super) fn last_id(&self) -> Option<HeaderValue> {
        self.decoder.last_event_id().and_then(last_event_id_value)
    }

    /// How long the server asks to wait before that.
    pub(super) fn retry(&self) -> Option<Duration> {
        self.decoder.retry().or(self.pause)
    }

    pub(super) fn into_body(self) -> Chunks {
        self.body
    }
}

/// Not one that only opens the stream, or is of another type.
pub(super) fn has_message(event: &Event) -> bool {
    event.is_message() && !event.data.is_empty()
}

/// The messages in an event that is a batch.
pub(super) fn entries(event: &Event, session: &Session) -> Option<Vec<Bytes>> {
    let is_one = session.has_batches() && is_batch(&event.data);
    is_one.then(|| batch_of_server(&event.data).ok()).flatten()
}

impl Shared {
    /// Something on a stream that is no acceptable message.
    pub(super) fn dropped(&self, error: &ParseError) {
        self.count(|stats| stats.unreadable_events += 1);
        tracing::warn!(%error, "an event that is no acceptable message was dropped");
    }
}

/// What was read is no acceptable message.
pub(super) fn unreadable(error: &ParseError) -> Error {
    match error.fault() {
        Fault::TooLarge => Error::too_large(format_args!("the server's reply: {error}")),
        _ => Error::invalid(format_args!("the server's reply: {error}")),
    }
}
