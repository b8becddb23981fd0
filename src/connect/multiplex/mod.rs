//! Many calls over one pair of pipes: requests out, replies matched by id, and everything that the server says
//! unasked brought to whom it concerns.
//!
//! - A reply settles a call only if its id is pending, in type and value; the first one does. Late, unknown
//!   and doubled replies are dropped and counted.
//! - Progress goes to its call by token. A log line or a question of the server goes to the only running call,
//!   else to the session's listen: before 2026-07-28 nothing on the wire says more.
//! - What comes before a listen is open is kept, bounded. A question that nobody can answer is answered with
//!   an error, so that the server does not hang: also one in a reply that is dropped before it is read, or
//!   whose call is cancelled.
//! - Dropping a call, or its reply, cancels it: the client's own `notifications/cancelled` is forwarded, or
//!   one is written.
//!
//! ```
//! use shadowcat::{JsonRpcMessage, connect};
//! use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
//! use tower::{Service, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (ours, theirs) = tokio::io::duplex(1024);
//! tokio::spawn(async move {
//!     let (read, mut write) = tokio::io::split(theirs);
//!     let _request = BufReader::new(read).lines().next_line().await;
//!     write.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n").await
//! });
//! let (read, write) = tokio::io::split(ours);
//! let mut server = connect::pipe(read, write);
//! let reply = server.ready().await?.call(JsonRpcMessage::request(1, "ping", "")?).await?;
//! assert_eq!(reply.as_one().unwrap().result(), Some(&b"{}"[..]));
//! # Ok(()) }
//! ```

mod call;
mod driver;
mod listen;
mod options;
mod questions;
mod read;
mod rewrite;
mod route;
mod state;
mod stream;
mod table;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};
use tower_service::Service;

use super::leaf::{Exit, Leaf};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

#[cfg(all(feature = "stdio", unix))]
pub(super) use driver::Cause;
pub(super) use driver::Driver;
use state::State;

pub use call::ResponseFuture;
pub use options::{Options, Stats};

/// A leaf over any reader and writer; cheap to clone, all clones share the pipe.
///
/// The pipe is driven by a task of its own. When every clone, pending call and open reply is gone, what is
/// queued is written, as long as the server reads it, and the writer closed.
///
/// What the server says unasked goes to one session: the first whose listen is open. As long as it is, another
/// session's listen fails with an error that [`is_busy`](Error::is_busy), and that session has no part in it.
///
/// # Errors
///
/// A call fails with an [`Error`] that [`is_closed`](Error::is_closed) when the server is gone, and that
/// [`is_unsent`](Error::is_unsent) if it never left; with [`is_busy`](Error::is_busy) when too many calls are
/// pending; with [`is_invalid`](Error::is_invalid) when its reply was no acceptable message.
///
/// # Backpressure
///
/// The reader never waits for a caller. A reply's queue is bounded by [`Options::queue`]; a caller that is too
/// slow loses the rest of that reply, with an error that [`is_overflow`](Error::is_overflow). All replies
/// together are bounded by [`Options::max_undelivered`].
#[derive(Clone)]
pub struct Multiplex {
    handle: Arc<Handle>,
}

/// Dropped with the last clone and call.
struct Handle(Arc<Shared>);

pub(super) struct Shared(Mutex<State>);

/// A leaf over `reader` and `writer` with the default [`Options`].
///
/// # Panics
///
/// Outside a tokio runtime; it must have time enabled, and I/O if the reader or the writer needs it.
pub fn pipe<R, W>(reader: R, writer: W) -> Multiplex
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
{
    Multiplex::new(reader, writer, Options::default())
}

impl Multiplex {
    /// A leaf over `reader` and `writer`.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime; it must have time enabled, and I/O if the reader or the writer needs it.
    pub fn new<R, W>(reader: R, writer: W, options: Options) -> Self
    where
        R: AsyncRead + Unpin + Send + 'static,
        W: AsyncWrite + Unpin + Send + 'static,
    {
        let (leaf, mut driver) = Self::undriven(reader, writer, options);
        tokio::spawn(async move {
            let cause = driver.run().await;
            driver.fail_all(cause.into_error());
        });
        leaf
    }

    /// The leaf and what drives it, for owners that have more to do when the pipe ends.
    pub(super) fn undriven<R, W>(reader: R, writer: W, options: Options) -> (Self, Driver<R, W>) {
        let shared = Arc::new(Shared(Mutex::new(State::new(options))));
        let handle = Arc::new(Handle(shared.clone()));
        (Self { handle }, Driver::new(shared, reader, writer))
    }

    /// What was dropped and skipped so far.
    pub fn stats(&self) -> Stats {
        self.shared().lock().stats
    }

    /// Waits until the pipe has ended. Holds no claim on it.
    pub fn ended(&self) -> impl Future<Output = Exit> + Send + 'static + use<> {
        let mut end = self.shared().lock().end.subscribe();
        async move {
            let error = end.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
            Exit::new(None, error.unwrap_or_else(|| Error::closed("the pipe is gone")))
        }
    }

    /// Ends the pipe whoever else uses it: every pending call fails at once with `why`, and so does every later
    /// one.
    pub fn stop(&self, why: Error) {
        self.shared().abort(why);
    }

    /// Whoever reads for the server writes this answer to the pipe, in its turn: it is none of the server's.
    #[cfg(feature = "http")]
    pub(super) fn expect_own(&self, answer: &JsonRpcMessage) {
        let Some(id) = answer.owned_id() else { return };
        let mut state = self.shared().lock();
        let slot = state.table.by_id(&id);
        if let Some(call) = slot.and_then(|slot| state.table.at(slot)) {
            call.own = Some(answer.bytes().clone());
        }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.handle.0
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the pipe from outside, where its end will not show on the reader.
    pub(super) fn abort(&self, error: Error) {
        self.lock().aborted = Some(error);
        self.wake_driver();
    }

    fn wake_driver(&self) {
        let driver = self.lock().take_driver();
        if let Some(driver) = driver {
            driver.wake();
        }
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.lock().released = true;
        self.0.wake_driver();
    }
}

impl Service<JsonRpcMessage> for Multiplex {
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: JsonRpcMessage) -> ResponseFuture {
        call::start(&self.handle, message)
    }
}

impl Leaf for Multiplex {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        Self::ended(self)
    }

    fn stop(&self, why: Error) {
        Self::stop(self, why);
    }
}

impl fmt::Debug for Multiplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared().lock();
        f.debug_struct("Multiplex")
            .field("pending", &state.table.len())
            .field("channel", &state.channel)
            .field("stats", &state.stats)
            .finish_non_exhaustive()
    }
}
