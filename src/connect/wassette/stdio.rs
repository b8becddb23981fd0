//! A Wassette of our own, on its stdin and stdout.

use std::ffi::OsStr;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::Wassette;
use super::gate::Gate;
use super::setup::{Setup, setup_methods};
use crate::connect::child::Child;
use crate::connect::multiplex::Options;
use crate::connect::supervise::{Backoff, HealthCheck, Restart, Supervised};
use crate::error::Error;
use crate::wassette::Dialect;

/// A Wassette to start as a child process; made by [`Wassette::stdio`].
///
/// ```no_run
/// use shadowcat::connect::{Wassette, supervise::Restart};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::Error> {
/// let server = Wassette::stdio()
///     .binary("/opt/wassette/bin/wassette")
///     .component_dir("/var/lib/components")
///     .env("RUST_LOG", "wassette=info")
///     .restart(Restart::Always)
///     .start()
///     .await?;
/// println!("{:?}, {:?}", server.dialect(), server.get_ref().status());
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "it does nothing until it is started"]
pub struct Stdio {
    setup: Setup,
    options: Options,
}

impl Stdio {
    pub(super) fn new() -> Self {
        Self { setup: Setup::new(), options: Options::default() }
    }

    setup_methods!();

    /// Bounds of the pipe. Its ids are [random](Options::random_ids) in any case.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Finds the binary, learns its dialect, and starts it.
    ///
    /// # Errors
    ///
    /// There is no such binary, and what was tried; it is no Wassette, or of a version that is not supported; the
    /// component directory cannot be read, or is named in the extra arguments. Nothing is left running.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub async fn start(self) -> Result<Wassette<Supervised<Child>>, Error> {
        let found = self.setup.find().await?;
        let dialect = found.dialect;
        // Components may write to its stdout. And one message per write: rmcp 0.2 can lose what shares a read.
        let deaf = dialect.goes_deaf();
        let options = self.options.random_ids().one_per_write(deaf).own_cancellations(deaf);
        let command = found.serving(dialect.stdio_args()).options(options);
        let server = self.setup.supervisor(command, Duration::ZERO).start();
        Ok(Wassette::gated(server, Gate::new(dialect, found.component_dir())))
    }
}

impl fmt::Debug for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.setup.debug(&mut f.debug_struct("Stdio")).finish_non_exhaustive()
    }
}
