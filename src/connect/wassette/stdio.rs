//! A Wassette of our own, on its stdin and stdout.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::gate::Gate;
use super::{Wassette, locate};
use crate::connect::child::{Child, Command};
use crate::connect::multiplex::Options;
use crate::connect::supervise::{Backoff, HealthCheck, Restart, Supervised, Supervisor};
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
    binary: OsString,
    component_dir: Option<PathBuf>,
    dialect: Option<Dialect>,
    args: Vec<OsString>,
    command: Command,
    options: Options,
    restart: Restart,
    backoff: Backoff,
    health: Option<HealthCheck>,
    spawn_timeout: Duration,
    reestablish: bool,
}

impl Stdio {
    pub(super) fn new() -> Self {
        let command = Command::new("wassette").grace(Duration::ZERO, Duration::from_secs(2));
        Self {
            binary: "wassette".into(),
            component_dir: None,
            dialect: None,
            args: Vec::new(),
            command,
            options: Options::default(),
            restart: Restart::default(),
            backoff: Backoff::default(),
            health: Some(HealthCheck::default()),
            spawn_timeout: Duration::from_secs(30),
            reestablish: true,
        }
    }

    /// Its path, or its name on `PATH`; `wassette` by default.
    pub fn binary(mut self, binary: impl AsRef<OsStr>) -> Self {
        self.binary = binary.as_ref().to_owned();
        self
    }

    /// Where its components and their policies are; it must be there. Otherwise it is Wassette's own default, in the
    /// environment that it is given: ours is not handed on, `XDG_DATA_HOME` neither.
    pub fn component_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.component_dir = Some(directory.into());
        self
    }

    /// How this version is talked to. By default it is asked for its version, and for its help where that is not
    /// enough.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// Adds an argument behind those of the dialect.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments behind those of the dialect.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command = self.command.env(key, value);
        self
    }

    /// Hands a variable of our own environment on, if it is set.
    pub fn inherit_env(mut self, key: impl AsRef<OsStr>) -> Self {
        self.command = self.command.inherit_env(key);
        self
    }

    /// Called with each line of its log; see [`Command::on_stderr`].
    pub fn on_log(mut self, see: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.command = self.command.on_stderr(see);
        self
    }

    /// How long it may take to end once it got SIGTERM (2 s). It gets that at once: it does not end when its stdin
    /// is closed.
    pub fn grace(mut self, after_term: Duration) -> Self {
        self.command = self.command.grace(Duration::ZERO, after_term);
        self
    }

    /// What it may take of the machine; see [`Command::limits`].
    #[cfg(feature = "limits")]
    pub fn limits(mut self, limits: crate::connect::Limits) -> Self {
        self.command = self.command.limits(limits);
        self
    }

    /// What it may touch of the file system, besides what its policies say; see [`Command::sandbox`].
    #[cfg(feature = "landlock")]
    pub fn sandbox(mut self, sandbox: crate::connect::Sandbox) -> Self {
        self.command = self.command.sandbox(sandbox);
        self
    }

    /// Bounds of the pipe. Its ids are [random](Options::random_ids) in any case.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// When it is made again; see [`Supervisor::restart`].
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How long to wait before; see [`Supervisor::backoff`].
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How its health is checked, which is on by default; `None`: not at all.
    pub fn health(mut self, health: impl Into<Option<HealthCheck>>) -> Self {
        self.health = health.into();
        self
    }

    /// How long its first answer may take; see [`Supervisor::spawn_timeout`].
    pub fn spawn_timeout(mut self, limit: Duration) -> Self {
        self.spawn_timeout = limit;
        self
    }

    /// Whether the client's session is opened again on a new process, which is so by default: what a Wassette
    /// knows is in its component directory. See [`Supervisor::reestablish`].
    pub fn reestablish(mut self, reestablish: bool) -> Self {
        self.reestablish = reestablish;
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
        let command = self.command.program(locate::find(&self.binary)?);
        let dialect = match self.dialect {
            Some(dialect) => dialect,
            None => locate::ask(&command).await?,
        };
        check_args(&self.args)?;
        let mut command = command.args(dialect.stdio_args());
        let component_dir = match &self.component_dir {
            Some(directory) => {
                check_directory(directory)?;
                command = command.arg(dialect.component_dir_flag()).arg(directory);
                self.component_dir
            }
            None => default_directory(&command),
        };
        // Components may write to its stdout. And one message per write: rmcp 0.2 can lose what shares a read.
        let deaf = dialect.goes_deaf();
        let options = self.options.random_ids().one_per_write(deaf).own_cancellations(deaf);
        let supervisor = Supervisor::new(command.args(&self.args).options(options))
            .restart(self.restart)
            .backoff(self.backoff)
            .spawn_timeout(self.spawn_timeout)
            .reestablish(self.reestablish);
        let supervisor = match self.health {
            Some(health) => supervisor.health(health),
            None => supervisor,
        };
        Ok(Wassette::gated(supervisor.start(), Gate::new(dialect, component_dir)))
    }
}

/// The directory is given in one way only, so that it is known.
fn check_args(args: &[OsString]) -> Result<(), Error> {
    let names_directory = |arg: &&OsString| {
        let arg = arg.to_string_lossy();
        ["--plugin-dir", "--component-dir"].contains(&arg.split('=').next().unwrap_or_default())
    };
    match args.iter().find(names_directory) {
        Some(arg) => {
            let shown = arg.to_string_lossy();
            Err(Error::invalid(format_args!(
                "the argument {shown} is not taken: set `component_dir` instead"
            )))
        }
        None => Ok(()),
    }
}

/// Where 0.2 keeps components on Linux unless told otherwise, in the environment that it is given.
fn default_directory(command: &Command) -> Option<PathBuf> {
    let data = command.variable("XDG_DATA_HOME").map(PathBuf::from);
    let data = data.or_else(|| Some(Path::new(command.variable("HOME")?).join(".local/share")))?;
    Some(data.join("wassette/components"))
}

/// A directory that is missing is a slip of the pen more often than a wish.
fn check_directory(directory: &Path) -> Result<(), Error> {
    match fs::read_dir(directory) {
        Ok(_) => Ok(()),
        Err(error) => {
            let shown = directory.display();
            Err(Error::io(format_args!("cannot read the component directory {shown}"), error))
        }
    }
}

impl fmt::Debug for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stdio")
            .field("binary", &self.binary)
            .field("component_dir", &self.component_dir)
            .field("dialect", &self.dialect)
            .field("args", &self.args)
            .finish_non_exhaustive()
    }
}
