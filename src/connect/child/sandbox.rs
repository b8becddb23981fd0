//! What a child may touch of the file system.
//!
//! ```no_run
//! use shadowcat::connect::{Command, Sandbox};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::Error> {
//! let sandbox = Sandbox::new().system().read("/opt/servers").write("/srv/notes");
//! let server = Command::new("/opt/servers/notes").sandbox(sandbox).spawn()?;
//! println!("{:?}", server.sandbox());
//! # Ok(()) }
//! ```
//!
//! On Linux this is landlock: the kernel holds the child and all its descendants to it from their first
//! instruction, and nobody gets rid of it. Whoever is in it cannot gain privileges either: set-user-ID programs
//! run without. A thread of ours that enters the sandbox for good starts the child and ends; we stay outside.
//!
//! Files are what is restricted: reading, writing, making, removing, executing, and truncating. The network,
//! other processes, and what is open already are not, nor is looking at a file's metadata.

#[cfg(target_os = "linux")]
use std::io;
use std::path::PathBuf;

use crate::error::Error;

/// What programs need to start, and what hardly one does without.
#[cfg(target_os = "linux")]
const SYSTEM: [&str; 10] =
    ["/bin", "/etc", "/lib", "/lib32", "/lib64", "/sbin", "/usr", "/proc", "/dev/urandom", "/dev/random"];
#[cfg(target_os = "linux")]
const SYSTEM_WRITE: [&str; 2] = ["/dev/null", "/dev/zero"];

/// The files that a child may use; every other is denied.
///
/// See the [module](self).
#[derive(Clone, Debug, Default)]
#[must_use = "a sandbox does nothing until a command gets it"]
pub struct Sandbox {
    read: Vec<PathBuf>,
    write: Vec<PathBuf>,
    system: bool,
    best_effort: bool,
}

/// Whether a child is in a sandbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SandboxState {
    /// None was asked for.
    #[default]
    Open,
    /// It is, as was asked.
    Enforced,
    /// It is, as far as this kernel can: before Linux 6.2 some ways to write are open.
    Partial,
    /// It is not, and why.
    NotEnforced(String),
}

impl Sandbox {
    /// Nothing may be used.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is at or below this path may be read, listed and executed. The program itself needs it.
    pub fn read(mut self, path: impl Into<PathBuf>) -> Self {
        self.read.push(path.into());
        self
    }

    /// What is at or below this path may be used in every way.
    pub fn write(mut self, path: impl Into<PathBuf>) -> Self {
        self.write.push(path.into());
        self
    }

    /// Programs, libraries and settings of the system may be read (`/bin`, `/etc`, `/lib`, `/sbin`, `/usr`,
    /// `/proc`, random numbers), and `/dev/null` and `/dev/zero` written, as far as they exist.
    pub fn system(mut self) -> Self {
        self.system = true;
        self
    }

    /// A kernel that cannot do it, or only in part, is [reported](SandboxState) instead of failing the start.
    pub fn best_effort(mut self) -> Self {
        self.best_effort = true;
        self
    }

    /// Starts the process inside.
    ///
    /// # Errors
    ///
    /// A path does not exist, or the kernel cannot do it, and best effort was not asked for.
    pub(super) fn spawn(
        &self,
        name: &str,
        process: &mut tokio::process::Command,
    ) -> Result<(tokio::process::Child, SandboxState), Error> {
        let runtime = tokio::runtime::Handle::current();
        let inside = || {
            let _runtime = runtime.enter();
            let state = self.enter(name)?;
            let child =
                process.spawn().map_err(|error| Error::io(format_args!("cannot start {name}"), error))?;
            Ok((child, state))
        };
        on_a_thread(std::thread::Builder::new(), name, inside)
    }

    /// The calling thread is in the sandbox for good.
    fn enter(&self, name: &str) -> Result<SandboxState, Error> {
        let state =
            self.restrict().map_err(|error| Error::io(format_args!("no sandbox for {name}"), error))?;
        let why = match &state {
            SandboxState::Enforced | SandboxState::Open => return Ok(state),
            SandboxState::Partial => "this kernel can enforce it only in part",
            SandboxState::NotEnforced(why) => why,
        };
        if self.best_effort {
            tracing::warn!("the sandbox of {name} is not enforced as it should be: {why}");
            return Ok(state);
        }
        Err(Error::io(
            format_args!("no sandbox for {name}, and `Sandbox::best_effort` is not asked for"),
            std::io::Error::new(std::io::ErrorKind::Unsupported, why),
        ))
    }
}

/// # Errors
///
/// The system gives no thread, or the work fails.
fn on_a_thread<T: Send>(
    thread: std::thread::Builder,
    name: &str,
    work: impl FnOnce() -> Result<T, Error> + Send,
) -> Result<T, Error> {
    let panicked = |_| Err(Error::closed(format_args!("the thread that starts {name} panicked")));
    std::thread::scope(|scope| match thread.spawn_scoped(scope, work) {
        Ok(thread) => thread.join().unwrap_or_else(panicked),
        Err(error) => Err(Error::io(
            format_args!("cannot start {name}: its sandbox takes a thread to start from"),
            error,
        )),
    })
}

#[cfg(not(target_os = "linux"))]
impl Sandbox {
    fn restrict(&self) -> std::io::Result<SandboxState> {
        Ok(SandboxState::NotEnforced("only Linux has landlock".to_owned()))
    }
}

#[cfg(target_os = "linux")]
impl Sandbox {
    fn restrict(&self) -> io::Result<SandboxState> {
        use landlock::{
            ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus,
            path_beneath_rules,
        };

        // The first that restricts every way to change a file; a later one would shut out kernels in use.
        let abi = ABI::V3;
        let (all, read) = (AccessFs::from_all(abi), AccessFs::from_read(abi));
        let (system, system_write) =
            if self.system { (&SYSTEM[..], &SYSTEM_WRITE[..]) } else { (&[][..], &[][..]) };
        let restrict = || {
            Ruleset::default()
                .handle_access(all)?
                .create()?
                .add_rules(path_beneath_rules(system, read))?
                .add_rules(path_beneath_rules(system_write, all))?
                .add_rules(path_beneath_rules(&self.read, read))?
                .add_rules(path_beneath_rules(&self.write, all))?
                .restrict_self()
        };
        self.check_paths()?;
        let status = restrict().map_err(|error: landlock::RulesetError| io::Error::other(error))?;
        Ok(match status.ruleset {
            RulesetStatus::FullyEnforced => SandboxState::Enforced,
            RulesetStatus::PartiallyEnforced => SandboxState::Partial,
            RulesetStatus::NotEnforced => SandboxState::NotEnforced("this kernel has no landlock".to_owned()),
        })
    }

    /// The rules leave out silently what cannot be opened.
    fn check_paths(&self) -> io::Result<()> {
        self.read.iter().chain(&self.write).try_for_each(|path| {
            let named =
                |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
            path.metadata().map(drop).map_err(named)
        })
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::thread::Builder;

    use super::*;

    #[test]
    fn a_thread_that_cannot_be_had_is_an_error() {
        let huge = Builder::new().stack_size(usize::MAX / 4); // more than there are addresses
        let error = on_a_thread(huge, "it", || Ok(())).unwrap_err();
        assert!(error.is_io() && error.to_string().starts_with("cannot start it: "), "{error}");

        let error = on_a_thread(Builder::new(), "it", || -> Result<(), Error> { panic!("on purpose") });
        assert!(error.unwrap_err().to_string().contains("panicked"));
        assert_eq!(on_a_thread(Builder::new(), "it", || Ok(1)).unwrap(), 1);
    }
}
