//! What the calls and the streams of one session share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Uri};
use tokio::runtime;
use tokio::sync::{OnceCell, Semaphore, watch};
use tokio::time::timeout;

use super::ended::Waiters;
use super::exchange::Exchange;
use super::listen::Listen;
use super::options::{Options, Transport};
use super::questions::Questions;
use super::tools::Tools;
use crate::clock::Clock;
use crate::connect::multiplex::Multiplex;
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage, OwnedId};
use crate::protocol::{Era, header};

/// Cancellations and refusals on their way at once; what is more is not told. And as many bodies whose rest is read.
const ASIDE: usize = 64;
/// How long each of them may take, and so may the end of the session.
pub(super) const ASIDE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Shared {
    pub(super) exchange: Box<dyn Exchange>,
    pub(super) uri: Uri,
    pub(super) options: Options,
    /// What is said with every message of no session.
    pub(super) head: HeaderMap,
    pub(super) runtime: runtime::Handle,
    state: Mutex<State>,
    ended: watch::Sender<Option<Error>>,
    /// Calls that wait for something else, too.
    pub(super) waiters: Waiters,
    /// For the deadlines of all calls.
    pub(super) clock: Arc<Clock>,
    /// Known once the server has answered in it.
    pub(super) transport: watch::Sender<Option<Transport>>,
    /// The older transport, once it is open.
    pub(super) pipe: OnceCell<Multiplex>,
    pub(super) aside: Arc<Semaphore>,
    pub(super) draining: Arc<Semaphore>,
}

/// Dropped with the last clone, call and reply: then the session ends.
pub(super) struct Handle(pub(super) Arc<Shared>);

pub(super) struct State {
    pub(super) session: Session,
    /// As the server's answers showed it.
    pub(super) era: Option<Era>,
    /// What opens a session is on its way: what comes later waits for it.
    pub(super) gate: Option<watch::Receiver<()>>,
    pub(super) pending: usize,
    /// The number of the next call.
    pub(super) calls: u64,
    pub(super) listen: Listen,
    pub(super) questions: Questions,
    pub(super) tools: Tools,
}

/// What a legacy server told of its session; nothing before that. A clone costs a refcount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Session(Option<Arc<Told>>);

#[derive(Debug, PartialEq, Eq)]
struct Told {
    id: Option<HeaderValue>,
    /// What is said with every message of it.
    head: HeaderMap,
}

impl Session {
    /// `version`: the revision agreed upon, where requests are to name it. `head`: what is said without a session.
    pub(super) fn new(id: Option<HeaderValue>, version: Option<HeaderValue>, mut head: HeaderMap) -> Self {
        let own = [(header::SESSION_ID, id.clone()), (header::PROTOCOL_VERSION, version)];
        for (name, value) in own.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            head.insert(name, value);
        }
        Self(Some(Arc::new(Told { id, head })))
    }

    /// The server named it.
    pub(super) fn is_named(&self) -> bool {
        self.0.as_ref().is_some_and(|told| told.id.is_some())
    }

    /// The head of a message, where it is not as `plain` says.
    pub(super) fn head<'a>(&'a self, plain: &'a HeaderMap) -> &'a HeaderMap {
        self.0.as_ref().map_or(plain, |told| &told.head)
    }

    /// Names it in a head.
    pub(super) fn name(&self, headers: &mut HeaderMap) {
        let Some(told) = &self.0 else { return };
        for name in [header::SESSION_ID, header::PROTOCOL_VERSION] {
            if let Some(value) = told.head.get(&name) {
                headers.insert(name, value.clone());
            }
        }
    }
}

impl Shared {
    pub(super) fn new(exchange: Box<dyn Exchange>, uri: Uri, options: Options) -> Self {
        let state = State {
            session: Session::default(),
            era: options.era,
            gate: None,
            pending: 0,
            calls: 0,
            listen: Listen::new(&options),
            questions: Questions::default(),
            tools: Tools::default(),
        };
        let mut head = options.headers.clone();
        head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        head.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        Self {
            exchange,
            uri,
            head,
            options,
            runtime: runtime::Handle::current(),
            state: Mutex::new(state),
            ended: watch::Sender::new(None),
            waiters: Waiters::default(),
            clock: Arc::default(),
            transport: watch::Sender::new(None),
            pipe: OnceCell::new(),
            aside: Arc::new(Semaphore::new(ASIDE)),
            draining: Arc::new(Semaphore::new(ASIDE)),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why it ended, if it has.
    pub(super) fn error(&self) -> Option<Error> {
        self.ended.borrow().clone()
    }

    /// Waits for the end.
    pub(super) async fn end(&self) -> Error {
        let mut ended = self.ended.subscribe();
        let error = ended.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        error.unwrap_or_else(|| Error::closed("every caller is gone"))
    }

    /// Ends everything that is pending with `why`; gives the session that is to be ended at the server, too.
    pub(super) fn finish(&self, why: &Error) -> Option<Session> {
        let is_first = self.ended.send_if_modified(|ended| {
            let is_first = ended.is_none();
            ended.get_or_insert_with(|| why.clone());
            is_first
        });
        if !is_first {
            return None;
        }
        self.waiters.wake_all();
        let mut state = self.lock();
        let (sender, session) = (state.listen.close(), std::mem::take(&mut state.session));
        drop(state);
        if let Some(sender) = sender {
            sender.fail(why.clone());
        }
        if let Some(pipe) = self.pipe.get() {
            pipe.stop(why.clone());
        }
        session.is_named().then_some(session)
    }

    /// The server does not know the session any more; only the one that is current is lost with it.
    pub(super) fn lose(&self, session: &Session, why: &Error) {
        let mut state = self.lock();
        if state.session != *session {
            return;
        }
        state.session = Session::default();
        drop(state);
        self.finish(why);
    }

    /// Tells the server something that no caller waits for.
    pub(super) fn say_aside(self: &Arc<Self>, message: JsonRpcMessage) {
        let Ok(permit) = self.aside.clone().try_acquire_owned() else {
            tracing::warn!(?message, "too many messages of our own are on their way: the server is not told");
            return;
        };
        let (session, sent) = self.post(&message); // by the session that it belongs to
        let shared = self.clone();
        self.runtime.spawn(async move {
            let _permit = permit;
            if let Err(error) = within(ASIDE_TIMEOUT, async { shared.accepted(sent.await?, &session) }).await
            {
                tracing::debug!(%error, ?message, "the server could not be told");
            }
        });
    }

    /// Answers questions that nobody will answer, so that the server does not hang.
    pub(super) fn refuse(self: &Arc<Self>, questions: Vec<OwnedId>) {
        for id in questions {
            tracing::debug!(%id, "an open question of the server was refused: nobody is left to answer it");
            let why = "nobody is there to answer";
            self.say_aside(JsonRpcMessage::error_response(Some(&id), Code::INTERNAL_ERROR, why));
        }
    }
}

/// What came of work that has a deadline.
pub(super) fn in_time<T>(done: Option<Result<T, Error>>) -> Result<T, Error> {
    done.unwrap_or_else(|| Err(Error::timeout("the server did not answer in time")))
}

/// The work, unless it takes longer.
pub(super) async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::timeout(format_args!("the server did not answer within {limit:?}"))),
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.stop(&Error::closed("every caller is gone"));
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}
