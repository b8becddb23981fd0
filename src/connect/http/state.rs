//! What the calls and the streams of one session share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderValue, Uri};
use tokio::runtime;
use tokio::sync::{OnceCell, Semaphore, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::exchange::Exchange;
use super::listen::Listen;
use super::options::{Options, Stats, Transport};
use super::questions::Questions;
use super::tools::Tools;
use crate::connect::multiplex::Multiplex;
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage, OwnedId};
use crate::protocol::Era;

/// Cancellations and refusals on their way at once; what is more is not told. And as many bodies whose rest is read.
const ASIDE: usize = 64;
/// How long each of them may take, and so may the end of the session.
pub(super) const ASIDE_TIMEOUT: Duration = Duration::from_secs(10);

pub(super) struct Shared {
    pub(super) exchange: Box<dyn Exchange>,
    pub(super) uri: Uri,
    pub(super) options: Options,
    pub(super) runtime: runtime::Handle,
    state: Mutex<State>,
    ended: watch::Sender<Option<Error>>,
    /// Known once the server has answered in it.
    pub(super) transport: watch::Sender<Option<Transport>>,
    /// The older transport, once it is open.
    pub(super) pipe: OnceCell<Multiplex>,
    pub(super) aside: Arc<Semaphore>,
    pub(super) draining: Arc<Semaphore>,
    /// Whoever reads the list of tools.
    pub(super) listing: tokio::sync::Mutex<()>,
}

/// Dropped with the last clone, call and reply: then the session ends.
pub(super) struct Handle(pub(super) Arc<Shared>);

pub(super) struct State {
    pub(super) session: Session,
    /// What the session's client last sent, where it goes on.
    pub(super) authorization: Option<HeaderValue>,
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
    /// What the client's last request was of.
    pub(super) client: Era,
    pub(super) stats: Stats,
}

/// What a legacy server told of its session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) id: Option<HeaderValue>,
    /// The revision agreed upon, where requests are to name it.
    pub(super) version: Option<HeaderValue>,
}

impl Shared {
    pub(super) fn new(exchange: Box<dyn Exchange>, uri: Uri, options: Options) -> Self {
        let state = State {
            session: Session::default(),
            authorization: None,
            era: options.era,
            gate: None,
            pending: 0,
            calls: 0,
            listen: Listen::new(&options),
            questions: Questions::default(),
            tools: Tools::default(),
            client: Era::Legacy,
            stats: Stats::default(),
        };
        Self {
            exchange,
            uri,
            options,
            runtime: runtime::Handle::current(),
            state: Mutex::new(state),
            ended: watch::Sender::new(None),
            transport: watch::Sender::new(None),
            pipe: OnceCell::new(),
            aside: Arc::new(Semaphore::new(ASIDE)),
            draining: Arc::new(Semaphore::new(ASIDE)),
            listing: tokio::sync::Mutex::default(),
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
        let mut state = self.lock();
        let (sender, session) = (state.listen.close(), std::mem::take(&mut state.session));
        drop(state);
        if let Some(sender) = sender {
            sender.fail(why.clone());
        }
        if let Some(pipe) = self.pipe.get() {
            pipe.stop(why.clone());
        }
        session.id.is_some().then_some(session)
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

    /// The work, unless the end comes first.
    pub(super) async fn unless_ended<T>(
        &self,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        tokio::select! {
            biased;
            error = self.end() => Err(error),
            done = work => done,
        }
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

/// The work, unless it is not done by then.
pub(super) async fn by<T>(
    deadline: Instant,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match timeout_at(deadline, work).await {
        Ok(done) => done,
        Err(_) => Err(Error::timeout("the server did not answer in time")),
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
