//! One leaf that many clients use, each as if it had it alone.
//!
//! - Every request travels under a small fresh id, and its progress token under the same; replies and progress
//!   come back under the client's own. A cancellation reaches the client's own call only.
//! - The first `initialize` goes to the server. Its answer is given to every client that asks for the same
//!   protocol version with the same capabilities; another is refused, because the server was told what its
//!   client can do, once. The server sees the first client's `clientInfo`.
//! - `resources/subscribe` goes up for the first client of a resource, `resources/unsubscribe` for the last, and
//!   `notifications/resources/updated` comes to the subscribers. The server logs at the most verbose level that a
//!   client asked for, and each client gets what its own level lets pass.
//! - What the server says to nobody in particular, `list_changed` for one, comes to every client's listen.
//!
//! ```
//! use shadowcat::{JsonRpcMessage, connect::{self, Shared}};
//! use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
//! use tower::Service;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let (ours, theirs) = tokio::io::duplex(1024);
//! # tokio::spawn(async move {
//! #     let (read, mut write) = tokio::io::split(theirs);
//! #     let mut lines = BufReader::new(read).lines();
//! #     while let Ok(Some(line)) = lines.next_line().await {
//! #         let id = JsonRpcMessage::parse(line).unwrap().id().unwrap().as_str().to_owned();
//! #         let answer = format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n");
//! #         write.write_all(answer.as_bytes()).await.unwrap();
//! #     }
//! # });
//! # let (read, write) = tokio::io::split(ours);
//! let shared = Shared::new(connect::pipe(read, write)); // usually of a `Command`
//! let (mut ann, mut bob) = (shared.client()?, shared.client()?);
//! let (first, second) = (ann.call(JsonRpcMessage::request(1, "ping", "")?), bob.call(JsonRpcMessage::request(1, "ping", "")?));
//! assert_eq!(second.await?.as_one().unwrap().id().unwrap().as_i64(), Some(1));
//! assert_eq!(first.await?.as_one().unwrap().id().unwrap().as_i64(), Some(1));
//! # Ok(()) }
//! ```
//!
//! # Sessions of a front end
//!
//! It makes clients, as a [`MakeLeaf`](super::MakeLeaf), and a client is a [`Leaf`]:
//! `PerSession::new(shared)` gives each session its own, and takes it back when the session ends.
//!
//! # Whom the server speaks to
//!
//! Before 2026-07-28 nothing on the wire ties a question or a log line of the server to a call. It is the client
//! whose calls are running, if they are all of one client, and no other client has cancelled a call within
//! [`after_cancel`](Shared::after_cancel): the server may still be at work on it. Otherwise a question is refused
//! with an error, so that the server does not hang, and a log line dropped; both are [counted](Stats). Log lines
//! while nothing runs come to every client. A question while nothing runs is refused, but a ping is answered.
//!
//! # Trust
//!
//! **One process is one trust domain.** The server sees the requests of all clients and cannot tell them apart.
//! What it remembers of one (a working directory, a login, a cache, roots) it may use for, or show to, another;
//! so may list changes, log lines while nothing runs, and its other unaddressed notifications. Give principals
//! that must not learn of each other a process each: [`PerSession`](super::PerSession) over a
//! [`Pool`](super::Pool).

mod attribution;
mod call;
mod client;
mod initialize;
mod items;
mod level;
mod member;
mod notify;
mod outbox;
mod pending;
mod questions;
mod router;
mod state;
mod subscribe;

use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tower_service::Service;

use super::leaf::{Exit, Leaf};
use crate::error::Error;

pub use call::ResponseFuture;
pub use client::Client;
pub use state::Stats;

use state::Core;

/// Requests of our own that wait for the task that reads their answers.
const OWN: usize = 1024;

/// Shares one leaf between many clients; cheap to clone.
///
/// The leaf ends once every clone, client, pending call and open reply is gone.
///
/// # Backpressure
///
/// Each client's listen is a queue of its own ([`queue`](Self::queue)); one that is not read fails alone, with an
/// error that [`is_overflow`](Error::is_overflow). For a listen that is not open yet 64 messages and 64 KiB are
/// kept. How many calls may be pending is the leaf's own bound, for all clients together.
pub struct Shared<L: Leaf> {
    handle: Arc<Handle<L>>,
}

/// Dropped with the last clone, client, call and reply.
pub(super) struct Handle<L: Leaf> {
    core: Arc<Core<L>>,
}

impl<L: Leaf> Shared<L> {
    /// Shares `leaf`, which nobody else should use: its session's listen is opened here.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn new(leaf: L) -> Self {
        let (own, to_router) = mpsc::channel(OWN);
        let closed = watch::Sender::new(false);
        let core = Arc::new(Core::new(leaf.clone(), own, closed));
        tokio::spawn(router::run(core.clone(), leaf, to_router));
        Self { handle: Arc::new(Handle { core }) }
    }

    /// Clients at once (10,000).
    pub fn max_clients(self, clients: usize) -> Self {
        self.core().lock().max_clients = clients.max(1);
        self
    }

    /// What a client's listen may hold unread (1,024 messages, 8 MiB).
    pub fn queue(self, messages: usize, bytes: usize) -> Self {
        self.core().lock().queue = (messages.max(1), bytes);
        self
    }

    /// How long a cancelled call may be what the server speaks about (30 s).
    pub fn after_cancel(self, time: Duration) -> Self {
        self.core().lock().after_cancel = time;
        self
    }

    /// A new client.
    ///
    /// # Errors
    ///
    /// [Busy](Error::is_busy) at the bound of [`max_clients`](Self::max_clients); [closed](Error::is_closed)
    /// once the leaf has ended.
    pub fn client(&self) -> Result<Client<L>, Error> {
        let mut state = self.core().lock();
        if let Some(why) = &state.ended {
            return Err(why.clone().unsent());
        }
        if state.clients.len() >= state.max_clients {
            return Err(Error::busy(format_args!("there are {} clients already", state.max_clients)).unsent());
        }
        let (id, leaf) = (state.add_client(), state.leaf.clone());
        drop(state);
        Ok(Client::new(leaf, id, self.handle.clone()))
    }

    /// Waits until the leaf has ended. Holds no claim on it.
    pub fn ended(&self) -> impl Future<Output = Exit> + Send + 'static + use<L> {
        let ended: Pin<Box<dyn Future<Output = Exit> + Send>> = Box::pin(self.core().lock().leaf.ended());
        ended
    }

    /// Ends the leaf whoever uses it: every pending call fails with `why`, and so does every later one.
    pub fn stop(&self, why: Error) {
        let leaf = self.core().lock().leaf.clone();
        leaf.stop(why);
    }

    /// What there is now, and what was dropped so far.
    pub fn stats(&self) -> Stats {
        self.core().lock().stats()
    }

    fn core(&self) -> &Arc<Core<L>> {
        &self.handle.core
    }
}

impl<L: Leaf> Drop for Handle<L> {
    fn drop(&mut self) {
        self.core.closed.send_replace(true);
    }
}

impl<L: Leaf> Clone for Shared<L> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

impl<L: Leaf> Service<()> for Shared<L> {
    type Response = Client<L>;
    type Error = Error;
    type Future = Ready<Result<Client<L>, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    /// A new client.
    fn call(&mut self, (): ()) -> Self::Future {
        ready(self.client())
    }
}

impl<L: Leaf> fmt::Debug for Shared<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
