//! HTTP+SSE, the transport of 2024-11-05: everything that the server says is on one stream, so that it is a pipe
//! like any other once lines are made of events and requests of lines.

use std::sync::Arc;

use bytes::Bytes;
use http::{StatusCode, Uri};
use tokio::io::{AsyncWriteExt, DuplexStream, WriteHalf};
use tokio::sync::Mutex;

use super::endpoint;
use super::events::{Content, Events, content};
use super::options::Transport;
use super::posts::Posts;
use super::refusal::is_refused;
use super::session::Session;
use super::state::{Shared, within};
use crate::connect::multiplex::{self, Multiplex};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::protocol::Era;
use crate::wire::lines::one_line;
use crate::wire::sse::Event;

/// Bytes of lines between the streams and the table of calls.
const BUFFER: usize = 64 << 10;

pub(super) type Writer = Mutex<WriteHalf<DuplexStream>>;

impl Shared {
    /// Whether a refused `initialize` may be for want of the newer transport (2025-11-25 basic/transports,
    /// "Backwards Compatibility"). What asks for a right, or for patience, is not about that.
    pub(super) fn may_be_older(&self, status: StatusCode) -> bool {
        let options = &self.options;
        options.transport.is_none() && options.era != Some(Era::Modern) && is_refused(status)
    }

    /// The pipe, opened by whoever is first.
    pub(super) async fn open_pipe(self: &Arc<Self>) -> Result<&Multiplex, Error> {
        self.pipe.get_or_try_init(|| open(self)).await
    }
}

async fn open(shared: &Arc<Shared>) -> Result<Multiplex, Error> {
    let limit = shared.options.timeout;
    let none = Session::default();
    let response = within(limit, shared.get(shared.uri.clone(), &none, None)).await?;
    if let Some(error) = shared.failure(response.status(), response.headers(), &none) {
        return Err(error);
    }
    if content(response.headers()) != Content::Events {
        return Err(Error::invalid("the server answered with no stream of events"));
    }
    let mut events = Events::new(response.into_body(), &shared.options.scan);
    let first = within(limit, events.next(Some(limit))).await?;
    let named = first.filter(|event| event.name.as_deref() == Some("endpoint"));
    let named = named.ok_or_else(|| Error::invalid("the server's stream does not begin with an endpoint"))?;
    let endpoint = endpoint::resolve(&shared.uri, &named.data)?;

    let (ours, theirs) = tokio::io::duplex(BUFFER);
    let (read, write) = tokio::io::split(ours);
    let options = &shared.options;
    let options = multiplex::Options::new()
        .scan(options.scan)
        .max_pending(options.max_pending)
        .queue(options.queue_messages, options.queue_bytes);
    let pipe = Multiplex::new(read, write, options);
    shared.lock().era = Some(Era::Legacy);
    shared.runtime.spawn(Pump { shared: shared.clone(), endpoint }.run(events, theirs, pipe.clone()));
    shared.transport.send_replace(Some(Transport::Sse));
    Ok(pipe)
}

/// Carries lines and events to and fro.
struct Pump {
    shared: Arc<Shared>,
    endpoint: Uri,
}

impl Drop for Pump {
    /// However it ended: a panic in the HTTP client is the end, too.
    fn drop(&mut self) {
        self.shared.stop(&Error::closed("the stream is no longer read"));
    }
}

impl Pump {
    async fn run(self, events: Events, pipe: DuplexStream, calls: Multiplex) {
        let (read, write) = tokio::io::split(pipe);
        let (write, posts) = (Mutex::new(write), Posts::new(self.shared.clone(), self.endpoint.clone()));
        let why = tokio::select! {
            biased; // what the server has said already may end it
            why = self.shared.end() => why,
            why = self.inbound(events, &write) => why,
            why = posts.run(read, &write, &calls) => why,
        };
        calls.stop(why.clone());
        self.shared.stop(&why);
    }

    /// From the server, to its end: that is the end of the session.
    async fn inbound(&self, mut events: Events, pipe: &Writer) -> Error {
        loop {
            match events.next(None).await {
                Ok(Some(event)) if event.is_message() && !event.data.is_empty() => {
                    if write(pipe, &self.line(event)).await.is_err() {
                        return Error::closed("every caller is gone");
                    }
                }
                Ok(Some(event)) if event.name.as_deref() == Some("endpoint") => {
                    return Error::invalid("the server named a second endpoint");
                }
                Ok(Some(event)) => {
                    tracing::debug!(name = event.name, "an event that is no message was dropped")
                }
                Ok(None) => {
                    return Error::session_lost("the server ended its stream, and the session with it");
                }
                Err(error) => return error,
            }
        }
    }

    /// One line for what may stand on several. What is no message stays none, and its id is found where it is.
    fn line(&self, event: Event) -> Bytes {
        if memchr::memchr2(b'\n', b'\r', &event.data).is_none() {
            return event.data;
        }
        match JsonRpcMessage::parse_with(event.data.clone(), &self.shared.options.scan) {
            Ok(message) => one_line(&message),
            // In a batch they stand between tokens, too, or it is none.
            Err(error) if error.is_batch() => event
                .data
                .iter()
                .map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte })
                .collect(),
            Err(_) => {
                let broken = |byte: &u8| if matches!(byte, b'\n' | b'\r') { 1 } else { *byte };
                event.data.iter().map(broken).collect()
            }
        }
    }
}

pub(super) async fn write(pipe: &Writer, line: &[u8]) -> std::io::Result<()> {
    let mut pipe = pipe.lock().await;
    pipe.write_all(line).await?;
    pipe.write_all(b"\n").await
}
