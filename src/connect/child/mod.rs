//! A server as a child process: started safely, always reaped, gone when we are.
//!
//! The child gets an argument vector and never a shell, an environment of its own (`HOME`, `LOGNAME`, `PATH`,
//! `SHELL`, `TERM`, `USER` and what is configured), and its own process group. Its stderr goes line by line to
//! `tracing` under the target `shadowcat::child::stderr` (all that a server on HTTP prints, under
//! `shadowcat::child::log`), with the feature `secret` without the secrets in it. It is stopped by closing its stdin, then SIGTERM,
//! then SIGKILL to the whole group (2026-07-28 basic/transports/stdio). If this process is killed, a watchdog
//! kills the group.
//!
//! ```no_run
//! use shadowcat::{JsonRpcMessage, connect};
//! use tower::{Service, ServiceExt};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut server = connect::Command::new("wassette").args(["serve", "--stdio"]).spawn()?;
//! let hello = r#"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"me","version":"1"}}"#;
//! let reply = server.ready().await?.call(JsonRpcMessage::request(1, "initialize", hello)?).await?;
//! println!("{:?}", reply.as_one());
//! server.shutdown().await;
//! # Ok(()) }
//! ```

mod command;
#[cfg(feature = "http-client")]
pub(in crate::connect) mod daemon;
mod keeper;
#[cfg(feature = "limits")]
pub mod limits;
mod mask;
mod print;
#[cfg(feature = "landlock")]
pub mod sandbox;
mod start;
mod stderr;
mod watchdog;

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::watch;
use tower_service::Service;

use super::leaf::{Exit, Leaf};
use super::multiplex::{Multiplex, ResponseFuture, Stats};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

pub use command::Command;
#[cfg(feature = "limits")]
pub use limits::{Enforced, Enforcement, Limits};
#[cfg(feature = "landlock")]
pub use sandbox::{Sandbox, SandboxState};

/// A running server; cheap to clone, all clones share the process.
///
/// When every clone, pending call and open reply is gone, the process is stopped.
///
/// # Errors
///
/// When the process ends, every pending call fails at once with one error that names the command and how it
/// ended, and every later call with the same one, [unsent](Error::is_unsent).
#[derive(Clone)]
pub struct Child {
    calls: Multiplex,
    id: u32,
    end: watch::Receiver<Option<Exit>>,
    stop: Arc<watch::Sender<Option<Error>>>,
    #[cfg(feature = "limits")]
    limits: Arc<Enforced>,
    #[cfg(feature = "landlock")]
    sandbox: Arc<SandboxState>,
}

impl Child {
    /// The process id, which is also the id of its group.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What was dropped and skipped so far.
    pub fn stats(&self) -> Stats {
        self.calls.stats()
    }

    /// Which of the limits that it was started with are held, and by what.
    #[cfg(feature = "limits")]
    pub fn limits(&self) -> &Enforced {
        &self.limits
    }

    /// Whether it is in a sandbox.
    #[cfg(feature = "landlock")]
    pub fn sandbox(&self) -> &SandboxState {
        &self.sandbox
    }

    /// Waits until the process has ended and is reaped. Holds no claim on the process.
    pub fn ended(&self) -> impl Future<Output = Exit> + Send + 'static + use<> {
        let mut end = self.end.clone();
        async move {
            let exit = match end.wait_for(Option::is_some).await {
                Ok(end) => end.clone(),
                Err(_) => None,
            };
            exit.unwrap_or_else(|| {
                Exit::new(None, Error::closed("the runtime stopped before the server did"))
            })
        }
    }

    /// Stops the process whoever else has a claim on it: every pending call fails at once with `why`, and so
    /// does every later one; the process gets the [grace](Command::grace) that it has when nobody is left. The
    /// first reason counts.
    pub fn stop(&self, why: Error) {
        self.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            stop.get_or_insert(why);
            first
        });
    }

    /// Gives up this claim and waits until the process has ended. It ends once no other clone, call or reply
    /// is left.
    pub async fn shutdown(self) {
        let ended = self.ended();
        drop(self);
        ended.await;
    }
}

impl Service<JsonRpcMessage> for Child {
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.calls.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> ResponseFuture {
        self.calls.call(message)
    }
}

impl Leaf for Child {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        Self::ended(self)
    }

    /// Its pipe has ended.
    fn closed(&self) -> impl Future<Output = Error> + Send + 'static {
        let ended = self.calls.ended();
        async move { ended.await.error().clone() }
    }

    fn stop(&self, why: Error) {
        Self::stop(self, why);
    }

    fn pid(&self) -> Option<u32> {
        Some(self.id)
    }
}

impl fmt::Debug for Child {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Child");
        out.field("id", &self.id).field("calls", &self.calls);
        #[cfg(feature = "limits")]
        out.field("limits", &self.limits);
        #[cfg(feature = "landlock")]
        out.field("sandbox", &self.sandbox);
        out.finish_non_exhaustive()
    }
}
