//! An MCP server on stdin and stdout, or on any pair of pipes.
//!
//! One task reads, calls the stack and writes; nothing is spawned. The process's own descriptors are made
//! non-blocking where they are pipes or sockets, because handing reads and writes to a thread triples the
//! time of a call. A client is asked only what it declared that it can answer; the server is told so by an error
//! (-32601).
//!
#![cfg_attr(all(unix, feature = "stdio"), doc = "```no_run")]
#![cfg_attr(not(all(unix, feature = "stdio")), doc = "```text")]
//! use shadowcat::{connect, layer, serve};
//! use tower::ServiceBuilder;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::Error> {
//! let server = connect::Command::new("my-mcp-server").on_stderr(|line| eprintln!("{line}")).spawn()?;
//! let stack = ServiceBuilder::new().layer(layer::TraceLayer::new()).service(server.clone());
//! let served = serve::stdio(stack).run().await;
//! server.shutdown().await;
//! served
//! # }
//! ```

mod batches;
#[cfg(all(unix, feature = "stdio"))]
mod own;
mod session;

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::error::Error;
use crate::message::{OnRefused, RefusedFrame, ScanOptions};
use crate::reply::RpcService;

/// A front end on stdio around `stack`, with default bounds.
pub fn stdio<S: RpcService>(stack: S) -> Stdio<S> {
    Stdio {
        stack,
        scan: ScanOptions::default(),
        max_batch: 0,
        max_in_flight: 1024,
        drain: Duration::from_secs(5),
        session: None,
        on_refused: OnRefused::default(),
    }
}

/// A front end on stdio, to be configured and run: on the process's own pipes, or on any by
/// [`run_on`](Self::run_on).
///
/// # Backpressure
///
/// Reading never waits for the stack or for the client to read. At most [`max_in_flight`](Self::max_in_flight)
/// requests are in flight; more are answered with an error. Replies wait in the stack while more than 1 MiB is
/// waiting to be written.
#[derive(Debug)]
#[must_use = "a front end does nothing until it runs"]
pub struct Stdio<S> {
    stack: S,
    scan: ScanOptions,
    max_batch: usize,
    max_in_flight: usize,
    drain: Duration,
    session: Option<String>,
    on_refused: OnRefused,
}

impl<S: RpcService> Stdio<S> {
    /// What the client's messages must pass.
    pub fn scan(mut self, scan: ScanOptions) -> Self {
        self.scan = scan;
        self
    }

    /// Takes batches of up to so many messages once 2025-03-26 is agreed on, the only revision that has them. Each
    /// message goes its own way through the stack; the answers come as one array when the last is there, and what the
    /// server says before that as it comes.
    ///
    /// With 0, which is the default, batches are refused (-32600), as later revisions want it.
    pub fn batches(mut self, messages: usize) -> Self {
        self.max_batch = messages;
        self
    }

    /// Requests in flight at once (1,024); more are refused.
    pub fn max_in_flight(mut self, requests: usize) -> Self {
        self.max_in_flight = requests.max(1);
        self
    }

    /// How long calls may go on once the client has closed its side (5 s); then they are cancelled.
    pub fn drain(mut self, patience: Duration) -> Self {
        self.drain = patience;
        self
    }

    /// Names the session in every message's [`Context`](crate::Context).
    pub fn session(mut self, id: &str) -> Self {
        self.session = Some(id.to_owned());
        self
    }

    /// Is told what is refused before it becomes a message of the stack's, so that a recorder has it too: lines that are no
    /// messages, what answers no question, and what is too much or has an id that is in use. It must not block.
    pub fn on_refused(mut self, told: impl Fn(&RefusedFrame<'_>) + Send + Sync + 'static) -> Self {
        self.on_refused = OnRefused::new(told);
        self
    }

    /// Serves on the process's own stdin and stdout until the client closes its side.
    ///
    /// Nothing else may write to stdout meanwhile. Dropping the future ends the session and cancels what is
    /// in flight. Where stdin is a terminal or a file it is read by a thread, which the runtime waits for when
    /// it shuts down: use `Runtime::shutdown_background` there.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    ///
    /// # Errors
    ///
    /// The server is gone: pending calls have been answered with an error. Or reading or writing failed, as
    /// when the client is gone.
    #[cfg(all(unix, feature = "stdio"))]
    pub async fn run(self) -> Result<(), Error> {
        let (reader, writer) = own::open().map_err(|error| Error::io("opening stdin and stdout", error))?;
        self.run_on(reader, writer).await
    }

    /// Serves on the process's own stdin and stdout until the client closes its side.
    ///
    /// # Errors
    ///
    /// The server is gone, or reading or writing failed.
    #[cfg(all(not(unix), feature = "stdio"))]
    pub async fn run(self) -> Result<(), Error> {
        self.run_on(tokio::io::stdin(), tokio::io::stdout()).await
    }

    /// Serves on any pair of pipes.
    ///
    /// # Errors
    ///
    /// The server is gone: pending calls have been answered with an error. Or reading or writing failed, as
    /// when the client is gone.
    pub async fn run_on<R, W>(self, reader: R, writer: W) -> Result<(), Error>
    where
        R: AsyncRead + Unpin + Send,
        W: AsyncWrite + Unpin + Send,
    {
        session::Session::new(self, reader, writer).run().await
    }
}
