//! Where sessions are kept.

use std::fmt::Debug;
use std::sync::Arc;

use super::{Session, SessionKey};

/// No room for another session, in all or for its principal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are too many sessions")]
#[non_exhaustive]
pub struct Full;

/// Keeps sessions by the hash of their ids. It is asked on every request of a session, so that nothing of it may
/// block.
///
/// When a session is over is the front end's to say; how many there may be is the store's.
pub trait SessionStore: Debug + Send + Sync + 'static {
    /// Adds a session.
    ///
    /// # Errors
    ///
    /// There is no room for it.
    fn insert(&self, session: Arc<Session>) -> Result<(), Full>;

    /// The session of this key.
    fn find(&self, key: &SessionKey) -> Option<Arc<Session>>;

    /// Takes a session out.
    fn remove(&self, key: &SessionKey) -> Option<Arc<Session>>;

    /// Shows every session.
    fn for_each(&self, see: &mut dyn FnMut(&Arc<Session>));

    /// How many there are.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
