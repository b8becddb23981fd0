//! What the calls and the streams of one session share.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Uri};
use tokio::runtime;
use tokio::sync::{OnceCell, Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::ended::Waiters;
use super::exchange::Exchange;
use super::listen::Listen;
use super::options::{Options, Transport};
use super::questions::Questions;
use super::riding::Riding;
use super::session::Session;
use super::stats::Stats;
use super::tools::Lists;
use crate::clock::Clock;
use crate::connect::multiplex::Multiplex;
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage, Kind, OwnedId};
use crate::protocol::Era;

/// Cancellations and refusals on their way at once; what is more is not told. And as many bodies whose rest is read.
const ASIDE: usize = 64;
/// How long each of them may take, and so may the end of the session.
pub(super) const ASIDE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Shared {
    pub(super) exchange: Arc<dyn Exchange>,
    pub(super) uri: Uri,
    pub(super) options: Options,
    /// What is said with every message of no session.
    pub(super) head: HeaderMap,
    pub(super) runtime: runtime::Handle,
    state: Mutex<State>,
    ended: watch::Sender<Option<Error>>,
    /// The same for who only asks whether: every turn of every call does.
    is_over: AtomicBool,
    /// Whoever tells the server that a session is over listens to it until that is done.
    pub(super) goodbyes: watch::Sender<()>,
    /// Calls that wait for something else, too.
    pub(super) waiters: Waiters,
    /// For the deadlines of all calls.
    pub(super) clock: Arc<Clock>,
    /// An answer has shown what the server speaks; that it did is asked for each.
    pub(super) is_known: AtomicBool,
    /// Known once the server has answered in it.
    pub(super) transport: watch::Sender<Option<Transport>>,
    /// The older transport, once it is open.
    pub(super) pipe: OnceCell<Multiplex>,
    pub(super) aside: Arc<Semaphore>,
    pub(super) draining: Arc<Semaphore>,
    /// Whoever reads the list of tools.
    pub(super) listing: tokio::sync::Mutex<()>,
    /// Requests that were sent under an id of our own.
    pub(super) renamed: AtomicU32,
}

/// Dropped with the last clone, call and reply: then the session ends.
pub(super) struct Handle(pub(super) Arc<Shared>);

pub(super) struct State {
    pub(super) session: Session,
    /// What the session's client last sent, where it goes on.
    pub(super) authorization: Option<HeaderValue>,
    pub(super) riding: Riding,
    /// The id of one that is being opened.
    pub(super) offered: Option<HeaderValue>,
    /// As the server's answers showed it.
    pub(super) era: Option<Era>,
    /// What opens a session is on its way: what comes later waits for it.
    pub(super) gate: Option<watch::Receiver<()>>,
    /// Requests that are not over.
    pub(super) pending: usize,
    /// Everything else that is on its way.
    pub(super) telling: usize,
    /// The session whose stream was opened.
    pub(super) streamed: Option<Session>,
    /// The number of the next call.
    pub(super) calls: u64,
    pub(super) listen: Listen,
    pub(super) questions: Questions,
    pub(super) tools: Lists,
    /// What the client's last request was of.
    pub(super) client: Era,
    pub(super) stats: Stats,
}

impl State {
    /// The session that a message belongs to; before one is open, an answer belongs to the one that is offered.
    pub(super) fn session_of(&self, message: &JsonRpcMessage, plain: &HeaderMap) -> Session {
        if message.kind() == Kind::Response && self.session.id().is_none() && self.offered.is_some() {
            return Session::new(self.offered.clone(), self.session.version().cloned(), plain.clone());
        }
        self.session.clone()
    }
}

