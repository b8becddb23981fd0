//! Leaves made ahead, so that a session does not wait for its server to start.
//!
//! A spare has served nobody. Whoever [acquires](Pool::acquire) one has it alone; when it is given up it ends,
//! and is never a spare again: what a server remembers of one principal does not reach the next.
//!
//! ```
//! use shadowcat::{Error, JsonRpcMessage, connect::{self, Pool}};
//! use tower::Service;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let start = || {
//! #     let (ours, mut theirs) = tokio::io::duplex(1024);
//! #     tokio::spawn(async move {
//! #         let (mut read, mut write) = tokio::io::split(&mut theirs);
//! #         tokio::io::copy(&mut read, &mut tokio::io::sink()).await?;
//! #         tokio::io::AsyncWriteExt::shutdown(&mut write).await
//! #     });
//! #     let (read, write) = tokio::io::split(ours);
//! #     connect::pipe(read, write)
//! # };
//! // Usually `Pool::new(connect::Command::new("wassette").args(["serve", "--stdio"]))`.
//! let pool = Pool::new(tower::service_fn(move |()| std::future::ready(Ok::<_, Error>(start())))).spawn_ahead(2);
//! pool.warm().await?;
//! assert_eq!(pool.stats().idle, 2);
//!
//! let mut mine = pool.acquire().await?; // costs no start
//! mine.call(JsonRpcMessage::notification("notifications/x", "")?).await?;
//! drop(mine); // ends it
//! pool.shutdown().await;
//! # Ok(()) }
//! ```
//!
//! # When spares fail
//!
//! One that has ended is thrown away, and the next is taken. [`Pool::check`] can ask more of a spare: when it is
//! made, and again from time to time, not when it is handed out. While spares cannot be made, or end unused, the
//! pool tries again after 100 ms, then after twice as long each time, up to 30 s.

mod keeper;
mod lease;
mod progress;
mod settings;
mod state;
mod wait;

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tower_service::Service;

use super::leaf::MakeLeaf;
use crate::error::{BoxError, Error};

pub use lease::Pooled;
pub use settings::Stats;

use keeper::Keeper;
use state::{Offer, Shared};
use wait::Waiter;

/// Keeps spare leaves ready; cheap to clone, all clones are one pool.
///
/// It is itself a [`MakeLeaf`], so that it stacks: `PerSession::new(Pool::new(command))`. When the last clone is
/// gone, so are the spares and the task that makes them; leaves in use stay until they are given up.
///
/// # Backpressure
///
/// No more than [`max_processes`](Self::max_processes) leaves exist at once, in use, spare, and those that are
/// about to end; beyond, [`acquire`](Self::acquire) fails with an error that [`is_busy`](Error::is_busy).
pub struct Pool<M: MakeLeaf> {
    handle: Arc<Handle<M>>,
}

/// Dropped with the last clone.
struct Handle<M: MakeLeaf> {
    shared: Arc<Shared<M::Leaf>>,
    /// Taken by the keeper, once it is started.
    make: Mutex<Option<M>>,
}

impl<M: MakeLeaf> Pool<M> {
    /// A pool of what `make` makes. Nothing is made before the first [`acquire`](Self::acquire) or
    /// [`warm`](Self::warm).
    pub fn new(make: M) -> Self {
        let shared = Arc::new(Shared::default());
        Self { handle: Arc::new(Handle { shared, make: Mutex::new(Some(make)) }) }
    }

    /// Spares kept ready (1). One that was taken is replaced after 20 ms, so that starting another does not hold
    /// up the first call through it.
    pub fn spawn_ahead(self, spares: usize) -> Self {
        self.shared().set(|settings| settings.spawn_ahead = spares);
        self
    }

    /// Spares at most (8), whatever is to be made ahead: those of callers that went away before their leaf was
    /// made count too.
    pub fn max_idle(self, spares: usize) -> Self {
        self.shared().set(|settings| settings.max_idle = spares);
        self
    }

    /// Leaves at most (64), in use and spare together; a leaf counts until it has ended.
    pub fn max_processes(self, leaves: usize) -> Self {
        self.shared().set(|settings| settings.max_processes = leaves.max(1));
        self
    }

    /// How long one may take to be made, and to pass the check (30 s).
    pub fn spawn_timeout(self, limit: Duration) -> Self {
        self.shared().set(|settings| settings.spawn_timeout = limit);
        self
    }

