//! Sessions in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::id::KeyMap;
use super::{Full, Principal, Session, SessionKey, SessionStore};

/// Sessions in memory, bounded in all and for each principal.
///
/// ```
/// use std::sync::Arc;
/// use shadowcat::session::{MemoryStore, NoRandomness, Session, SessionId, SessionStore};
///
/// let store = MemoryStore::new().max_sessions(1);
/// let session = || Ok::<_, NoRandomness>(Arc::new(Session::new(SessionId::random()?.key(), None)));
/// assert!(store.insert(session()?).is_ok());
/// assert!(store.insert(session()?).is_err());
/// # Ok::<(), NoRandomness>(())
/// ```
#[derive(Debug)]
pub struct MemoryStore {
    max_sessions: usize,
    max_per_principal: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    sessions: KeyMap<Arc<Session>>,
    by_principal: HashMap<Principal, usize>,
}

impl MemoryStore {
    /// At most 10,000 sessions, and 100 for each principal. Those of nobody in particular share the room.
    pub fn new() -> Self {
        Self { max_sessions: 10_000, max_per_principal: 100, kept: Mutex::default() }
    }

    /// Sessions in all.
    pub fn max_sessions(mut self, max: usize) -> Self {
        self.max_sessions = max;
        self
    }

    /// Sessions of one principal.
    pub fn max_per_principal(mut self, max: usize) -> Self {
        self.max_per_principal = max;
        self
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl SessionStore for MemoryStore {
    fn insert(&self, session: Arc<Session>) -> Result<(), Full> {
        let mut kept = self.lock();
        if kept.sessions.len() >= self.max_sessions {
            return Err(Full);
        }
        if let Some(principal) = session.principal() {
            let own = kept.by_principal.get(principal).copied().unwrap_or(0);
            if own >= self.max_per_principal {
                return Err(Full);
            }
            kept.by_principal.insert(principal.clone(), own + 1);
        }
        kept.sessions.insert(*session.key(), session);
        Ok(())
    }

    fn find(&self, key: &SessionKey) -> Option<Arc<Session>> {
        self.lock().sessions.get(key).cloned()
    }

    fn remove(&self, key: &SessionKey) -> Option<Arc<Session>> {
        let mut kept = self.lock();
        let session = kept.sessions.remove(key)?;
        if let Some(principal) = session.principal()
            && let Some(own) = kept.by_principal.get_mut(principal)
        {
            *own -= 1;
            if *own == 0 {
                kept.by_principal.remove(principal);
            }
        }
        Some(session)
    }

    fn for_each(&self, see: &mut dyn FnMut(&Arc<Session>)) {
        self.lock().sessions.values().for_each(see);
    }

    fn len(&self) -> usize {
        self.lock().sessions.len()
    }
}
