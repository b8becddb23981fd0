//! One call: its turn, its future, and what happens when either is dropped.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Response;
use tokio::sync::watch;
use tokio::time::Instant;

use super::body::Chunks;
use super::options::Transport;
use super::piped::Piped;
use super::questions::Asked;
use super::state::{Handle, Session, Shared, State, in_time};
use super::tools::Page;
use super::{answer, listen, refusal, stream};
use crate::connect::leaf::Probe;
use crate::error::Error;
use crate::message::{Context as Facts, JsonRpcMessage, Kind, OwnedId};
use crate::protocol::{Era, method};
use crate::reply::Reply;
use crate::session::ResponseStream;

/// A call that is running. Dropping it cancels the call.
pub(super) struct Running(Inner);

enum Inner {
    Done(Option<Result<Reply, Error>>),
    Piped(Piped),
    Running(Pin<Box<dyn Future<Output = Result<Reply, Error>> + Send>>),
}

/// What a call holds as long as it is not over. Dropped before its final response came, it is cancelled.
pub(super) struct Call {
    pub(super) handle: Arc<Handle>,
    pub(super) number: u64,
    /// Of a request.
    pub(super) id: Option<OwnedId>,
    pub(super) role: Role,
    pub(super) era: Era,
    /// What the request named.
    pub(super) session: Session,
    /// What the answer to an `initialize` named and nobody uses yet.
    pub(super) offered: Session,
    /// Its answer says what later calls are to mirror.
    pub(super) lists: Option<Page>,
    /// What it mirrors is what the list of tools says.
    pub(super) calls_tool: bool,
    /// For what decides the reply.
    pub(super) deadline: Instant,
    context: Option<Arc<Facts>>,
    /// Of the response that the client reads, where that can be a stream that is taken up again.
    pub(super) stream: Option<ResponseStream>,
    /// The server may have it, and has not answered.
    pending: bool,
    /// Lets those pass that wait for this one.
    opens: Option<watch::Sender<()>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Opens a session; never cancelled (2025-11-25 basic/utilities/cancellation).
    Initialize,
    /// The session is open with it.
    Initialized,
    Request,
    /// A client's own listen.
    Listen,
    /// Gets no answer: a notification, or the client's answer to the server.
    Telling,
}

pub(super) fn start(handle: &Arc<Handle>, message: JsonRpcMessage) -> Running {
    let shared = &handle.0;
    if let Some(error) = shared.error() {
        return Running::done(Err(error.unsent()));
    }
    if message.is_session_listen() {
        return Running::done(listen::open(handle, message));
    }
    let era = shared.era_of(&message);
    let mut state = shared.lock();
    if state.is_modern() && message.is_method(method::CANCELLED) {
        // It crossed the answer; and there a cancellation is no message.
        return Running::done(Ok(Reply::empty()));
    }
    shared.remember(&mut state, &message);
    // An answer is waited for, perhaps by what opens the session.
    let wait = if message.kind() == Kind::Response { None } else { state.turn() };
    if let (None, Some(pipe)) = (&wait, shared.pipe.get()) {
        return Running(Inner::Piped(Piped::new(pipe, handle, message)));
    }
    // An owner asks whether there will be room again.
    let is_probe = message.extensions().get::<Probe>().is_some();
    if !is_probe && state.is_full(message.kind(), shared.options.max_pending) {
        return Running::done(Err(Error::busy("too many calls are pending").unsent()));
    }
    if shared.pipe.get().is_none() && message.kind() == Kind::Response && !is_asked(&mut state, &message) {
        return Running::done(Ok(Reply::empty()));
    }
    let call = Call::admitted(handle, &message, era, &mut state);
    drop(state);
    Running(Inner::Running(Box::pin(call.run(message, wait))))
}

