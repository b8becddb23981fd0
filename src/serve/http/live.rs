//! A session that is open: its stack, its calls, its questions.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::call::Call;
use super::calls::{Calls, Refused};
use super::drain;
use super::front::Front;
use super::listen::Listen;
use super::replay::Replay;
use super::stack::BoxStack;
use super::turns::{Turn, Turns};
use crate::error::{BoxError, Error};
use crate::message::{Code, Context as Facts, Direction, IdMap, JsonRpcMessage, Kind, OwnedId};
use crate::protocol::{Era, method, peek};
use crate::session::Session;

/// Never on the wire.
const LISTEN_ID: &str = "shadowcat/listen";

/// A session that is open.
pub(super) struct Live {
    front: Weak<Front>,
    pub(super) session: Arc<Session>,
    pub(super) facts: Arc<Facts>,
    /// Gone once the session is over.
    stack: Mutex<Option<Arc<Turns>>>,
    calls: Arc<Calls>,
    /// Requests of the server that the client has not answered.
    questions: Mutex<IdMap<()>>,
    max_questions: usize,
    pub(super) listen: Listen,
    pub(super) replay: Replay,
}

impl Live {
    pub(super) fn new(front: &Arc<Front>, session: Arc<Session>, stack: BoxStack) -> Arc<Self> {
        let options = &front.options;
        Arc::new(Self {
            front: Arc::downgrade(front),
            facts: Arc::new(facts(&session)),
            session,
            stack: Mutex::new(Some(Turns::new(stack))),
            calls: Calls::new(options.max_in_flight),
            questions: Mutex::default(),
            max_questions: 2 * options.max_in_flight,
            listen: Listen::new(options.max_streams),
            replay: Replay::new(options.replay_events, options.replay_bytes, options.budget.clone()),
        })
    }

    /// Gives the stack a message of the client.
    pub(super) fn call(self: &Arc<Self>, message: JsonRpcMessage) -> Result<Arc<Call>, Refused> {
        let stack = self.stack().clone().ok_or(Refused::Closed)?;
        let message = self.within(message);
        let id = if message.kind() == Kind::Request { message.owned_id() } else { None };
        self.calls.begin(message.kind(), id, Some(self.session.enter()), |ticket| {
            let live = Some(self.clone());
            let calling = stack.call(message.clone());
            Call::new(&message, live, Era::Legacy, calling, ticket)
        })
    }

    /// The message as one of this session. Best done while nobody else has it: then nothing is copied.
    pub(super) fn within(&self, message: JsonRpcMessage) -> JsonRpcMessage {
        match message.context() {
            Some(context) if Arc::ptr_eq(context, &self.facts) => message,
            _ => message.with_context(self.facts.clone()),
        }
    }

    /// Asks for what the server says unasked; `None` once the session is over.
    pub(super) fn open_listen(&self) -> Option<Turn> {
        let stack = self.stack().clone()?;
        let request = JsonRpcMessage::request(LISTEN_ID, method::LISTEN, "{}").ok()?;
        let facts = Facts::clone(&self.facts).session_listen();
        Some(stack.call(request.with_context(Arc::new(facts))))
    }

    /// A message on its way to the client. False where it must not go there, and has been refused.
    pub(super) fn tells(self: &Arc<Self>, message: &JsonRpcMessage) -> bool {
        if let Ok(Some(withdrawn)) = peek::cancelled_id(message) {
            self.questions().remove(&withdrawn.to_owned());
        }
        if message.kind() != Kind::Request {
            return true;
        }
        if !self.session.allows(message) {
            self.refuse_with(message, Code::METHOD_NOT_FOUND, "the client does not offer this");
            return false;
        }
        let mut questions = self.questions();
        if questions.len() >= self.max_questions {
            drop(questions);
            self.refuse(message, "too many questions are open");
            return false;
        }
        if let Some(id) = message.owned_id() {
            questions.insert(&id, ());
        }
        true
    }

    /// Whether this answers a question that is open, exactly: else it could answer a later one.
    pub(super) fn answers(&self, id: &OwnedId) -> bool {
        self.questions().remove(id).is_some()
    }

