//! The task that makes a session's leaf and brings it what has waited.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, ready};

use tokio::task::AbortHandle;
use tokio::time::timeout;

use super::session::Session;
use super::table::Shared;
use crate::connect::leaf::{Leaf, MakeLeaf};
use crate::error::Error;

/// Makes the leaf of a new session.
pub(super) fn begin<M: MakeLeaf>(shared: &Arc<Shared<M>>, name: &Arc<str>, session: &Arc<Session<M::Leaf>>) {
    let task = Start { shared: shared.clone(), name: name.clone(), session: session.clone() };
    session.set_pump(tokio::spawn(task.run()).abort_handle());
}

/// Brings the leaf, which is not ready at the moment, what waits.
pub(super) fn pump<L: Leaf>(session: &Arc<Session<L>>) -> AbortHandle {
    let session = session.clone();
    tokio::spawn(async move { poll_fn(|cx| session.poll_drain(cx)).await }).abort_handle()
}

struct Start<M: MakeLeaf> {
    shared: Arc<Shared<M>>,
    name: Arc<str>,
    session: Arc<Session<M::Leaf>>,
}

impl<M: MakeLeaf> Start<M> {
    async fn run(self) {
        let limit = self.shared.lock().spawn_timeout;
        let late = |_| Err(Error::timeout(format_args!("a leaf was not made within {limit:?}")));
        match timeout(limit, self.make()).await.unwrap_or_else(late) {
            Ok(leaf) => {
                tracing::debug!(session = %self.name, pid = leaf.pid(), "a session got its leaf");
                if self.session.begin(leaf) {
                    poll_fn(|cx| self.session.poll_drain(cx)).await;
                }
            }
            Err(error) => {
                tracing::warn!(session = %self.name, %error, "the leaf of a session could not be made");
                self.give_up(&error);
            }
        }
    }

    fn give_up(&self, error: &Error) {
        self.shared.lock().forget(&self.name, &self.session);
        self.session.stop(error);
    }

    async fn make(&self) -> Result<M::Leaf, Error> {
        let making = {
            // One session at a time asks whether another can be made: there is one waker to be told by.
            let mut make = self.shared.make.lock().await;
            poll_fn(|cx| {
                ready!(make.poll_ready(cx))?;
                Poll::Ready(Ok(make.make()))
            })
            .await
            .map_err(|error: M::MakeError| Error::from(error.into()))?
        };
        making.await.map_err(|error| Error::from(error.into()))
    }
}

impl<M: MakeLeaf> Drop for Start<M> {
    /// The maker panicked, or the runtime is gone: nobody is to wait for the leaf.
    fn drop(&mut self) {
        if self.session.is_making() {
            self.give_up(&Error::closed("the task that makes the session's leaf is gone"));
        }
    }
}