/// An answer to a question that the server did not ask goes nowhere.
fn is_asked(state: &mut State, answer: &JsonRpcMessage) -> bool {
    // One without an id tells the server that it was not understood.
    let asked = answer.owned_id().is_none_or(|id| state.questions.close(&id));
    if !asked {
        state.stats.unmatched_answers += 1;
        tracing::debug!(id = ?answer.id(), "an answer to a question that the server did not ask was dropped");
    }
    asked
}

impl State {
    /// By what the server answered; by what the client says as long as it has not.
    fn is_modern(&self) -> bool {
        self.era.unwrap_or(self.client) == Era::Modern
    }

    /// What the next call waits for, if there is something.
    fn turn(&mut self) -> Option<watch::Receiver<()>> {
        self.gate.take_if(|gate| gate.has_changed().is_err());
        self.gate.clone()
    }

    /// Whether no more such messages may be on their way. Calls keep out neither notifications nor answers, and
    /// notifications no answers, because calls may wait for these.
    fn is_full(&self, kind: Kind, max: usize) -> bool {
        match kind {
            Kind::Request => self.pending >= max,
            Kind::Notification => self.telling >= max,
            Kind::Response => self.telling / 2 >= max,
        }
    }

    fn under_way(&mut self, is_request: bool) -> &mut usize {
        if is_request { &mut self.pending } else { &mut self.telling }
    }
}

impl Call {
    pub(super) fn new(handle: &Arc<Handle>, message: &JsonRpcMessage) -> Self {
        let era = handle.0.era_of(message);
        Self::admitted(handle, message, era, &mut handle.0.lock())
    }

