//! A message that waits for someone to decide.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::Digest;
use crate::layer::intercept::{Action, Block};
use crate::message::{Direction, JsonRpcMessage, Kind};
use crate::reply::Reply;
use crate::session::Principal;

/// A message that waits for a decision; cheap to clone. It is decided about once, by whoever is first, from any task.
#[derive(Clone)]
pub struct Held(pub(super) Arc<Entry>);

pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) breakpoint: Arc<str>,
    pub(super) message: JsonRpcMessage,
    pub(super) direction: Direction,
    pub(super) request: Option<JsonRpcMessage>,
    pub(super) session: Option<String>,
    pub(super) principal: Option<Principal>,
    pub(super) digest: Digest,
    pub(super) since: Instant,
    pub(super) expires: Instant,
    pub(super) status: Mutex<Status>,
}

pub(super) enum Status {
    Waiting(oneshot::Sender<Action>),
    Over(NotDecided),
}

/// Why a decision does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotDecided {
    /// The message was decided about before: an approval counts once.
    #[error("the message was decided about already")]
    Already,
    /// It was held for as long as it may be.
    #[error("the decision comes too late")]
    Expired,
    /// Its client cancelled the request, or is gone.
    #[error("nobody waits for the message any more")]
    Gone,
    /// The decision is about something else than what is held.
    #[error("the message is not the one that was decided about")]
    Differs,
}

impl Held {
    /// Its number, unique among what was held.
    pub fn number(&self) -> u64 {
        self.0.number
    }

    /// The breakpoint that holds it.
    pub fn breakpoint(&self) -> &str {
        &self.0.breakpoint
    }

    /// The message.
    pub fn message(&self) -> &JsonRpcMessage {
        &self.0.message
    }

    /// Which way it goes.
    pub fn direction(&self) -> Direction {
        self.0.direction
    }

    /// The request that a response answers, or that the message belongs to.
    pub fn request(&self) -> Option<&JsonRpcMessage> {
        self.0.request.as_ref()
    }

    /// The session's name.
    pub fn session_id(&self) -> Option<&str> {
        self.0.session.as_deref()
    }

    /// Whose session it is.
    pub fn principal(&self) -> Option<&Principal> {
        self.0.principal.as_ref()
    }

    /// What a decision is bound to.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// How long it has been held.
    pub fn age(&self) -> Duration {
        self.0.since.elapsed()
    }

    /// How much longer it will be.
    pub fn time_left(&self) -> Duration {
        self.0.expires.saturating_duration_since(Instant::now())
    }

    /// Whether it still waits.
    pub fn is_waiting(&self) -> bool {
        matches!(*self.0.lock(), Status::Waiting(_))
    }

    /// Lets it go on as it is.
    ///
    /// # Errors
    ///
    /// It does not wait any more.
    pub fn resume(&self) -> Result<(), NotDecided> {
        self.decide(Action::Continue)
    }

    /// Lets it go on if it is what was approved: for approvals that come from elsewhere.
    ///
    /// # Errors
    ///
    /// It is another message, or does not wait any more.
    pub fn approve(&self, digest: &Digest) -> Result<(), NotDecided> {
        if self.0.digest == *digest { self.resume() } else { Err(NotDecided::Differs) }
    }

    /// Lets this go on in its place, marked as [synthetic](JsonRpcMessage::synthetic) unless it is the same. It must be of
    /// the same kind and keep the id; else it is blocked.
    ///
    /// # Errors
    ///
    /// The message is of another kind, has another id, or does not wait any more.
    pub fn edit(&self, message: JsonRpcMessage) -> Result<(), NotDecided> {
        if message.kind() != self.0.message.kind() || message.id() != self.0.message.id() {
            return Err(NotDecided::Differs);
        }
        let is_own = message == self.0.message;
        self.decide(Action::Modify(if is_own { message } else { message.synthetic() }))
    }

    /// Answers it, as [`Action::Respond`] does.
    ///
    /// # Errors
    ///
    /// The answer is no response, the message is a notification, which has none, or it does not wait any more.
    pub fn answer(&self, reply: impl Into<Reply>) -> Result<(), NotDecided> {
        let (reply, kind) = (reply.into(), self.0.message.kind());
        let is_response = reply.as_one().is_some_and(|message| message.kind() == Kind::Response);
        let takes_several = kind == Kind::Request && self.0.direction == Direction::ToUpstream;
        if kind == Kind::Notification || !(is_response || takes_several && !reply.is_single()) {
            return Err(NotDecided::Differs);
        }
        self.decide(Action::Respond(reply))
    }

    /// Blocks it.
    ///
    /// # Errors
    ///
    /// It does not wait any more.
    pub fn reject(&self, block: Block) -> Result<(), NotDecided> {
        self.decide(Action::Block(block))
    }

    fn decide(&self, action: Action) -> Result<(), NotDecided> {
        let mut status = self.0.lock();
        if matches!(*status, Status::Waiting(_)) && self.0.expires <= Instant::now() {
            return Err(NotDecided::Expired);
        }
        match std::mem::replace(&mut *status, Status::Over(NotDecided::Already)) {
            Status::Waiting(decided) => {
                drop(status);
                decided.send(action).map_err(|_| NotDecided::Gone)
            }
            Status::Over(why) => {
                *status = Status::Over(why);
                Err(why)
            }
        }
    }
}

impl Entry {
    pub(super) fn lock(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nobody decided. A decision that was made stays one.
    pub(super) fn end(&self, why: NotDecided) {
        let mut status = self.lock();
        if matches!(*status, Status::Waiting(_)) {
            let before = std::mem::replace(&mut *status, Status::Over(why));
            drop(status);
            drop(before);
        }
    }
}

impl fmt::Debug for Held {
    /// Not the message: it may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("number", &self.0.number)
            .field("breakpoint", &self.0.breakpoint)
            .field("direction", &self.0.direction)
            .field("method", &self.0.message.method())
            .field("digest", &self.0.digest)
            .field("waiting", &self.is_waiting())
            .finish_non_exhaustive()
    }
}
