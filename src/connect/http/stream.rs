//! The stream of a legacy session: what the server says unasked.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::events::{self, Content, Events, content};
use super::session::Session;
use super::state::{Shared, within};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::wire::sse::Event;

/// Events that are remembered, because some servers repeat them on each new stream.
const REMEMBERED: usize = 1024;
/// What a server that asks for no pause at all gets.
pub(super) const SHORTEST: Duration = Duration::from_millis(100);

/// Opened when the session is, because some servers send everything on it (rmcp 0.2 does); once, however often the
/// client says so.
pub(super) fn open(shared: &Arc<Shared>, session: &Session) {
    if shared.lock().streamed.replace(session.clone()).as_ref() == Some(session) {
        return;
    }
    let (shared, session) = (shared.clone(), session.clone());
    shared.runtime.clone().spawn(async move {
        tokio::select! {
            _ = shared.end() => {}
            () = keep(&shared, &session) => {}
        }
    });
}

/// Reads it to its end; a panic in the HTTP client is one more way to break.
async fn keep(shared: &Arc<Shared>, session: &Session) {
    let mut task = JoinSet::new(); // stops with us
    loop {
        let (shared, session) = (shared.clone(), session.clone());
        let pause = shared.options.reconnect.0.max(SHORTEST);
        task.spawn(Reader { shared, session, last: None, retry: None, seen: Seen::default() }.run());
        match task.join_next().await {
            Some(Err(panicked)) => tracing::warn!(%panicked, "the session's stream broke"),
            _ => return,
        }
        sleep(pause).await;
    }
}

struct Reader {
    shared: Arc<Shared>,
    session: Session,
    last: Option<HeaderValue>,
    /// As the server asked.
    retry: Option<Duration>,
    seen: Seen,
}

/// The ids of events that came.
#[derive(Default)]
struct Seen {
    ids: HashSet<String>,
    order: VecDeque<String>,
}

enum Stop {
    /// Not now.
    Broken,
    /// The server has no such stream, or no such session any more.
    ForGood,
}

impl Reader {
    async fn run(mut self) {
        let (first, most) = self.shared.options.reconnect;
        let mut pause = first;
        while self.is_current() {
            let asked = match self.read_one().await {
                Ok(any) => {
                    pause = if any { first } else { pause };
                    self.retry
                }
                // It fails: what it asked for when it did not is the least.
                Err(Stop::Broken) => self.retry.filter(|asked| *asked > pause),
                Err(Stop::ForGood) => return,
            };
            sleep(asked.unwrap_or(pause).max(SHORTEST)).await;
            pause = (pause * 2).min(most);
            self.shared.count(|stats| stats.reconnections += 1);
        }
    }

    /// The client may have opened another session since.
    fn is_current(&self) -> bool {
        self.shared.lock().session == self.session
    }

    /// One connection, to its end. Tells whether anything came.
    async fn read_one(&mut self) -> Result<bool, Stop> {
        let shared = self.shared.clone();
        let sent = shared.get(shared.uri.clone(), &self.session, self.last.clone());
        let response = within(shared.options.timeout, sent).await.map_err(|_| Stop::Broken)?;
        if !response.status().is_success() || content(response.headers()) != Content::Events {
            let error = shared.failure(response.status(), response.headers(), &self.session);
            return Err(self.refused(response.status(), error));
        }
        let events = Events::new(response.into_body(), &shared.options.scan);
        let mut events = events.after(self.last.take(), self.retry);
        loop {
            let event = events.next(None).await;
            (self.last, self.retry) = (events.last_id(), events.retry());
            match event {
                Ok(Some(event)) => self.take(&event),
                Ok(None) => return Ok(events.any),
                Err(error) => {
                    tracing::debug!(%error, "the session's stream broke");
                    // The server will say the same again.
                    return if error.is_too_large() { Err(Stop::Broken) } else { Ok(events.any) };
                }
            }
        }
    }

    fn take(&mut self, event: &Event) {
        if event.id.as_deref().is_some_and(|id| !self.seen.is_new(id)) {
            return self.shared.count(|stats| stats.repeated_messages += 1);
        }
        if !events::has_message(event) {
            return;
        }
        match events::entries(event, &self.session) {
            Some(entries) => entries.into_iter().for_each(|entry| self.say(entry)),
            None => self.say(event.data.clone()),
        }
    }

    fn say(&self, data: Bytes) {
        match JsonRpcMessage::parse_with(data, &self.shared.options.scan) {
            Ok(message) => self.shared.say_unasked(message),
            Err(error) => self.shared.dropped(&error),
        }
    }

    fn refused(&self, status: StatusCode, error: Option<Error>) -> Stop {
        match error {
            Some(error) if error.is_session_lost() => {
                self.shared.lose(&self.session, &error);
                Stop::ForGood
            }
            Some(error) if error.is_closed() || error.is_busy() || error.is_timeout() => Stop::Broken,
            // It has one already: it has not noticed that the connection before is gone.
            _ if status == StatusCode::CONFLICT => Stop::Broken,
            // The client may have a better token later; it does not hear of this.
            _ if self.shared.options.transparent && status == StatusCode::UNAUTHORIZED => Stop::Broken,
            _ => {
                tracing::debug!(%status, "the server has no stream for the session");
                Stop::ForGood
            }
        }
    }
}

impl Seen {
    fn is_new(&mut self, id: &str) -> bool {
        if id.is_empty() {
            return true;
        }
        let is_new = self.ids.insert(id.to_owned());
        if is_new {
            self.order.push_back(id.to_owned());
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        is_new
    }
}