    /// Asks each leaf whether it is fit: when it is made, and again every 30 s while it is a spare. One that is
    /// not, or does not say so within 5 s, is thrown away. It must leave nothing of itself behind, because
    /// somebody's session begins on the same leaf; a ping before `initialize` is allowed (2025-11-25
    /// basic/lifecycle), though some servers end on it.
    ///
    /// ```
    /// # use shadowcat::{BoxError, JsonRpcMessage, connect::{Leaf, MakeLeaf, Pool}};
    /// use tower::ServiceExt;
    ///
    /// # fn checked<M: MakeLeaf>(pool: Pool<M>) -> Pool<M> {
    /// pool.check(|spare| async move {
    ///     let ping = JsonRpcMessage::request("pool", "ping", "")?;
    ///     let reply = spare.oneshot(ping).await?;
    ///     reply.as_one().and_then(|answer| answer.result()).map(drop).ok_or_else(|| BoxError::from("it is ill"))
    /// })
    /// # }
    /// ```
    pub fn check<F, Fut>(self, check: F) -> Self
    where
        F: Fn(M::Leaf) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), BoxError>> + Send + 'static,
    {
        self.shared().set(|settings| settings.check = Some(Arc::new(move |leaf| Box::pin(check(leaf)))));
        self
    }

    /// How long a check may take (5 s), and how often spares are checked (every 30 s).
    pub fn check_times(self, limit: Duration, every: Duration) -> Self {
        self.shared().set(|settings| {
            (settings.check_limit, settings.check_every) = (limit, every.max(Duration::from_millis(1)));
        });
        self
    }

    /// A leaf that has served nobody: a spare, and another is made in the background; or, where there is none,
    /// one that is made now. Dropping the future is harmless: what was made for it becomes a spare.
    ///
    /// # Errors
    ///
    /// [Busy](Error::is_busy) at the bound of [`max_processes`](Self::max_processes); the maker's own error; a
    /// [timeout](Error::is_timeout); [closed](Error::is_closed) after [`shutdown`](Self::shutdown). All are
    /// [unsent](Error::is_unsent).
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time enabled.
    pub async fn acquire(&self) -> Result<Pooled<M::Leaf>, Error> {
        self.start();
        let made = match self.shared().take().map_err(Error::unsent)? {
            Offer::Now(made) => made,
            Offer::Later(made, limit) => {
                Waiter::new(self.shared(), made).within(limit).await.map_err(Error::unsent)?
            }
        };
        Ok(Pooled::new(made, self.shared()))
    }

    /// Waits until the spares are there.
    ///
    /// # Errors
    ///
    /// One could not be made, or ended unused; the pool goes on trying.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time enabled.
    pub async fn warm(&self) -> Result<(), Error> {
        self.start();
        self.shared().warmed().await
    }

    /// What there is now, and what was counted so far.
    pub fn stats(&self) -> Stats {
        self.shared().lock().stats()
    }

    /// Stops every leaf, in use or not, and waits until all have ended. Nothing can be acquired any more. A reply
    /// that is still read after its [`Pooled`] was dropped is waited for.
    pub async fn shutdown(&self) {
        self.start();
        let why = Error::closed("the pool was shut down");
        self.shared().close(&why);
        self.shared().stop_leases(&why);
        self.shared().drained().await;
    }

    fn shared(&self) -> &Arc<Shared<M::Leaf>> {
        &self.handle.shared
    }

    /// Starts the task in the background, once.
    fn start(&self) {
        let make = self.handle.make.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(make) = make {
            tokio::spawn(Keeper::new(make, self.shared().clone()).keep());
        }
    }
}

impl<M: MakeLeaf> Drop for Handle<M> {
    fn drop(&mut self) {
        self.shared.lock().orphaned = true;
        self.shared.close(&Error::closed("the pool is gone"));
    }
}

impl<M: MakeLeaf> Clone for Pool<M> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

impl<M: MakeLeaf> Service<()> for Pool<M> {
    type Response = Pooled<M::Leaf>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    /// Acquires one.
    fn call(&mut self, (): ()) -> Self::Future {
        let pool = self.clone();
        Box::pin(async move { pool.acquire().await })
    }
}

impl<M: MakeLeaf> fmt::Debug for Pool<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
