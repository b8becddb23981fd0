//! Owning a server in production: it is made again when it fails, watched while it runs, and given up in so many
//! words.
//!
//! A [`Supervisor`] wraps whatever makes a leaf, a `Command` for instance, and gives a
//! [`Supervised`] leaf that calls go through. Its [`Status`] can be watched, and is told to `tracing`.
//!
//! - Calls that were under way when a leaf ended fail, once each. None is ever sent again by itself: the server may
//!   have acted on it. Calls that come during a restart wait for it.
//! - A **legacy session** is lost with its process: the next process was never asked to `initialize`. By default that
//!   is said: calls fail with an error that [`is_session_lost`](crate::Error::is_session_lost), and the session's
//!   listen ends with it, so that a front end ends the session (stdio) or answers 404 (HTTP). With
//!   [`reestablish`](Supervisor::reestablish) the client's own `initialize` is said to the next process in its place,
//!   for servers whose state is not in the process. That is never silent: there is an event, a counter, and to the client
//!   `list_changed`, and `updated` for each resource that it watches.
//! - A modern server (2026-07-28) keeps no session, so nothing is lost but what was under way.
//!
//! A supervised leaf serves one session at a time.
//!
//! ```no_run
//! # #[cfg(all(feature = "stdio", unix))]
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::Error> {
//! use std::time::Duration;
//! use futures::StreamExt;
//! use shadowcat::connect::{Command, Supervisor, supervise::{HealthCheck, Restart}};
//! use shadowcat::serve;
//!
//! let server = Supervisor::new(Command::new("my-mcp-server"))
//!     .restart(Restart::OnFailure { max_restarts: 3, window: Duration::from_secs(60) })
//!     .health(HealthCheck::new().interval(Duration::from_secs(5)))
//!     .reestablish(true)
//!     .start();
//! let mut statuses = server.statuses();
//! tokio::spawn(async move {
//!     while let Some(status) = statuses.next().await {
//!         eprintln!("the server is {status}");
//!     }
//! });
//! serve::stdio(server).run().await
//! # }
//! # #[cfg(not(all(feature = "stdio", unix)))] fn main() {}
//! ```

mod call;
mod health;
mod keeper;
mod listen;
mod policy;
mod questions;
mod service;
mod session;
mod state;
mod status;
mod waiting;
mod watch;

use std::time::Duration;

use super::leaf::MakeLeaf;

pub use call::ResponseFuture;
pub use health::HealthCheck;
pub use policy::{Backoff, Restart};
pub use service::Supervised;
pub use status::{Stats, Status, Statuses};

/// What is to be supervised, and how.
#[derive(Clone, Debug)]
#[must_use = "a supervisor does nothing until it is started"]
pub struct Supervisor<M> {
    make: M,
    restart: Restart,
    backoff: Backoff,
    health: Option<HealthCheck>,
    spawn_timeout: Duration,
    reestablish: bool,
    max_waiting: usize,
}

impl<M: MakeLeaf> Supervisor<M> {
    /// Over what `make` makes: restarts where it failed (5 within a minute), waits of 100 ms to 30 s between them, no
    /// health checks, 30 s for a start, no session re-established, 1,024 calls that wait.
    pub fn new(make: M) -> Self {
        Self {
            make,
            restart: Restart::default(),
            backoff: Backoff::default(),
            health: None,
            spawn_timeout: Duration::from_secs(30),
            reestablish: false,
            max_waiting: 1024,
        }
    }

    /// When it is made again.
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How long to wait before.
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Asks it regularly whether it is alive.
    pub fn health(mut self, health: HealthCheck) -> Self {
        self.health = Some(health);
        self
    }

    /// How long making it may take, and again as long re-establishing a session; and how long it may take to answer
    /// the client's `initialize`, before it counts as unhealthy.
    pub fn spawn_timeout(mut self, limit: Duration) -> Self {
        self.spawn_timeout = limit;
        self
    }

    /// Opens the client's legacy session again on the next process, instead of telling the client that it is lost.
    ///
    /// The recorded `initialize` and `notifications/initialized` go first, then the last `logging/setLevel` and the
    /// watched resources (1 MiB of requests at most); their answers are consumed. The start has failed if the server answers
    /// another revision than before. Then the client is told that every list that may change has.
    pub fn reestablish(mut self, reestablish: bool) -> Self {
        self.reestablish = reestablish;
        self
    }

    /// Calls that may wait for a start; more fail with an error that `is_busy()`.
    pub fn max_waiting(mut self, calls: usize) -> Self {
        self.max_waiting = calls;
        self
    }

    /// Makes the first leaf, in a task that ends with the last of them.
    ///
    /// A first start that fails is a failure like any other, and tried again if the policy says so.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time enabled.
    pub fn start(self) -> Supervised<M::Leaf> {
        let shared = state::Shared::new(self.max_waiting, self.reestablish);
        let watch = watch::Watch {
            shared: shared.clone(),
            health: self.health,
            spawn_timeout: self.spawn_timeout,
            reestablish: self.reestablish,
        };
        let history = policy::History::new(self.restart, self.backoff);
        let keeper = keeper::Keeper { make: self.make, history, watch };
        tokio::spawn(keeper.run());
        Supervised::new(shared)
    }
}
