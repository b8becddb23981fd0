//! To a server on the older transport: each line is a POST of its own, and the answer to that only says whether it
//! was taken.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Uri};
use tokio::io::{DuplexStream, ReadHalf};
use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use super::pipe::{Writer, write};
use super::session::Session;
use super::state::{Shared, within};
use crate::connect::multiplex::Multiplex;
use crate::error::Error;
use crate::message::{Code, IdMap, JsonRpcMessage, Kind};
use crate::protocol::{method, peek};
use crate::wire::lines::Decoder;

/// What is on its way. One that the server is slow to take keeps no other back, except where order matters: what
/// opens the session comes before everything else, a cancellation behind its request, and a notification behind
/// the one before it.
pub(super) struct Posts {
    shared: Arc<Shared>,
    endpoint: Uri,
    running: JoinSet<Result<(), Error>>,
    messages: HashMap<Id, (JsonRpcMessage, Over)>,
    requests: IdMap<Id>,
    last_told: Option<Over>,
    /// Nothing else is sent before this one was taken.
    opening: Option<Id>,
}

/// Closed when the message that it is about was taken, or was not.
type Over = watch::Receiver<()>;

impl Posts {
    pub(super) fn new(shared: Arc<Shared>, endpoint: Uri) -> Self {
        Self {
            shared,
            endpoint,
            running: JoinSet::new(),
            messages: HashMap::new(),
            requests: IdMap::default(),
            last_told: None,
            opening: None,
        }
    }

    /// Sends each line, until there are no more or the session is lost. What could not be sent is answered `back`, to
    /// those of `calls` that wait for it.
    pub(super) async fn run(
        mut self,
        mut pipe: ReadHalf<DuplexStream>,
        back: &Writer,
        calls: &Multiplex,
    ) -> Error {
        let mut lines = Decoder::new(usize::MAX);
        loop {
            while !self.is_full()
                && let Some(line) = lines.next_line()
            {
                let Ok(frame) = line.into_frame() else { continue };
                let scan = self.shared.options.scan.unlimited().transparent();
                if let Ok(message) = JsonRpcMessage::parse_with(frame, &scan) {
                    self.send(self.shared.get_off(message));
                }
            }
            tokio::select! {
                biased;
                Some(over) = self.running.join_next_with_id() => {
                    if let Err(lost) = self.over(over, back, calls).await {
                        return lost;
                    }
                }
                read = poll_fn(|cx| lines.poll_read(&mut pipe, cx)), if !self.is_full() => {
                    if !matches!(read, Ok(1..)) {
                        return Error::closed("every caller is gone");
                    }
                }
            }
        }
    }

    /// As many answers and notifications as calls, at most.
    fn is_full(&self) -> bool {
        self.opening.is_some() || self.running.len() / 2 >= self.shared.options.max_pending
    }

    fn send(&mut self, message: JsonRpcMessage) {
        let (sent, over) = watch::channel(());
        let after = self.after(&message, &over);
        let post = post(self.shared.clone(), self.endpoint.clone(), message.clone());
        let task = self.running.spawn(async move {
            let _sent = sent;
            if let Some(mut after) = after {
                while after.changed().await.is_ok() {}
            }
            post.await
        });
        if message.is_method(method::INITIALIZE) || message.is_method(method::INITIALIZED) {
            self.opening = Some(task.id());
        }
        if let Some(id) = message.owned_id().filter(|_| message.kind() == Kind::Request) {
            self.requests.insert(&id, task.id());
        }
        self.messages.insert(task.id(), (message, over));
    }

    /// What this message waits for; `over` is for those that wait for it.
    fn after(&mut self, message: &JsonRpcMessage, over: &Over) -> Option<Over> {
        if let Ok(Some(cancelled)) = peek::cancelled_id(message) {
            let task = self.requests.get(&cancelled.to_owned())?;
            return self.messages.get(&task).map(|(_, over)| over.clone());
        }
        let is_told = message.kind() == Kind::Notification;
        is_told.then(|| self.last_told.replace(over.clone())).flatten()
    }

    /// One is no longer on its way. Fails where the session is lost with it.
    async fn over(
        &mut self,
        over: Result<(Id, Result<(), Error>), JoinError>,
        back: &Writer,
        calls: &Multiplex,
    ) -> Result<(), Error> {
        let (task, outcome) = match over {
            Ok((task, outcome)) => (task, outcome),
            Err(panicked) => (panicked.id(), Err(Error::closed("the HTTP client panicked"))),
        };
        self.opening.take_if(|opening| *opening == task);
        let Some((message, _)) = self.messages.remove(&task) else { return Ok(()) };
        if let Some(id) = message.owned_id().filter(|id| self.requests.get(id) == Some(task)) {
            self.requests.remove(&id);
        }
        match outcome {
            Err(lost) if lost.is_session_lost() => Err(lost),
            Err(error) => {
                tell(&message, &error, back, calls).await;
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

async fn post(shared: Arc<Shared>, endpoint: Uri, message: JsonRpcMessage) -> Result<(), Error> {
    let sent = shared.post_to(endpoint, &message);
    let response = within(shared.options.timeout, sent).await?;
    // The session's name is in the address.
    let session = Session::new(Some(HeaderValue::from_static("-")), None, HeaderMap::new());
    match shared.failure(response.status(), response.headers(), &session) {
        Some(error) => Err(error),
        None => {
            shared.drain(response.into_body());
            Ok(())
        }
    }
}

/// A request that was refused, or did not arrive, is answered by us: nothing comes on the stream.
async fn tell(message: &JsonRpcMessage, error: &Error, back: &Writer, calls: &Multiplex) {
    tracing::warn!(%error, ?message, "the server did not take a message");
    let Some(id) = message.owned_id().filter(|_| message.kind() == Kind::Request) else { return };
    let kind = if error.is_timeout() {
        "timeout"
    } else if error.is_closed() {
        "upstream_closed"
    } else {
        "upstream_refused"
    };
    let data = format!(r#"{{"shadowcat":{{"kind":"{kind}"}}}}"#);
    let text = "The server did not take the request";
    let answer = JsonRpcMessage::refusal_with(Some(&id), Code::INTERNAL_ERROR, text, Some(&data));
    // Behind what the server has said so far.
    calls.expect_own(&answer);
    let _ = write(back, answer.bytes()).await;
}
