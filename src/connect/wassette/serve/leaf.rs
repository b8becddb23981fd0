//! A running server of our own, and a session on it.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::Uri;
use tokio::sync::watch;
use tower_service::Service;

use super::client::Client;
use crate::connect::child::daemon::{self, Daemon};
use crate::connect::http::{Http, Options, ResponseFuture};
use crate::connect::leaf::{Exit, Leaf};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

/// A `wassette serve` of our own, and one session on it; cheap to clone, all clones are the same.
///
/// When every clone, pending call and open reply is gone, the session ends, and the process with it. Further sessions
/// on the same process are had by [attaching](super::super::Wassette::attach) to its [`uri`](Self::uri).
///
/// # Errors
///
/// As an [`Http`](crate::connect::Http) leaf. When the process ends, every pending call fails at once with one error
/// that names the command and how it ended, and every later call with the same one, [unsent](Error::is_unsent).
#[derive(Clone)]
pub struct Served {
    session: Http<Client>,
    process: Arc<Process>,
}

/// Holds no claim on it.
struct Process {
    id: u32,
    uri: Uri,
    end: watch::Receiver<Option<Exit>>,
    #[cfg(feature = "limits")]
    limits: Arc<crate::connect::Enforced>,
    #[cfg(feature = "landlock")]
    sandbox: Arc<crate::connect::SandboxState>,
}

impl Served {
    /// The process and the session end with each other.
    pub(super) fn new(daemon: Daemon, uri: Uri, options: Options) -> Self {
        let session = Http::with_options(Client::new(daemon.end()), uri.clone(), options);
        let process = Process {
            id: daemon.id,
            uri,
            end: daemon.end(),
            #[cfg(feature = "limits")]
            limits: daemon.limits.clone(),
            #[cfg(feature = "landlock")]
            sandbox: daemon.sandbox.clone(),
        };
        tokio::spawn(tie(daemon, session.closed(), session.stopper()));
        Self { session, process: Arc::new(process) }
    }

    /// The process id, which is also the id of its group.
    pub fn id(&self) -> u32 {
        self.process.id
    }

    /// The endpoint that it serves.
    pub fn uri(&self) -> &Uri {
        &self.process.uri
    }

    /// Which of the limits that it was started with are held, and by what.
    #[cfg(feature = "limits")]
    pub fn limits(&self) -> &crate::connect::Enforced {
        &self.process.limits
    }

    /// Whether it is in a sandbox.
    #[cfg(feature = "landlock")]
    pub fn sandbox(&self) -> &crate::connect::SandboxState {
        &self.process.sandbox
    }

    /// Waits until the process has ended and is reaped. Holds no claim on it.
    pub fn ended(&self) -> impl Future<Output = Exit> + Send + 'static + use<> {
        daemon::ended(self.process.end.clone())
    }

    /// Stops it whoever else has a claim on it: every pending call fails at once with `why`, and so does every later
    /// one. The first reason counts.
    pub fn stop(&self, why: Error) {
        self.session.stop(why);
    }

    /// Gives up this claim and waits until the process has ended. It ends once no other clone, call or reply is left.
    pub async fn shutdown(self) {
        let ended = self.ended();
        drop(self);
        ended.await;
    }
}

async fn tie(daemon: Daemon, session: impl Future<Output = Error>, stop: impl FnOnce(&Error)) {
    let process = daemon::ended(daemon.end());
    tokio::select! {
        why = session => daemon.stop(why),
        exit = process => stop(exit.error()),
    }
}

impl Service<JsonRpcMessage> for Served {
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.session.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> ResponseFuture {
        self.session.call(message)
    }
}

impl Leaf for Served {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        Self::ended(self)
    }

    /// Its session has ended.
    fn closed(&self) -> impl Future<Output = Error> + Send + 'static {
        self.session.closed()
    }

    fn stop(&self, why: Error) {
        Self::stop(self, why);
    }

    fn pid(&self) -> Option<u32> {
        Some(self.process.id)
    }
}

impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Served");
        out.field("id", &self.process.id).field("uri", &self.process.uri).field("session", &self.session);
        #[cfg(feature = "limits")]
        out.field("limits", &self.process.limits);
        #[cfg(feature = "landlock")]
        out.field("sandbox", &self.process.sandbox);
        out.finish_non_exhaustive()
    }
}
