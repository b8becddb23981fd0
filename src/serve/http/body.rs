//! What a response carries.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use super::events::{Said, Source};
use crate::error::{BoxError, Error};
use crate::message::JsonRpcMessage;
use crate::wire::fault;
use crate::wire::sse::{Encoder, Event};

/// Events that are ready are sent together up to this many bytes.
const CHUNK: usize = 16 << 10;

/// The body of a response: nothing, one document, events as they come, or what a fallback answered.
///
/// An event stream reads the reply when it is polled, and only then: a client that does not read holds up its own
/// reply and no other. Dropping it is what a client that leaves looks like.
#[must_use = "a body is polled or dropped; dropping it is what a client that leaves looks like"]
pub struct Body(Kind);

enum Kind {
    Whole(Bytes),
    Events(Box<Events>),
    /// Of the fallback; the only one that can fail.
    Other(Pin<Box<dyn http_body::Body<Data = Bytes, Error = BoxError> + Send>>),
    /// Broken on purpose.
    Torn(Torn),
}

struct Events {
    source: Box<dyn Source>,
    encoder: Encoder,
    keep_alive: Duration,
    silence: Pin<Box<Sleep>>,
    over: bool,
    /// Behind what is there, the stream breaks, on purpose.
    torn: Option<Torn>,
}

/// Breaks the connection at the second poll: before that, what came earlier is written.
#[derive(Default)]
struct Torn(bool);

impl Torn {
    fn poll<T>(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<T, Error>>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(Some(Err(fault::broken())));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Body {
    pub(super) fn empty() -> Self {
        Self::whole(Bytes::new())
    }

    pub(super) fn whole(bytes: Bytes) -> Self {
        Self(Kind::Whole(bytes))
    }

    /// One message.
    pub(super) fn document(message: &JsonRpcMessage) -> Self {
        match fault::of(message) {
            None => Self::whole(message.bytes().clone()),
            Some(mark) => {
                mark.document(message.bytes()).map_or_else(|| Self(Kind::Torn(Torn::default())), Self::whole)
            }
        }
    }

    pub(super) fn other(body: impl http_body::Body<Data = Bytes, Error = BoxError> + Send + 'static) -> Self {
        Self(Kind::Other(Box::pin(body)))
    }

    /// A comment goes out after every `keep_alive` of silence.
    pub(super) fn events(source: impl Source + 'static, keep_alive: Duration) -> Self {
        let silence = Box::pin(tokio::time::sleep(keep_alive));
        let encoder = Encoder::new();
        Self(Kind::Events(Box::new(Events {
            source: Box::new(source),
            encoder,
            keep_alive,
            silence,
            over: false,
            torn: None,
        })))
    }
}

impl Default for Body {
    /// Nothing.
    fn default() -> Self {
        Self::empty()
    }
}

impl Events {
    fn push(&mut self, said: Said) {
        let Said { event, mark } = said;
        let Some(mark) = mark else { return self.write(&event) };
        match mark.frames(&event.data) {
            Some(frames) => frames.for_each(|data| self.write(&Event { data, ..event.clone() })),
            None => (self.over, self.torn) = (true, Some(Torn::default())),
        }
    }

    fn write(&mut self, event: &Event) {
        if let Err(error) = self.encoder.push(event) {
            tracing::error!(%error, "an event was not sent"); // its id is ours, and its name
        }
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        while !self.over && self.encoder.len() < CHUNK {
            match self.source.poll_event(cx) {
                Poll::Ready(Some(said)) => self.push(said),
                Poll::Ready(None) => self.over = true,
                Poll::Pending => break,
            }
        }
        if self.encoder.is_empty() && !self.over && self.silence.as_mut().poll(cx).is_ready() {
            self.encoder.push_comment("still here");
        }
        match self.encoder.next_chunk() {
            Some(chunk) => {
                self.silence.as_mut().reset(Instant::now() + self.keep_alive);
                Poll::Ready(Some(Ok(chunk)))
            }
            None => match &mut self.torn {
                Some(torn) => torn.poll(cx),
                None if self.over => Poll::Ready(None),
                None => Poll::Pending,
            },
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let chunk = match &mut self.get_mut().0 {
            Kind::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Kind::Whole(bytes) => Poll::Ready(Some(Ok(std::mem::take(bytes)))),
            Kind::Torn(torn) => torn.poll(cx),
            Kind::Events(events) => events.poll_chunk(cx),
            Kind::Other(body) => return body.as_mut().poll_frame(cx).map_err(Error::from),
        };
        chunk.map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_empty(),
            Kind::Events(events) => events.over && events.torn.is_none() && events.encoder.is_empty(),
            Kind::Torn(_) => false,
            Kind::Other(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Events(_) | Kind::Torn(_) => SizeHint::default(),
            Kind::Other(body) => body.size_hint(),
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Whole(bytes) => f.debug_tuple("Body").field(&bytes.len()).finish(),
            Kind::Events(_) => f.write_str("Body(events)"),
            Kind::Other(_) => f.write_str("Body(other)"),
            Kind::Torn(_) => f.write_str("Body(torn)"),
        }
    }
}
