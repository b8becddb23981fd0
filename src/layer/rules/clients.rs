//! What the clients of sessions call themselves, where nobody else keeps it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// At most so many are remembered; the oldest goes first.
const MOST: usize = 1024;
/// A longer name is none.
const LONGEST: usize = 256;

/// By session. Sessions without a name are one.
#[derive(Debug, Default)]
pub(super) struct Clients(Mutex<VecDeque<Client>>);

#[derive(Debug)]
struct Client {
    session: Option<Box<str>>,
    name: Box<str>,
}

impl Clients {
    pub(super) fn set(&self, session: Option<&str>, name: &str) {
        let mut known = self.lock();
        known.retain(|client| client.session.as_deref() != session);
        if name.len() > LONGEST {
            return;
        }
        if known.len() == MOST {
            known.pop_front();
        }
        known.push_back(Client { session: session.map(Into::into), name: name.into() });
    }

    pub(super) fn get(&self, session: Option<&str>) -> Option<String> {
        let known = self.lock();
        known.iter().find(|client| client.session.as_deref() == session).map(|client| client.name.to_string())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