    /// An answer that found no room: its question is open again.
    pub(super) fn ask_again(&self, answer: &JsonRpcMessage) {
        if let Some(id) = answer.owned_id().filter(|_| answer.kind() == Kind::Response) {
            self.questions().insert(&id, ());
        }
    }

    /// Tells the server that nobody answers its question, so that it does not hang.
    pub(super) fn refuse(self: &Arc<Self>, question: &JsonRpcMessage, why: &str) {
        self.refuse_with(question, Code::INTERNAL_ERROR, why);
    }

    fn refuse_with(self: &Arc<Self>, question: &JsonRpcMessage, code: Code, why: &str) {
        let Some(refusal) = question.responder().refusal(code, why) else { return };
        if let Some(id) = question.owned_id() {
            self.questions().remove(&id);
        }
        tracing::warn!(method = question.method(), why, "a question of the server was refused");
        if let Ok(call) = self.call(refusal) {
            drain::spawn(call, 0);
        }
    }

    /// The call that a cancellation names is dropped. False where there is none.
    pub(super) fn cancel(&self, message: &JsonRpcMessage) -> bool {
        let named = peek::cancelled_id(message).ok().flatten().map(|id| id.to_owned());
        let Some((id, call)) = named.and_then(|id| Some((id.clone(), self.calls.by_id(&id)?))) else {
            return false;
        };
        call.cancel(&self.facts, &id, message.clone());
        true
    }

    /// The answer to `initialize` has come.
    pub(super) fn opened(self: &Arc<Self>, answer: &JsonRpcMessage) {
        match answer.result() {
            Some(_) => self.session.agreed(answer),
            None => self.end(&Error::closed("the session was not opened")),
        }
    }

    /// A call failed: the session may have ended with it.
    pub(super) fn failed(self: &Arc<Self>, error: &BoxError, opens: bool) {
        let error = error.downcast_ref::<Error>();
        if opens {
            self.end(&Error::closed("the session was not opened"));
        } else if let Some(lost) = error.filter(|error| error.is_session_lost()) {
            self.end(lost);
        } else if error.is_some_and(Error::is_closed) {
            // Only the listen tells a server that is gone from a call that failed.
            self.listen.probe(self);
        }
    }

    /// The session is over, for everybody.
    pub(super) fn end(&self, why: &Error) {
        if let Some(front) = self.front.upgrade() {
            front.forget(self.session.key());
        }
        self.tear_down(why);
    }

    /// Ends every call and stream and drops the stack.
    pub(super) fn tear_down(&self, why: &Error) {
        let stack = self.stack().take();
        self.calls.close();
        self.calls.all().iter().for_each(|call| call.fail(why));
        self.listen.close();
        self.replay.close();
        drop(stack);
    }

    /// Ends what would never end by itself.
    pub(super) fn end_listens(&self) {
        self.listen.end_readers();
        end_listens(&self.calls);
    }

    /// Drops the calls whose clients have gone.
    pub(super) fn end_left(&self) {
        end_left(&self.calls);
    }

    /// Whether the front end is there.
    pub(super) fn is_served(&self) -> bool {
        self.front.strong_count() > 0
    }

    pub(super) fn is_open(&self) -> bool {
        self.stack().is_some()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.calls.is_empty()
    }

    fn stack(&self) -> MutexGuard<'_, Option<Arc<Turns>>> {
        self.stack.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn questions(&self) -> MutexGuard<'_, IdMap<()>> {
        self.questions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the listens among these calls.
pub(super) fn end_listens(calls: &Calls) {
    let gone = Error::closed("the server is shutting down");
    calls.all().iter().filter(|call| call.is_listen).for_each(|call| call.fail(&gone));
}

/// Drops those of these calls whose clients have gone.
pub(super) fn end_left(calls: &Calls) {
    calls.all().iter().filter(|call| call.is_left.load(Ordering::Acquire)).for_each(|call| call.abandon());
}

/// What rides beside every message of a session.
pub(super) fn facts(session: &Arc<Session>) -> Facts {
    let mut facts = Facts::new(Direction::ToUpstream).transport("http").session(&session.key().to_string());
    facts.shared_mut().insert(session.clone());
    facts.shared_mut().insert(Era::Legacy);
    if let Some(principal) = session.principal() {
        facts.shared_mut().insert(principal.clone());
    }
    facts
}
