//! The calls in flight of one session, or of all requests that belong to none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::call::Call;
use crate::message::{IdMap, Kind, OwnedId};
use crate::session::InUse;

/// Bounded, requests and the rest each for themselves: a request may wait for the answer to a question, which must find
/// room. Every call is here until it is over, so that it can be ended from elsewhere.
pub(super) struct Calls {
    max: usize,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    all: Vec<Option<Arc<Call>>>,
    free: Vec<usize>,
    requests: usize,
    /// Of the requests of one client; those of many share no ids.
    ids: IdMap<usize>,
    closed: bool,
}

/// Why a call cannot begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// Its id is in use by another.
    IdInUse,
    /// Too many are in flight.
    Busy,
    /// The session is over.
    Closed,
}

impl Refused {
    pub(super) fn why(self) -> &'static str {
        match self {
            Self::IdInUse => "the id is in use by another request",
            Self::Busy => "too many requests are in flight",
            Self::Closed => "the session is over",
        }
    }
}

/// The place of a call in the table.
pub(super) struct Ticket {
    calls: Arc<Calls>,
    number: usize,
    is_request: bool,
    id: Option<OwnedId>,
    _in_use: Option<InUse>,
}

impl Calls {
    pub(super) fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max, table: Mutex::default() })
    }

    /// `id`: of a request whose id must be its own.
    pub(super) fn begin(
        self: &Arc<Self>,
        kind: Kind,
        id: Option<OwnedId>,
        in_use: Option<InUse>,
        make: impl FnOnce(Ticket) -> Call,
    ) -> Result<Arc<Call>, Refused> {
        let mut table = self.lock();
        if table.closed {
            return Err(Refused::Closed);
        }
        if id.as_ref().is_some_and(|id| table.ids.contains(id)) {
            return Err(Refused::IdInUse);
        }
        let is_request = kind == Kind::Request;
        let is_full = match is_request {
            true => table.requests >= self.max,
            false => table.len() - table.requests >= 2 * self.max,
        };
        if is_full {
            return Err(Refused::Busy);
        }
        table.requests += usize::from(is_request);
        let number = table.place();
        if let Some(id) = &id {
            table.ids.insert(id, number);
        }
        let call = Arc::new(make(Ticket { calls: self.clone(), number, is_request, id, _in_use: in_use }));
        table.all[number] = Some(call.clone());
        Ok(call)
    }

    pub(super) fn by_id(&self, id: &OwnedId) -> Option<Arc<Call>> {
        let table = self.lock();
        table.all.get(table.ids.get(id)?)?.clone()
    }

    /// All there are, to be ended by the caller without the table's lock.
    pub(super) fn all(&self) -> Vec<Arc<Call>> {
        self.lock().all.iter().flatten().cloned().collect()
    }

    /// No call begins any more.
    pub(super) fn close(&self) {
        self.lock().closed = true;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn len(&self) -> usize {
        self.all.len() - self.free.len()
    }

    fn place(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            self.all.len() - 1
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut table = self.calls.lock();
        if let Some(id) = &self.id {
            table.ids.remove(id);
        }
        table.requests -= usize::from(self.is_request);
        let call = table.all[self.number].take();
        table.free.push(self.number);
        drop(table);
        drop(call);
    }
}
