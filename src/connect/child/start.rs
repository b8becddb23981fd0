//! The start of a process: in its sandbox, held to its limits, and killed if anything of this fails.

#[cfg(feature = "limits")]
use std::sync::Arc;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

use super::command::Command;
#[cfg(feature = "limits")]
use super::limits::{Enforced, Prepared};
#[cfg(feature = "landlock")]
use super::sandbox::SandboxState;
use super::{keeper, watchdog};
use crate::error::Error;

#[derive(Debug)]
pub(super) struct Started {
    pub(super) process: keeper::Process,
    pub(super) id: u32,
    pub(super) pipes: (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>),
    #[cfg(feature = "limits")]
    pub(super) limits: Arc<Enforced>,
    #[cfg(feature = "landlock")]
    pub(super) sandbox: SandboxState,
}

impl Command {
    pub(super) fn start(&self, process: &mut tokio::process::Command) -> Result<Started, Error> {
        #[cfg(feature = "limits")]
        let prepared = self.limits.as_ref().map(Prepared::new).transpose()?;
        #[cfg(feature = "landlock")]
        let (mut child, sandbox) = self.run_inside(process)?;
        #[cfg(not(feature = "landlock"))]
        let mut child = self.run(process)?;
        let id =
            child.id().ok_or_else(|| Error::closed(format_args!("{self} ended while it was started")))?;
        // First of all: it is stopped while it is limited, and would stay so if we were killed meanwhile.
        let guard = watchdog::guard(id);
        #[cfg(feature = "limits")]
        let attached = prepared.map(|limits| limits.attach(id)).transpose();
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        #[cfg_attr(not(feature = "limits"), expect(unused_mut, reason = "only limits change it"))]
        let mut process = keeper::Process::new(child, id, guard);
        #[cfg(feature = "limits")]
        let limits = process.limit(attached?);
        Ok(Started {
            process,
            id,
            pipes,
            #[cfg(feature = "limits")]
            limits,
            #[cfg(feature = "landlock")]
            sandbox,
        })
    }

    fn run(&self, process: &mut tokio::process::Command) -> Result<tokio::process::Child, Error> {
        process.spawn().map_err(|error| Error::io(format_args!("cannot start {self}"), error))
    }

    #[cfg(feature = "landlock")]
    fn run_inside(
        &self,
        process: &mut tokio::process::Command,
    ) -> Result<(tokio::process::Child, SandboxState), Error> {
        match &self.sandbox {
            Some(sandbox) => sandbox.spawn(&self.to_string(), process),
            None => Ok((self.run(process)?, SandboxState::Open)),
        }
    }
}

#[cfg(all(test, target_os = "linux", feature = "limits"))]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::fs;
    use std::io::Read;
    use std::path::{Path, PathBuf};
    use std::sync::mpsc::{Receiver, sync_channel};
    use std::thread::{self, JoinHandle};

    use procfs::process::all_processes;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::{Command, watchdog};
    use crate::connect::child::Limits;

    /// A directory that looks like a cgroup as far as `Cgroup::create` looks, gone when dropped.
    struct Cgroups(PathBuf);

    impl Cgroups {
        fn new() -> Self {
            let path = std::env::temp_dir().join(format!("shadowcat-start-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            fs::write(path.join("cgroup.subtree_control"), "").unwrap();
            Self(path)
        }

        /// Makes the `cgroup.procs` of the cgroup a pipe, at which whoever writes waits. There may be none yet.
        fn block(&self) -> Option<PathBuf> {
            let mut entries = fs::read_dir(&self.0).unwrap().flatten().map(|entry| entry.path());
            let procs = entries.find(|path| path.is_dir())?.join("cgroup.procs");
            mknodat(CWD, &procs, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).ok().map(|()| procs)
        }
    }

    impl Drop for Cgroups {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    /// Starts a child on a thread of its own, and ends it when that is said.
    fn start(cgroups: &Path, end: Receiver<()>) -> JoinHandle<bool> {
        let command = Command::new("sleep").arg("600.04").limits(Limits::new().cgroup(cgroups));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        thread::spawn(move || {
            runtime.block_on(async {
                let child = command.spawn();
                child.is_ok_and(|_| end.recv().is_ok())
            })
        })
    }

    /// What there is at last, unless the start ends before.
    fn meanwhile<T>(start: &JoinHandle<bool>, mut what: impl FnMut() -> Option<T>) -> Option<T> {
        loop {
            match what() {
                None if !start.is_finished() => thread::yield_now(),
                found => return found,
            }
        }
    }

    /// The child, once it is stopped.
    fn stopped() -> Option<u32> {
        let ours = |stat: &procfs::process::Stat| stat.ppid.unsigned_abs() == std::process::id();
        let stats = all_processes().unwrap().flatten().filter_map(|process| {
            let is_it = process.cmdline().is_ok_and(|words| words.iter().any(|word| word == "600.04"));
            process.stat().ok().filter(|_| is_it)
        });
        let stopped =
            stats.filter(|stat| ours(stat) && stat.state == 'T').map(|stat| stat.pid.unsigned_abs());
        stopped.last()
    }

    #[test]
    fn a_child_is_guarded_before_it_is_limited() {
        let cgroups = Cgroups::new();
        for _ in 0..100 {
            let (end, ended) = sync_channel(1);
            let start = start(&cgroups.0, ended);
            // A start that is faster than the pipe fails, and the next is tried.
            let Some(procs) = meanwhile(&start, || cgroups.block()) else { continue };
            let Some(child) = meanwhile(&start, stopped) else {
                fs::remove_dir_all(procs.parent().unwrap()).unwrap();
                continue;
            };
            let guarded = watchdog::guards(child);
            let mut pipe = fs::File::open(&procs).unwrap();
            fs::remove_file(&procs).unwrap();
            let mut written = String::new();
            pipe.read_to_string(&mut written).unwrap();
            end.send(()).unwrap();
            assert!(start.join().unwrap());
            assert_eq!(written, child.to_string());
            assert!(guarded, "it would stay, stopped, if we were killed now");
            return;
        }
        panic!("no start waited for the pipe");
    }
}
