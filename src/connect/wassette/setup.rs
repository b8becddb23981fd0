//! What the ways to start a Wassette have in common: which binary, in which conditions, and how it is kept running.

use std::ffi::{OsStr, OsString};
use std::fmt::DebugStruct;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::locate;
use crate::connect::child::Command;
use crate::connect::leaf::MakeLeaf;
use crate::connect::supervise::{Backoff, HealthCheck, Restart, Supervisor};
use crate::error::Error;
use crate::wassette::Dialect;

#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) binary: OsString,
    pub(super) component_dir: Option<PathBuf>,
    pub(super) dialect: Option<Dialect>,
    pub(super) args: Vec<OsString>,
    pub(super) command: Command,
    pub(super) restart: Restart,
    pub(super) backoff: Backoff,
    pub(super) health: Option<HealthCheck>,
    pub(super) spawn_timeout: Duration,
    pub(super) reestablish: bool,
}

/// A binary that was found and asked.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Without any argument.
    pub(super) command: Command,
    pub(super) dialect: Dialect,
    args: Vec<OsString>,
    component_dir: Option<PathBuf>,
}

impl Setup {
    pub(super) fn new() -> Self {
        Self {
            binary: "wassette".into(),
            component_dir: None,
            dialect: None,
            args: Vec::new(),
            command: Command::new("wassette").grace(Duration::ZERO, Duration::from_secs(2)),
            restart: Restart::default(),
            backoff: Backoff::default(),
            health: Some(HealthCheck::default()),
            spawn_timeout: Duration::from_secs(30),
            reestablish: true,
        }
    }

    /// Finds the binary, learns its dialect, and checks what it is given.
    pub(super) async fn find(&self) -> Result<Found, Error> {
        let command = self.command.clone().program(locate::find(&self.binary)?);
        let dialect = match self.dialect {
            Some(dialect) => dialect,
            None => locate::ask(&command).await?,
        };
        check_args(&self.args, &["--plugin-dir", "--component-dir"], "component_dir")?;
        if let Some(directory) = &self.component_dir {
            check_directory(directory)?;
        }
        let (args, component_dir) = (self.args.clone(), self.component_dir.clone());
        Ok(Found { command, dialect, args, component_dir })
    }

    /// What a builder shows of itself: no variable, which may be a secret.
    pub(super) fn debug<'a, 'f, 'g>(&self, out: &'a mut DebugStruct<'f, 'g>) -> &'a mut DebugStruct<'f, 'g> {
        out.field("binary", &self.binary)
            .field("component_dir", &self.component_dir)
            .field("dialect", &self.dialect)
            .field("args", &self.args)
    }

    /// What is made, kept running. A start may take `longer` than it is given to answer.
    pub(super) fn supervisor<M: MakeLeaf>(&self, make: M, longer: Duration) -> Supervisor<M> {
        let supervisor = Supervisor::new(make)
            .restart(self.restart)
            .backoff(self.backoff)
            .spawn_timeout(self.spawn_timeout.saturating_add(longer))
            .reestablish(self.reestablish);
        match self.health {
            Some(health) => supervisor.health(health),
            None => supervisor,
        }
    }
}

impl Found {
    /// The words that serve, and those that follow them.
    pub(super) fn serving(&self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        let command = self.command.clone().args(words);
        let command = match &self.component_dir {
            Some(directory) => command.arg(self.dialect.component_dir_flag()).arg(directory),
            None => command,
        };
        command.args(&self.args)
    }

    /// Where its components are, as far as that is known.
    pub(super) fn component_dir(&self) -> Option<PathBuf> {
        self.component_dir.clone().or_else(|| default_directory(&self.command))
    }
}

