//! The ids of the events of one stream.

use std::sync::Arc;
use std::time::Duration;

use super::call::Call;
use super::live::Live;
use super::replay::{EventId, Stream};
use crate::message::JsonRpcMessage;
use crate::wire::sse::Event;

/// How long a client waits before it takes up a stream that broke off.
const RETRY: Duration = Duration::from_secs(1);

/// What a stream leaves behind, so that it can be taken up again. The stream is over when it is dropped.
pub(super) struct Trail {
    live: Arc<Live>,
    stream: Stream,
}

impl Trail {
    /// Of the stream of this number, which is open from now on.
    pub(super) fn new(live: Arc<Live>, stream: Stream) -> Self {
        live.replay.open(stream);
        Self { live, stream }
    }

    pub(super) fn stream(&self) -> Stream {
        self.stream
    }

    /// Keeps a message; `None` where it cannot be kept.
    pub(super) fn mark(&self, message: &JsonRpcMessage) -> Option<EventId> {
        self.live.replay.push(self.stream, message)
    }

    /// Who takes the stream up takes this call over.
    pub(super) fn lead_to(&self, call: &Arc<Call>) {
        self.live.replay.set_call(self.stream, Arc::downgrade(call));
    }

    /// An event that only says where the stream begins (2025-11-25 basic/transports, "Sending Messages").
    pub(super) fn priming(&self) -> Event {
        let id = Some(self.live.replay.mark(self.stream).to_string());
        Event { id, retry: Some(RETRY), ..Event::default() }
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.live.replay.end(self.stream);
    }
}
