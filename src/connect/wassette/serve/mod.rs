//! A Wassette of our own, on HTTP.

mod client;
mod leaf;
mod plan;
mod port;

use std::ffi::OsStr;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tower_service::Service;

use super::Wassette;
use super::attach::suited;
use super::setup::{Setup, check_args, setup_methods};
use crate::connect::http::Options;
use crate::connect::supervise::{Backoff, HealthCheck, Restart, Supervised};
use crate::error::Error;
use crate::wassette::Dialect;

use plan::Plan;

pub use leaf::Served;

/// What a supervisor waits longer than a start does, so that the error is the start's own.
const LONGER: Duration = Duration::from_secs(5);

/// A Wassette to start as a child process that serves HTTP; made by [`Wassette::serve`].
///
/// Use it where the server has to be reached by others too, or where its HTTP side is what is wanted; else
/// [`Wassette::stdio`] does the same with less: HTTP here has no authentication, so that whoever reaches the port
/// reaches the tools.
///
/// Its log goes to stdout there; it is drained, and each line given to [`on_log`](Self::on_log):
///
/// ```no_run
/// use shadowcat::connect::Wassette;
/// use shadowcat::wassette::log::{self, Event};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::Error> {
/// let server = Wassette::serve()
///     .component_dir("/var/lib/components")
///     .on_log(|line| {
///         if let Event::Invoked { component, tool } = log::parse(line).event() {
///             eprintln!("{component:?} runs {tool:?}");
///         }
///     })
///     .start()
///     .await?;
/// println!("it listens at {:?}", server.get_ref().current().map(|served| served.uri().clone()));
/// # Ok(()) }
/// ```
///
/// It is a [`MakeLeaf`](crate::connect::MakeLeaf) of servers that are not supervised, for a
/// [`Pool`](crate::connect::Pool) or [`PerSession`](crate::connect::PerSession): a process for each session. Versions
/// before 0.4 listen on [one address](Dialect::DEFAULT_ADDRESS) only, so that there can be only one of them.
#[derive(Clone)]
#[must_use = "it does nothing until it is started"]
pub struct Serve {
    setup: Setup,
    bind: Option<SocketAddr>,
    options: Options,
}

impl Serve {
    pub(super) fn new() -> Self {
        Self { setup: Setup::new(), bind: None, options: Options::default() }
    }

    setup_methods!();

    /// Where it listens; port 0 is any that is free. By default any port of 127.0.0.1, for versions that
    /// [can choose](Dialect::binds), else [the one address](Dialect::DEFAULT_ADDRESS) that they know.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.bind = Some(address);
        self
    }

    /// Bounds of the session, how long an answer may take among them.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Finds the binary, learns its dialect, starts it, and waits until it listens. From then on it is supervised:
    /// made again when it fails, as [`restart`](Self::restart) says.
    ///
    /// # Errors
    ///
    /// There is no such binary, and what was tried; it is no Wassette, or of a version that is not supported; the
    /// component directory cannot be read, or it or the address is named in the extra arguments; the version does not
    /// listen at this address, or the address is taken, an error that [`is_io`](Error::is_io); the process ended first,
    /// and what it said last; it did not listen within [`spawn_timeout`](Self::spawn_timeout). Nothing is left running.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn start(self) -> Result<Wassette<Supervised<Served>>, Error> {
        let plan = self.plan().await?;
        let (gate, first) = (plan.gate(), plan.clone().spawn().await?);
        let server = self.setup.supervisor(Make { plan, first: Some(first) }, LONGER).start();
        server.running().await?;
        Ok(Wassette::gated(server, gate))
    }

    /// The same without supervision: when the process ends, the leaf has.
    ///
    /// ```no_run
    /// use shadowcat::connect::Wassette;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::Error> {
    /// let server = Wassette::serve().component_dir("/var/lib/components").spawn().await?;
    /// println!("process {} listens at {}", server.get_ref().id(), server.get_ref().uri());
    /// server.into_inner().shutdown().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    ///
    /// # Panics
    ///
    /// As [`start`](Self::start).
    pub async fn spawn(self) -> Result<Wassette<Served>, Error> {
        let plan = self.plan().await?;
        let gate = plan.gate();
        Ok(Wassette::gated(plan.spawn().await?, gate))
    }

    async fn plan(&self) -> Result<Plan, Error> {
        check_args(&self.setup.args, &["--bind-address"], "bind")?;
        let found = self.setup.find().await?;
        let dialect = found.dialect;
        let bind = self.bind.map_or_else(|| plan::default_bind(dialect), Ok)?;
        dialect.http_args(Some(&bind.to_string())).map_err(Error::invalid)?;
        let options = suited(self.options.clone(), dialect);
        Ok(Plan { found, bind, options, limit: self.setup.spawn_timeout })
    }
}

/// The one that was started already, and then more.
struct Make {
    plan: Plan,
    first: Option<Served>,
}

/// A server that is being started.
type Making = Pin<Box<dyn Future<Output = Result<Served, Error>> + Send>>;

impl Service<()> for Make {
    type Response = Served;
    type Error = Error;
    type Future = Making;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, (): ()) -> Making {
        match self.first.take() {
            Some(first) => Box::pin(std::future::ready(Ok(first))),
            None => Box::pin(self.plan.clone().spawn()),
        }
    }
}

impl Service<()> for Serve {
    type Response = Wassette<Served>;
    type Error = Error;
    type Future = Pin<Box<dyn Future<Output = Result<Wassette<Served>, Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    /// Starts one more of the same; see [`spawn`](Serve::spawn).
    fn call(&mut self, (): ()) -> Self::Future {
        Box::pin(self.clone().spawn())
    }
}

impl fmt::Debug for Serve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Serve");
        self.setup.debug(out.field("bind", &self.bind)).finish_non_exhaustive()
    }
}
