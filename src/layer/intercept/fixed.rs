//! What a service and all its calls share.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use super::Chain;
use super::questions::Questions;

/// One refcount for a call whose messages nobody wants to see.
pub(super) struct Fixed<S> {
    pub(super) chain: Chain,
    pub(super) questions: Questions,
    pub(super) progress: Option<Duration>,
    /// A clone without a reservation, to make others from: one for each call would cost what a stack of clones does.
    service: OnceLock<Mutex<S>>,
}

impl<S> Fixed<S> {
    pub(super) fn new(chain: Chain, questions: Questions, progress: Option<Duration>) -> Arc<Self> {
        Arc::new(Self { chain, questions, progress, service: OnceLock::new() })
    }
}

impl<S: Clone> Fixed<S> {
    /// Calls are made through clones of this one.
    pub(super) fn over(&self, service: &S) {
        self.service.get_or_init(|| Mutex::new(service.clone()));
    }

    /// A service to make one more call with.
    pub(super) fn service(&self) -> Option<S> {
        Some(self.service.get()?.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl<S> fmt::Debug for Fixed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixed").field("chain", &self.chain).finish_non_exhaustive()
    }
}
