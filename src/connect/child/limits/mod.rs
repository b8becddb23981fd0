//! How much a child may take of the machine, and what holds it to that.
//!
//! ```no_run
//! use std::time::Duration;
//! use shadowcat::connect::{Command, Limits};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), shadowcat::Error> {
//! let limits = Limits::new().memory(512 << 20).cpu_time(Duration::from_secs(600)).processes(16).open_files(256);
//! let server = Command::new("wassette").args(["serve", "--stdio"]).limits(limits).spawn()?;
//! println!("{}", server.limits());
//! # Ok(()) }
//! ```
//!
//! A child that exceeds a limit is killed with all its descendants. Its pending calls fail at once with one
//! error that names the command, the limit, and how far it was exceeded; that error is
//! [`is_limit_exceeded`](crate::error::Error::is_limit_exceeded), and `tracing` gets a warning. Open files and
//! address space are different: there the system refuses the child more, and what it does then is up to it.
//!
//! # What holds a limit
//!
//! On Linux, one of three, and [`Child::limits`](super::Child::limits) says which:
//!
//! - **The watch** looks at the child and its descendants every 100 ms and adds up what they have. It sees what
//!   is in the child's process group or descends from it, also what has left the group since it was first seen.
//!   What happens between two looks is not prevented: for so long a child may take more, and a descendant that
//!   is started, abandoned by its parent and put into a group of its own escapes. Shared pages count for each
//!   process that holds them.
//! - **A cgroup**, below one that is yours ([`Limits::cgroup`]): the kernel holds memory and tasks to the byte,
//!   the watch counts the rest, and nobody escapes it.
//! - **A resource limit** (`setrlimit`): open files, core dumps and address space, of each process alone. A
//!   CPU time gets one as well, so that it holds while our runtime is busy.
//!
//! The child is stopped right after its start until its limits are set, on it and on whatever it has started by
//! then. It runs unlimited before that: for some microseconds, or longer on a busy machine, and what it puts
//! into a session of its own in this time and abandons escapes. Where that matters, let a program that limits
//! itself start the server: `Command::new("prlimit").args(["--nofile=256", "server"])`.
//!
//! Other Unixes cannot limit another process from outside: there every limit is an error at
//! [`spawn`](super::Command::spawn), unless [`Limits::best_effort`] is asked for.

#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod exceeded;
#[cfg(target_os = "linux")]
mod linux;
mod report;

use std::path::PathBuf;
use std::time::Duration;

#[cfg(not(target_os = "linux"))]
pub(super) use elsewhere::{Prepared, Running};
#[cfg(target_os = "linux")]
pub(super) use linux::{Prepared, Running};

pub use report::{Enforced, Enforcement};

/// What a child and its descendants may take together.
///
/// Nothing is limited but core dumps until it is asked for. See the [module](self) for what holds a limit.
#[derive(Clone, Debug)]
#[must_use = "limits do nothing until a command gets them"]
pub struct Limits {
    memory: Option<u64>,
    cpu_time: Option<Duration>,
    processes: Option<u64>,
    tasks: Option<u64>,
    open_files: Option<u64>,
    address_space: Option<u64>,
    core_dumps: bool,
    sample_every: Duration,
    cgroup: Option<PathBuf>,
    best_effort: bool,
}

impl Limits {
    /// No core dumps, and no other limit.
    pub fn new() -> Self {
        Self {
            memory: None,
            cpu_time: None,
            processes: None,
            tasks: None,
            open_files: None,
            address_space: None,
            core_dumps: false,
            sample_every: Duration::from_millis(100),
            cgroup: None,
            best_effort: false,
        }
    }

    /// Resident memory of all processes together, in bytes. Reserved addresses do not count.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = Some(bytes);
        self
    }

    /// CPU time of all processes together, user and system. A descendant that nobody waited for does not count
    /// any more once it has ended, unless there is a cgroup.
    pub fn cpu_time(mut self, time: Duration) -> Self {
        self.cpu_time = Some(time);
        self
    }

    /// How many processes there may be at a time, the child included. This is no `RLIMIT_NPROC`, which counts
    /// everything that its user runs.
    pub fn processes(mut self, count: u64) -> Self {
        self.processes = Some(count);
        self
    }

    /// How many threads there may be at a time in all processes together; each process has one at least.
    pub fn tasks(mut self, count: u64) -> Self {
        self.tasks = Some(count);
        self
    }

    /// How many descriptors each process may have open; opening more fails with `EMFILE`.
    pub fn open_files(mut self, count: u64) -> Self {
        self.open_files = Some(count);
        self
    }

    /// Address space of each process in bytes; mapping more fails with `ENOMEM`.
    ///
    /// Rarely what is wanted: runtimes reserve far more than they use. wasmtime, and so Wassette, reserves
    /// gigabytes per component and does not start with less. See [`memory`](Self::memory).
    pub fn address_space(mut self, bytes: u64) -> Self {
        self.address_space = Some(bytes);
        self
    }

    /// Whether a process that crashes may leave its memory in a file: no by default, it may hold secrets. With
    /// `true`, what we ourselves inherited holds.
    pub fn core_dumps(mut self, allowed: bool) -> Self {
        self.core_dumps = allowed;
        self
    }

    /// How often the watch looks (100 ms; at least 1 ms). A look at three processes takes about 0.05 ms; one in ten
    /// reads the whole process table, which takes about 1.5 ms where a hundred processes run.
    pub fn sample_every(mut self, interval: Duration) -> Self {
        self.sample_every = interval.max(Duration::from_millis(1));
        self
    }

    /// A cgroup v2 directory to hold the child in: the child gets a new cgroup below it, removed at its end.
    ///
    /// The directory must be ours to write and hold no process itself, like the one that systemd hands over with
    /// `Delegate=yes` and `DelegateSubgroup=`. Memory and tasks are then held by the kernel, the former without
    /// swap; the controllers are enabled where they are not yet. Our own cgroup is never taken unasked: it holds
    /// us, and a cgroup that holds processes cannot hand controllers on.
    ///
    /// The kernel takes some milliseconds to move the child, for which [`spawn`](super::Command::spawn) waits. It
    /// is removed up to 200 ms after the child's end, on a thread of its own; if we end before that, or are killed, the
    /// empty directory stays behind.
    pub fn cgroup(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cgroup = Some(directory.into());
        self
    }

    /// A limit that nothing can hold is [reported](Enforcement::NotEnforced), and a cgroup that cannot be used is
    /// done without, instead of failing the start.
    pub fn best_effort(mut self) -> Self {
        self.best_effort = true;
        self
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::new()
    }
}