    /// It counts from now on, and others may have to wait for it.
    fn admitted(handle: &Arc<Handle>, message: &JsonRpcMessage, era: Era, state: &mut State) -> Self {
        let role = match message.kind() {
            Kind::Request if message.is_method(method::INITIALIZE) => Role::Initialize,
            Kind::Request if message.is_listen() => Role::Listen,
            Kind::Request => Role::Request,
            Kind::Notification if message.is_method(method::INITIALIZED) => Role::Initialized,
            _ => Role::Telling,
        };
        if message.kind() == Kind::Request {
            state.client = era;
        }
        *state.under_way(message.kind() == Kind::Request) += 1;
        state.calls += 1;
        let opens = matches!(role, Role::Initialize | Role::Initialized).then(|| {
            let (opens, gate) = watch::channel(());
            state.gate = Some(gate);
            opens
        });
        let id = (message.kind() == Kind::Request).then(|| message.owned_id()).flatten();
        let (number, context) = (state.calls, message.context().cloned());
        let stream: Option<ResponseStream> = message.extensions().get().cloned();
        if let Some(stream) = &stream {
            stream.wait(); // for the status of the answer
        }
        let (session, offered, handle) = (Session::default(), Session::default(), handle.clone());
        let lists = Page::of(message).filter(|_| era == Era::Modern);
        let calls_tool = era == Era::Modern && role == Role::Request && message.is_method(method::TOOLS_CALL);
        let deadline = deadline(&handle);
        let pending = false;
        Self {
            handle,
            number,
            id,
            role,
            era,
            session,
            offered,
            lists,
            calls_tool,
            deadline,
            context,
            stream,
            pending,
            opens,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }

    async fn run(
        mut self,
        message: JsonRpcMessage,
        wait: Option<watch::Receiver<()>>,
    ) -> Result<Reply, Error> {
        let shared = self.shared().clone();
        // What is rare is boxed: it would make every call's future larger.
        if let Some(wait) = wait {
            shared.unless_ended(Box::pin(passed(wait))).await.map_err(Error::unsent)?;
            self.renew();
        }
        if shared.options.transport == Some(Transport::Sse) || shared.pipe.initialized() {
            return Box::pin(self.pipe(message)).await;
        }
        if self.is_ours_to_mirror(&message) {
            return Box::pin(self.call_tool(message)).await;
        }
        let response = shared.unless_ended(self.post(&message)).await?;
        if self.role == Role::Initialize && shared.may_be_older(response.status()) {
            match shared.unless_ended(Box::pin(shared.open_pipe())).await {
                Ok(_) => return Box::pin(self.pipe(message)).await,
                Err(error) => tracing::debug!(%error, "the server does not speak HTTP+SSE either"),
            }
        }
        match self.role {
            Role::Telling | Role::Initialized => shared.unless_ended(Box::pin(self.told(response))).await,
            _ if answer::is_document(&response) => {
                shared.unless_ended(answer::document(&mut self, response)).await
            }
            _ => shared.unless_ended(Box::pin(answer::read(self, response))).await,
        }
    }

    /// The time for an answer begins now.
    pub(super) fn renew(&mut self) {
        self.deadline = deadline(&self.handle);
    }

    pub(super) async fn post(&mut self, message: &JsonRpcMessage) -> Result<Response<Chunks>, Error> {
        let (session, sent) = self.shared().post(message);
        (self.session, self.pending) = (session, self.id.is_some());
        let response = in_time(self.shared().clock.before(self.deadline, sent).await);
        self.pending &= !response.as_ref().is_err_and(Error::is_unsent);
        response
    }

    /// On the older transport, which matches answers and requests itself.
    async fn pipe(mut self, message: JsonRpcMessage) -> Result<Reply, Error> {
        let shared = self.shared().clone();
        let pipe = shared.unless_ended(shared.open_pipe()).await?;
        self.pending = false;
        Piped::new(pipe, &self.handle, message).await
    }

    /// What gets no answer has arrived.
    async fn told(self, response: Response<Chunks>) -> Result<Reply, Error> {
        let shared = self.shared();
        let (head, body) = response.into_parts();
        if let Some(failure) = shared.failure(head.status, &head.headers, &self.session) {
            if failure.is_session_lost() {
                shared.lose(&self.session, &failure);
                return Err(failure);
            }
            return Err(refusal::of_telling(&self, failure, head, body).await);
        }
        shared.drain(body);
        if self.role == Role::Initialized && self.era == Era::Legacy {
            stream::open(shared, &self.session);
        }
        Ok(Reply::empty())
    }

    /// The final response has come.
    pub(super) fn settle(&mut self) {
        self.pending = false;
        self.opens = None;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        let shared = self.shared().clone();
        let mut state = shared.lock();
        *state.under_way(self.id.is_some()) -= 1;
        let lost = state.questions.give_up(Asked::Call(self.number));
        state.offered.take_if(|_| self.role == Role::Initialize);
        drop(state);
        shared.refuse(lost);
        shared.forget(std::mem::take(&mut self.offered));
        let is_cancelled = self.pending && self.era == Era::Legacy && self.role != Role::Initialize;
        let (Some(id), true, None) = (&self.id, is_cancelled, shared.error()) else { return };
        let own = self.context.as_ref().and_then(|context| context.take_cancellation(id));
        let cancel = own.map_or_else(|| cancellation(id), Some);
        shared.say_aside(cancel.into_iter().collect());
    }
}

/// What the call waits for has happened.
async fn passed(mut wait: watch::Receiver<()>) -> Result<(), Error> {
    while wait.changed().await.is_ok() {}
    Ok(())
}

fn deadline(handle: &Handle) -> Instant {
    Instant::now() + handle.0.options.timeout
}

fn cancellation(id: &OwnedId) -> Option<JsonRpcMessage> {
    JsonRpcMessage::notification(method::CANCELLED, format!(r#"{{"requestId":{}}}"#, id.as_str())).ok()
}

impl Running {
    pub(super) fn done(outcome: Result<Reply, Error>) -> Self {
        Self(Inner::Done(Some(outcome)))
    }
}

impl Future for Running {
    type Output = Result<Reply, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            Inner::Done(outcome) => {
                Poll::Ready(outcome.take().expect("a future is not polled after it is ready"))
            }
            Inner::Piped(future) => Pin::new(future).poll(cx),
            Inner::Running(future) => future.as_mut().poll(cx),
        }
    }
}
