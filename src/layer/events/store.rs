//! A store of sessions that tells when they begin and end.

use std::sync::Arc;

use super::hub::{Hub, Key};
use crate::session::{Full, Session, SessionKey, SessionStore};

/// A [`SessionStore`] that tells when sessions begin and end; see [`EventsLayer::store`](super::EventsLayer::store).
#[derive(Debug)]
pub struct Store<T: SessionStore> {
    pub(super) inner: T,
    pub(super) hub: Arc<Hub>,
}

impl<T: SessionStore> SessionStore for Store<T> {
    fn insert(&self, session: Arc<Session>) -> Result<(), Full> {
        self.inner.insert(session.clone())?;
        self.hub.open(&key(session.key()), Some(session));
        Ok(())
    }

    fn find(&self, key: &SessionKey) -> Option<Arc<Session>> {
        self.inner.find(key)
    }

    fn remove(&self, by: &SessionKey) -> Option<Arc<Session>> {
        let removed = self.inner.remove(by)?;
        self.hub.close(&key(by));
        Some(removed)
    }

    fn for_each(&self, see: &mut dyn FnMut(&Arc<Session>)) {
        self.inner.for_each(see);
    }

    fn len(&self) -> usize {
        self.inner.len()
    }
}

/// What is left in it is over with it.
impl<T: SessionStore> Drop for Store<T> {
    fn drop(&mut self) {
        let mut left = Vec::new();
        self.inner.for_each(&mut |session| left.push(key(session.key())));
        left.iter().for_each(|key| self.hub.close(key));
    }
}

fn key(key: &SessionKey) -> Key {
    Key::Named(key.to_string().into())
}
