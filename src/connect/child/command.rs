//! What is started, and how.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::watch;
use tower_service::Service;

use super::keeper::{self, Ladder};
#[cfg(feature = "limits")]
use super::limits::Limits;
use super::mask::Mask;
#[cfg(feature = "landlock")]
use super::sandbox::Sandbox;
use super::{Child, stderr};
use crate::connect::multiplex::{Multiplex, Options};
use crate::error::Error;
#[cfg(feature = "secret")]
use crate::secret::Detector;

/// What a child inherits of our environment unless more is asked for.
const SAFE: [&str; 6] = ["HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"];

/// Called with each line of the child's stderr.
pub(super) type OnStderr = Arc<dyn Fn(&str) + Send + Sync>;

/// A server to start as a child process.
///
/// ```no_run
/// use std::time::Duration;
/// use shadowcat::connect::Command;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::Error> {
/// let server = Command::new("npx")
///     .args(["-y", "@modelcontextprotocol/server-everything", "stdio"])
///     .inherit_env("NODE_EXTRA_CA_CERTS")
///     .grace(Duration::from_secs(1), Duration::from_secs(1))
///     .spawn()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "a command does nothing until it is spawned"]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: BTreeMap<OsString, OsString>,
    directory: Option<PathBuf>,
    options: Options,
    pub(super) ladder: Ladder,
    pub(super) on_stderr: Option<OnStderr>,
    pub(super) mask: Mask,
    #[cfg(feature = "limits")]
    pub(super) limits: Option<Limits>,
    #[cfg(feature = "landlock")]
    pub(super) sandbox: Option<Sandbox>,
}

