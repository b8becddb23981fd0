//! A leaf of its own for every session.
//!
//! A message goes to the leaf of the session that its [`Context`](crate::message::Context) names. The leaf is made
//! when the session first says something; what the session says in the meantime waits and goes out in order.
//!
//! ```
//! use std::sync::Arc;
//! use shadowcat::{Context, Direction, Error, JsonRpcMessage, connect::{self, PerSession}};
//! use tower::{Service, ServiceExt};
//! # use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let start = || {
//! #     let (ours, theirs) = tokio::io::duplex(1024);
//! #     tokio::spawn(async move {
//! #         let (read, mut write) = tokio::io::split(theirs);
//! #         let _request = BufReader::new(read).lines().next_line().await;
//! #         write.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n").await
//! #     });
//! #     let (read, write) = tokio::io::split(ours);
//! #     connect::pipe(read, write)
//! # };
//! // Usually `PerSession::new(command)`, or `PerSession::new(Pool::new(command))`.
//! let make = tower::service_fn(move |()| std::future::ready(Ok::<_, Error>(start())));
//! let mut servers = PerSession::new(make).max_sessions(100);
//!
//! let session = Arc::new(Context::new(Direction::ToUpstream).session("s-1"));
//! let ping = JsonRpcMessage::request(1, "ping", "")?.with_context(session);
//! let reply = servers.ready().await?.call(ping).await?;
//! assert_eq!(reply.as_one().unwrap().result(), Some(&b"{}"[..]));
//!
//! servers.end("s-1"); // its server stops
//! # Ok(()) }
//! ```
//!
//! # The end of a session
//!
//! Its leaf is stopped when the front end says [`end`](PerSession::end), and when the session was idle for
//! [`idle_timeout`](PerSession::idle_timeout): no call pending, no reply open. A client's own
//! `subscriptions/listen` is such a reply. The listen that a front end opens is not, because it is open as long
//! as the front end is: when the leaf is stopped it ends with the reason.
//!
//! A session whose leaf is gone, by itself or because it was idle, is lost: each of its calls fails with an error
//! that [`is_closed`](crate::Error::is_closed) and says why, until `end`. A new server would not know what the
//! session began with, an `initialize` for one. A session whose leaf could not be made has not begun: its next
//! call tries again.

mod clock;
mod future;
mod session;
mod start;
mod table;

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_service::Service;

use super::leaf::{Leaf, MakeLeaf};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

pub use future::ResponseFuture;
pub use table::Stats;

use table::Shared;

/// Routes every message to its session's own leaf; cheap to clone, all clones have the same sessions.
///
/// When the last clone is gone, each leaf ends with the last call and reply of its session; the listen of a front
/// end alone does not keep it.
///
/// # Errors
///
/// A message without a session fails with an error that [`is_invalid`](Error::is_invalid); one that would begin
/// a session too many with one that [`is_busy`](Error::is_busy). Both are [unsent](Error::is_unsent), and so is
/// what waited for a leaf that could not be made.
///
/// # Backpressure
///
/// While its leaf is made or not ready, a session may have 1,024 messages or 8 MiB waiting; more fail with an
/// error that [`is_busy`](Error::is_busy). Other sessions do not notice.
pub struct PerSession<M: MakeLeaf> {
    handle: Arc<Handle<M>>,
}

/// Dropped with the last clone.
struct Handle<M: MakeLeaf>(Arc<Shared<M>>);

impl<M: MakeLeaf> PerSession<M> {
    /// Leaves for sessions from `make`.
    pub fn new(make: M) -> Self {
        Self { handle: Arc::new(Handle(Arc::new(Shared::new(make)))) }
    }

    /// Sessions with a leaf at once (10,000).
    pub fn max_sessions(self, sessions: usize) -> Self {
        self.shared().lock().max_sessions = sessions.max(1);
        self
    }

    /// How long its leaf may take to be made (30 s), the wait for a maker that is not ready included.
    pub fn spawn_timeout(self, limit: Duration) -> Self {
        self.shared().lock().spawn_timeout = limit;
        self
    }

    /// How long a session may be idle (30 min). It is found idle up to a sixteenth of that later.
    pub fn idle_timeout(self, limit: Duration) -> Self {
        self.shared().clock.set_limit(limit);
        self
    }

    /// The session is over: its leaf stops, and its calls fail. Tells whether it had a leaf, or was to get one.
    ///
    /// A later message of the same name begins another session.
    pub fn end(&self, session_id: &str) -> bool {
        let ended = self.shared().lock().remove(session_id);
        let Some(ended) = ended else { return false };
        tracing::debug!(session = session_id, "a session was ended");
        ended.stop(&Error::closed("the session was ended"));
        true
    }

    /// How many sessions there are, and what became of others.
    pub fn stats(&self) -> Stats {
        self.shared().lock().stats()
    }

    /// Ends every session and waits until their leaves have ended.
    pub async fn shutdown(&self) {
        let sessions = self.shared().lock().remove_all();
        let why = Error::closed("every session was ended");
        let ends: Vec<_> = sessions.iter().filter_map(|session| session.stop(&why)).collect();
        drop(sessions);
        for leaf in ends {
            let ended = leaf.ended();
            drop(leaf);
            pin!(ended).await;
        }
    }

    fn shared(&self) -> &Arc<Shared<M>> {
        &self.handle.0
    }
}

impl<M: MakeLeaf> Drop for Handle<M> {
    fn drop(&mut self) {
        self.0.clock.close();
        let sessions = self.0.lock().remove_all();
        sessions.iter().for_each(|session| session.orphan());
    }
}

impl<M: MakeLeaf> Clone for PerSession<M> {
    fn clone(&self) -> Self {
        Self { handle: self.handle.clone() }
    }
}

impl<M: MakeLeaf> Service<JsonRpcMessage> for PerSession<M> {
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<M::Leaf>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        match self.shared().session_of(&message) {
            Ok(session) => session.call(message),
            Err(error) => ResponseFuture::failed(error.unsent()),
        }
    }
}

impl<M: MakeLeaf> fmt::Debug for PerSession<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PerSession").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
