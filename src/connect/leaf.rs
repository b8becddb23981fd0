//! What owners of leaves ask of them, and of whatever makes them.

use std::fmt;
use std::pin::pin;
use std::process::ExitStatus;
use std::task::{Context, Poll, Waker};

use tower_service::Service;

use crate::error::{BoxError, Error};
use crate::protocol::ProtocolVersion;
use crate::reply::RpcService;

/// A leaf that ends, and that can be ended: what is supervised, pooled or shared.
///
/// Its clones are the same leaf. A `Child` and a [`Multiplex`](super::Multiplex) are such leaves.
pub trait Leaf: RpcService<Error = Error> + Clone {
    /// Waits until it has ended. Holds no claim on it.
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static;

    /// Waits until no call goes through it any more, and tells what calls fail with then; what it runs on may take a
    /// while longer to end. Holds no claim on it.
    fn closed(&self) -> impl Future<Output = Error> + Send + 'static {
        let ended = self.ended();
        async move { ended.await.error }
    }

    /// Ends it whoever else holds it: every pending call fails at once with an error that tells `why`, and so does
    /// every later one. It must [end](Self::ended) in bounded time then.
    fn stop(&self, why: Error);

    /// The process behind it, where there is one of ours.
    fn pid(&self) -> Option<u32> {
        None
    }
}

/// Why no call goes through it any more, if that is so now.
pub(super) fn end_of(leaf: &impl Leaf) -> Option<Error> {
    known(leaf.ended(), leaf.closed())
}

/// The same of its ends. How it has ended tells more than why it was closed.
pub(super) fn known(ended: impl Future<Output = Exit>, closed: impl Future<Output = Error>) -> Option<Error> {
    let mut cx = Context::from_waker(Waker::noop());
    if let Poll::Ready(exit) = pin!(ended).poll(&mut cx) {
        return Some(exit.error);
    }
    match pin!(closed).poll(&mut cx) {
        Poll::Ready(error) => Some(error),
        Poll::Pending => None,
    }
}

/// How a leaf ended.
#[derive(Clone, Debug)]
pub struct Exit {
    status: Option<ExitStatus>,
    error: Error,
    failed: bool,
}

impl Exit {
    /// With the status of its process, where there was one that could be told, and the error that its calls
    /// fail with.
    pub fn new(status: Option<ExitStatus>, error: Error) -> Self {
        Self { status, error, failed: false }
    }

    /// The same, of a process that was found wanting whatever its status says.
    pub(super) fn failed(status: Option<ExitStatus>, error: Error) -> Self {
        Self { status, error, failed: true }
    }

    /// The status of the process.
    pub fn status(&self) -> Option<ExitStatus> {
        self.status
    }

    /// What calls fail with; it says what happened.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// Whether the process ended by itself, with status 0.
    pub fn is_success(&self) -> bool {
        !self.failed && self.status.is_some_and(|status| status.success())
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// Makes leaves, one a call: a `tower::Service<(), Response = impl Leaf>`.
///
/// It is an alias, as tower's `MakeService` is. A `Command` is one, and so is
/// `tower::service_fn` of a closure.
///
/// ```
/// use shadowcat::{Error, connect};
///
/// fn owner(make: impl connect::MakeLeaf) {}
///
/// owner(tower::service_fn(|()| async {
///     let (ours, _server) = tokio::io::duplex(1024);
///     let (read, write) = tokio::io::split(ours);
///     Ok::<_, Error>(connect::pipe(read, write))
/// }));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` makes no leaves",
    note = "it must implement `tower::Service<()>`, with a `connect::Leaf` as response and a future that is `Send`"
)]
pub trait MakeLeaf: Send + 'static + sealed::Sealed<()> {
    /// What it makes.
    type Leaf: Leaf;
    /// Of one that is being made.
    type Making: Future<Output = Result<Self::Leaf, Self::MakeError>> + Send + 'static;
    /// Why it could not.
    type MakeError: Into<BoxError>;

    /// Ready once another can be made.
    ///
    /// # Errors
    ///
    /// No more can be made.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::MakeError>>;

    /// Makes one.
    fn make(&mut self) -> Self::Making;
}

impl<M, L> MakeLeaf for M
where
    M: Service<(), Response = L, Error: Into<BoxError>, Future: Send + 'static> + Send + 'static,
    L: Leaf,
{
    type Leaf = L;
    type Making = M::Future;
    type MakeError = M::Error;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), M::Error>> {
        Service::poll_ready(self, cx)
    }

    fn make(&mut self) -> M::Future {
        self.call(())
    }
}

/// Marks a request of an owner's own: it is never the call that the server speaks about, and there is always
/// room for it, because it asks whether there will be room again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe;

/// The `_meta` of a modern request of our own (2026-07-28 basic#meta).
pub(super) fn own_meta() -> String {
    let (revision, version) = (ProtocolVersion::LATEST, env!("CARGO_PKG_VERSION"));
    format!(
        r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"{revision}","io.modelcontextprotocol/clientInfo":{{"name":"shadowcat","version":"{version}"}},"io.modelcontextprotocol/clientCapabilities":{{}}}}"#
    )
}

mod sealed {
    pub trait Sealed<T> {}
    impl<S: tower_service::Service<T>, T> Sealed<T> for S {}
}
