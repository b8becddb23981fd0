//! One call: its future, and what happens when it is dropped.

use std::sync::Arc;

use http::Response;
use tokio::sync::watch;
use tokio::time::Instant;

use super::body::Chunks;
use super::options::Transport;
use super::piped::Piped;
use super::questions::Asked;
use super::session::Session;
use super::state::{Handle, Shared, State, in_time};
use super::tools::Page;
use super::{answer, refusal, stream};
use crate::error::Error;
use crate::message::{Context as Facts, JsonRpcMessage, Kind, OwnedId};
use crate::protocol::{Era, method};
use crate::reply::Reply;
use crate::session::ResponseStream;
use crate::wire::http::ClientAuthorization;

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
    pub(super) context: Option<Arc<Facts>>,
    /// What the client sent with it, where that goes on.
    pub(super) credential: Option<Box<ClientAuthorization>>,
    /// Of the response that the client reads, where that can be a stream that is taken up again.
    pub(super) stream: Option<ResponseStream>,
    /// The server may have it, and has not answered.
    pending: bool,
    /// Lets those pass that wait for this one.
    opens: Option<watch::Sender<()>>,
    /// Dropped behind all else: until then the server may have a session to be told of.
    _goodbye: Option<watch::Receiver<()>>,
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
    /// Asks what the server speaks.
    Discover,
    /// Gets no answer: a notification, or the client's answer to the server.
    Telling,
}

impl Role {
    fn of(message: &JsonRpcMessage) -> Self {
        match message.kind() {
            Kind::Request if message.is_method(method::INITIALIZE) => Self::Initialize,
            Kind::Request if message.is_listen() => Self::Listen,
            Kind::Request if message.is_method(method::DISCOVER) => Self::Discover,
            Kind::Request => Self::Request,
            Kind::Notification if message.is_method(method::INITIALIZED) => Self::Initialized,
            _ => Self::Telling,
        }
    }
}

impl Call {
    pub(super) fn new(handle: &Arc<Handle>, message: &JsonRpcMessage) -> Self {
        let era = handle.0.era_of(message);
        Self::admitted(handle, message, era, &mut handle.0.lock())
    }

    /// It counts from now on, and others may have to wait for it.
    pub(super) fn admitted(
        handle: &Arc<Handle>,
        message: &JsonRpcMessage,
        era: Era,
        state: &mut State,
    ) -> Self {
        let role = Role::of(message);
        if message.kind() == Kind::Request {
            state.client = era;
        }
        *state.under_way(message.kind() == Kind::Request) += 1;
        state.calls += 1;
        let _goodbye = (role == Role::Initialize).then(|| handle.0.goodbyes.subscribe());
        let opens = matches!(role, Role::Initialize | Role::Initialized).then(|| state.shut_gate());
        let id = (message.kind() == Kind::Request).then(|| message.owned_id()).flatten();
        let (number, context) = (state.calls, message.context().cloned());
        let (session, offered, handle) = (Session::default(), Session::default(), handle.clone());
        let lists = Page::of(message).filter(|_| era == Era::Modern);
        let calls_tool = era == Era::Modern && role == Role::Request && message.is_method(method::TOOLS_CALL);
        let (deadline, credential) = (deadline(&handle), handle.0.credential_of(message));
        let (stream, pending) = (stream_of(message), false);
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
            credential,
            stream,
            pending,
            opens,
            _goodbye,
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }

    /// Not an `async fn`, which would keep all that it is given twice, past what the allocator has at hand.
    #[expect(clippy::manual_async_fn, reason = "it would be larger")]
    pub(super) fn run(
        mut self,
        message: JsonRpcMessage,
        wait: Option<watch::Receiver<()>>,
    ) -> impl Future<Output = Result<Reply, Error>> + Send {
        async move {
            let shared = self.shared().clone();
            // What is rare is boxed: it would make every call's future larger.
            if let Some(wait) = wait {
                shared.unless_ended(Box::pin(passed(wait))).await.map_err(Error::unsent)?;
                self.renew();
                self.era = shared.era_of(&message); // what it waited for may have shown it
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
                _ if answer::is_document(&response) && !self.session.has_batches() => {
                    shared.unless_ended(answer::document(&mut self, response)).await
                }
                _ => shared.unless_ended(Box::pin(answer::read(self, response))).await,
            }
        }
    }

    /// The time for an answer begins now.
    pub(super) fn renew(&mut self) {
        self.deadline = deadline(&self.handle);
    }

    pub(super) async fn post(&mut self, message: &JsonRpcMessage) -> Result<Response<Chunks>, Error> {
        let (session, sent) = self.shared().post(message, self.era);
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
        shared.get_on(&mut shared.lock(), &message);
        Piped::new(pipe, &self.handle, message).await
    }

    /// What gets no answer has arrived.
    async fn told(self, response: Response<Chunks>) -> Result<Reply, Error> {
        let shared = self.shared();
        let (head, body) = response.into_parts();
        if let Some(failure) = shared.failure(head.status, &head.headers, &self.session) {
            let told = refusal::of_telling(&self, failure.clone(), head, body).await;
            if failure.is_session_lost() {
                shared.lose(&self.session, &failure);
            }
            return Err(told);
        }
        shared.drain(body);
        if self.role == Role::Initialized && self.era == Era::Legacy {
            stream::open(shared, &self.session);
        }
        Ok(Reply::empty())
    }

    /// Tells the server what is about this call, in the name of the client that made it.
    pub(super) fn say_aside(&self, mut messages: Vec<JsonRpcMessage>) {
        if let Some(sent) = &self.credential {
            messages.iter_mut().for_each(|message| _ = message.extensions_mut().insert((**sent).clone()));
        }
        self.shared().say_aside(messages);
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
        self.say_aside(shared.refusals(&lost));
        shared.forget(std::mem::take(&mut self.offered));
        let is_cancelled = self.pending && self.era == Era::Legacy && self.role != Role::Initialize;
        let Some(id) = self.id.as_ref().filter(|_| is_cancelled && shared.error().is_none()) else { return };
        let own = self.context.as_ref().and_then(|context| context.take_cancellation(id));
        let cancel = own.map_or_else(|| cancellation(id), Some);
        self.say_aside(cancel.into_iter().collect());
    }
}

/// The stream that the client reads the answer on, which waits for the status of the server's.
fn stream_of(message: &JsonRpcMessage) -> Option<ResponseStream> {
    let stream: Option<ResponseStream> = message.extensions().get().cloned();
    stream.inspect(ResponseStream::wait)
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
