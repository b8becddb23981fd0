//! What a service and all its calls share.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::Chain;
use super::questions::Questions;
use crate::layer::answers::Spare;

/// One refcount for a call whose messages nobody wants to see.
pub(super) struct Fixed<S> {
    pub(super) chain: Chain,
    pub(super) questions: Questions,
    pub(super) progress: Option<Duration>,
    spare: Spare<S>,
}

impl<S> Fixed<S> {
    pub(super) fn new(chain: Chain, questions: Questions, progress: Option<Duration>) -> Arc<Self> {
        Arc::new(Self { chain, questions, progress, spare: Spare::default() })
    }
}

impl<S: Clone> Fixed<S> {
    /// Calls are made through clones of this one.
    pub(super) fn over(&self, service: &S) {
        self.spare.over(service);
    }

    /// A service to make one more call with.
    pub(super) fn service(&self) -> Option<S> {
        self.spare.service()
    }
}

impl<S> fmt::Debug for Fixed<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fixed").field("chain", &self.chain).finish_non_exhaustive()
    }
}