/// What has a method of its own is given in that way only, so that it is known.
pub(super) fn check_args(args: &[OsString], flags: &[&str], instead: &str) -> Result<(), Error> {
    let is_flag = |arg: &str| flags.contains(&arg.split('=').next().unwrap_or_default());
    match args.iter().map(|arg| arg.to_string_lossy()).find(|arg| is_flag(arg)) {
        Some(shown) => {
            Err(Error::invalid(format_args!("the argument {shown} is not taken: set `{instead}` instead")))
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

/// The methods of a builder whose field `setup` is a [`Setup`].
macro_rules! setup_methods {
    () => {
        /// Its path, or its name on `PATH`; `wassette` by default.
        pub fn binary(mut self, binary: impl AsRef<OsStr>) -> Self {
            self.setup.binary = binary.as_ref().to_owned();
            self
        }

        /// Where its components and their policies are; it must be there. Otherwise it is Wassette's own default, in
        /// the environment that it is given: ours is not handed on, `XDG_DATA_HOME` neither.
        pub fn component_dir(mut self, directory: impl Into<PathBuf>) -> Self {
            self.setup.component_dir = Some(directory.into());
            self
        }

        /// How this version is talked to. By default it is asked for its version, and for its help where that is not
        /// enough.
        pub fn dialect(mut self, dialect: Dialect) -> Self {
            self.setup.dialect = Some(dialect);
            self
        }

        /// Adds an argument behind those of the dialect.
        pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
            self.setup.args.push(arg.as_ref().to_owned());
            self
        }

        /// Adds arguments behind those of the dialect.
        pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
            self.setup.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
            self
        }

        /// Sets a variable of its environment.
        pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
            self.setup.command = self.setup.command.env(key, value);
            self
        }

        /// Hands a variable of our own environment on, if it is set.
        pub fn inherit_env(mut self, key: impl AsRef<OsStr>) -> Self {
            self.setup.command = self.setup.command.inherit_env(key);
            self
        }

        /// Called with each line of its log; see [`Command::on_stderr`](crate::connect::Command::on_stderr).
        /// [`log::parse`](crate::wassette::log::parse) reads such a line.
        pub fn on_log(mut self, see: impl Fn(&str) + Send + Sync + 'static) -> Self {
            self.setup.command = self.setup.command.on_stderr(see);
            self
        }

        /// How long it may take to end once it got SIGTERM (2 s). It gets that at once: it does not end when its
        /// stdin is closed.
        pub fn grace(mut self, after_term: Duration) -> Self {
            self.setup.command = self.setup.command.grace(Duration::ZERO, after_term);
            self
        }

        /// What it may take of the machine; see [`Command::limits`](crate::connect::Command::limits).
        #[cfg(feature = "limits")]
        pub fn limits(mut self, limits: crate::connect::Limits) -> Self {
            self.setup.command = self.setup.command.limits(limits);
            self
        }

        /// What it may touch of the file system, besides what its policies say; see
        /// [`Command::sandbox`](crate::connect::Command::sandbox).
        #[cfg(feature = "landlock")]
        pub fn sandbox(mut self, sandbox: crate::connect::Sandbox) -> Self {
            self.setup.command = self.setup.command.sandbox(sandbox);
            self
        }

        /// When it is made again; see [`Supervisor::restart`](crate::connect::Supervisor::restart).
        pub fn restart(mut self, restart: Restart) -> Self {
            self.setup.restart = restart;
            self
        }

        /// How long to wait before; see [`Supervisor::backoff`](crate::connect::Supervisor::backoff).
        pub fn backoff(mut self, backoff: Backoff) -> Self {
            self.setup.backoff = backoff;
            self
        }

        /// How its health is checked, which is on by default; `None`: not at all.
        pub fn health(mut self, health: impl Into<Option<HealthCheck>>) -> Self {
            self.setup.health = health.into();
            self
        }

        /// How long its start may take, and its first answer (30 s); see
        /// [`Supervisor::spawn_timeout`](crate::connect::Supervisor::spawn_timeout).
        pub fn spawn_timeout(mut self, limit: Duration) -> Self {
            self.setup.spawn_timeout = limit;
            self
        }

        /// Whether the client's session is opened again on a new process, which is so by default: what a Wassette
        /// knows is in its component directory. See
        /// [`Supervisor::reestablish`](crate::connect::Supervisor::reestablish).
        pub fn reestablish(mut self, reestablish: bool) -> Self {
            self.setup.reestablish = reestablish;
            self
        }
    };
}

pub(super) use setup_methods;