impl Command {
    /// A program by its path, or by its name on `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let inherited = SAFE.iter().filter_map(|key| Some((OsString::from(key), std::env::var_os(key)?)));
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: inherited.collect(),
            directory: None,
            options: Options::default(),
            ladder: Ladder::default(),
            on_stderr: None,
            mask: Mask::default(),
            #[cfg(feature = "limits")]
            limits: None,
            #[cfg(feature = "landlock")]
            sandbox: None,
        }
    }

    /// Another program under the same conditions.
    pub(in crate::connect) fn program(mut self, program: impl AsRef<OsStr>) -> Self {
        self.program = program.as_ref().to_owned();
        self
    }

    /// A variable of the child's environment.
    pub(in crate::connect) fn variable(&self, key: &str) -> Option<&OsStr> {
        self.env.get(OsStr::new(key)).map(OsString::as_os_str)
    }

    /// These arguments and no others.
    pub(super) fn only_args(self, args: &[&str]) -> Self {
        Self { args: args.iter().map(OsString::from).collect(), ..self }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    /// Sets a variable of the child's environment.
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env.insert(key.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Hands a variable of our own environment on, if it is set.
    pub fn inherit_env(self, key: impl AsRef<OsStr>) -> Self {
        match std::env::var_os(key.as_ref()) {
            Some(value) => self.env(key, value),
            None => self,
        }
    }

    /// The child's working directory; ours by default.
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Bounds and habits of the pipe.
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// How long the child may take to end once its stdin is closed (2 s), and once it got SIGTERM (2 s).
    pub fn grace(mut self, after_close: Duration, after_term: Duration) -> Self {
        self.ladder = Ladder { after_close, after_term };
        self
    }

    /// Called with each line of the child's stderr, besides `tracing`: lossy UTF-8, at most 4 KiB of a line. With the
    /// feature `secret`, a marker stands for each secret. It runs on the runtime and must not block.
    pub fn on_stderr(mut self, see: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_stderr = Some(Arc::new(see));
        self
    }

    /// What is taken for a secret in the lines that the child prints, and in its arguments where they are shown: in
    /// errors, `tracing` and `Debug`. By default, all that is known here.
    #[cfg(feature = "secret")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secret")))]
    pub fn detector(mut self, detector: Arc<Detector>) -> Self {
        self.mask = Mask::new(detector);
        self
    }

    /// The names of the variables that the child gets and that hold secrets, by name or by value. It is for whoever
    /// configures a command to judge them; none of them is held back.
    ///
    /// ```
    /// use shadowcat::connect::Command;
    ///
    /// let server = Command::new("my-mcp-server").env("REGION", "eu").env("DB_PASSWORD", "hunter2");
    /// assert!(server.secret_variables().eq(["DB_PASSWORD"]));
    /// assert!(!format!("{server:?}").contains("hunter2"));
    /// ```
    #[cfg(feature = "secret")]
    #[cfg_attr(docsrs, doc(cfg(feature = "secret")))]
    pub fn secret_variables(&self) -> impl Iterator<Item = &OsStr> {
        let is_secret = |(name, value): &(&OsString, &OsString)| {
            self.mask.is_secret(&name.to_string_lossy(), &value.to_string_lossy())
        };
        self.env.iter().filter(is_secret).map(|(name, _)| name.as_os_str())
    }

    /// What the child may take of the machine; as much as we may by default.
    #[cfg(feature = "limits")]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = Some(limits);
        self
    }

    /// What the child may touch of the file system; as much as we may by default.
    #[cfg(feature = "landlock")]
    pub fn sandbox(mut self, sandbox: Sandbox) -> Self {
        self.sandbox = Some(sandbox);
        self
    }

    /// Starts the child.
    ///
    /// # Errors
    ///
    /// The program cannot be started, or a limit or sandbox cannot be held; the text names it and says why.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with I/O and time enabled.
    pub fn spawn(self) -> Result<Child, Error> {
        let started = self.start(&mut self.process())?;
        let (Some(stdin), Some(stdout), Some(errors)) = started.pipes else {
            return Err(Error::closed(format_args!("{self} was started without pipes")));
        };
        let id = started.id;
        let stderr = tokio::spawn(stderr::watch(errors, id, self.mask.clone(), self.on_stderr.clone()));
        let (calls, driver) = Multiplex::undriven(stdout, stdin, self.options.clone());
        let (ended, end) = watch::channel(None);
        let (stop, stopped) = watch::channel(None);
        let keeper =
            keeper::Keeper { name: self.to_string(), ladder: self.ladder, stderr, stop: stopped, ended };
        let shared = calls.shared().clone();
        tokio::spawn(keeper.keep(started.process, driver, shared));
        Ok(Child {
            calls,
            id,
            end,
            stop: Arc::new(stop),
            #[cfg(feature = "limits")]
            limits: started.limits,
            #[cfg(feature = "landlock")]
            sandbox: Arc::new(started.sandbox),
        })
    }

    pub(super) fn process(&self) -> tokio::process::Command {
        let mut process = tokio::process::Command::new(&self.program);
        process
            .args(&self.args)
            .env_clear()
            .envs(&self.env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(directory) = &self.directory {
            process.current_dir(directory);
        }
        process
    }
}

impl Service<()> for Command {
    type Response = Child;
    type Error = Error;
    type Future = std::future::Ready<Result<Child, Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Poll::Ready(Ok(()))
    }

    /// Starts one more of the same.
    fn call(&mut self, (): ()) -> Self::Future {
        std::future::ready(self.clone().spawn())
    }
}

impl fmt::Display for Command {
    /// The program and its arguments in backticks, shortened. Variables are left out: they may be secrets. With the
    /// feature `secret`, a marker stands for what is one among the arguments.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.mask.words(std::iter::once(&self.program).chain(&self.args)).join(" ");
        match line.char_indices().nth(120) {
            Some((end, _)) => write!(f, "`{}…`", &line[..end]),
            None => write!(f, "`{line}`"),
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Command")
            .field("program", &self.program)
            .field("args", &self.mask.words(self.args.iter()))
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("directory", &self.directory)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