impl Shared {
    pub(super) fn new(exchange: Box<dyn Exchange>, uri: Uri, options: Options) -> Self {
        let state = State {
            session: Session::default(),
            authorization: None,
            riding: Riding::default(),
            offered: None,
            era: options.era,
            gate: None,
            pending: 0,
            telling: 0,
            streamed: None,
            calls: 0,
            listen: Listen::new(&options),
            questions: Questions::default(),
            tools: Lists::new(options.transparent),
            client: Era::Legacy,
            stats: Stats::default(),
        };
        let mut head = options.headers.clone();
        head.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        head.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        exchange.prepare(&mut head, &uri);
        Self {
            exchange: exchange.into(),
            uri,
            head,
            options,
            runtime: runtime::Handle::current(),
            state: Mutex::new(state),
            ended: watch::Sender::new(None),
            is_over: AtomicBool::new(false),
            goodbyes: watch::Sender::new(()),
            waiters: Waiters::default(),
            clock: Arc::default(),
            is_known: AtomicBool::new(false),
            transport: watch::Sender::new(None),
            pipe: OnceCell::new(),
            aside: Arc::new(Semaphore::new(ASIDE)),
            draining: Arc::new(Semaphore::new(ASIDE)),
            listing: tokio::sync::Mutex::default(),
            renamed: AtomicU32::new(0),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why it ended, if it has.
    pub(super) fn error(&self) -> Option<Error> {
        if self.is_over.load(Ordering::Acquire) { self.ended.borrow().clone() } else { None }
    }

    /// Waits for the end.
    pub(super) async fn end(&self) -> Error {
        let mut ended = self.ended.subscribe();
        let error = ended.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        error.unwrap_or_else(|| Error::closed("every caller is gone"))
    }

    /// Waits for the end, and until the server was told of every session that is over, as far as it lets itself be told.
    pub(super) async fn told(&self) -> Error {
        let error = self.end().await;
        self.goodbyes.closed().await;
        error
    }

    /// Ends everything that is pending with `why`; gives the session that is to be ended at the server, too.
    pub(super) fn finish(&self, why: &Error) -> Option<Session> {
        let is_first = self.ended.send_if_modified(|ended| {
            let is_first = ended.is_none();
            ended.get_or_insert_with(|| why.clone());
            // Before anybody hears of it; who is not woken below comes later, and sees it.
            self.is_over.store(true, Ordering::Release);
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
        session.id().is_some().then_some(session)
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

    /// Tells the server what no caller waits for, one after the other; nothing once the session is over.
    pub(super) fn say_aside(self: &Arc<Self>, messages: Vec<JsonRpcMessage>) {
        if messages.is_empty() || self.error().is_some() {
            return;
        }
        let Ok(permit) = self.aside.clone().try_acquire_owned() else {
            tracing::warn!(?messages, "too much is on its way: the server is not told");
            self.count(|stats| stats.lost_refusals += messages.len() as u64);
            return;
        };
        // By the session that they belong to.
        let sent: Vec<_> = messages.iter().map(|message| self.post(message, self.era_of(message))).collect();
        let shared = self.clone();
        self.runtime.spawn(async move {
            let _permit = permit;
            for (session, sent) in sent {
                let told = within(ASIDE_TIMEOUT, async { shared.accepted(sent.await?, &session) }).await;
                if let Err(error) = told {
                    tracing::debug!(%error, "the server could not be told");
                    if error.is_timeout() || shared.error().is_some() {
                        return;
                    }
                }
            }
        });
    }

    /// Answers questions that nobody will answer, so that the server does not hang.
    pub(super) fn refuse(self: &Arc<Self>, questions: Vec<OwnedId>) {
        self.say_aside(self.refusals(&questions));
    }

    /// These answers.
    pub(super) fn refusals(&self, questions: &[OwnedId]) -> Vec<JsonRpcMessage> {
        if !questions.is_empty() {
            self.count(|stats| stats.unanswerable_requests += questions.len() as u64);
        }
        let refusal = |id: &OwnedId| {
            tracing::debug!(%id, "an open question of the server was refused: nobody is left to answer it");
            JsonRpcMessage::refusal(Some(id), Code::INTERNAL_ERROR, "nobody is there to answer")
        };
        questions.iter().map(refusal).collect()
    }
}

/// The work, unless it is not done by then, where there is no clock that calls share.
pub(super) async fn by<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    in_time(timeout_at(deadline, work).await.ok())
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

/// What came of work that has a deadline.
pub(super) fn in_time<T>(done: Option<Result<T, Error>>) -> Result<T, Error> {
    done.unwrap_or_else(|| Err(Error::timeout("the server did not answer in time")))
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
