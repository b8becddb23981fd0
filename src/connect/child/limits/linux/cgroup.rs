//! A cgroup v2 of its own for each child: the kernel holds it, and nobody gets out.

use std::fs;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rustix::io::Errno;

/// How often, a millisecond apart, an emptied cgroup is tried to be removed: the killed take a moment.
const TRIES: usize = 200;

/// Killed and removed when dropped.
#[derive(Debug)]
pub(super) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// A new one below a directory that is ours.
    ///
    /// # Errors
    ///
    /// It is no cgroup v2, or may not be written.
    pub(super) fn create(parent: &Path) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if !parent.join("cgroup.subtree_control").is_file() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it is no cgroup v2"));
        }
        let name = format!("shadowcat-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = parent.join(name);
        fs::create_dir(&path)?;
        Ok(Self { path })
    }

    /// Without swap, and when the limit is reached all of it is killed and not just any one of its processes.
    pub(super) fn limit_memory(&self, bytes: u64) -> io::Result<()> {
        self.enable("memory")?;
        self.write("memory.max", bytes)?;
        self.write("memory.oom.group", 1)?;
        match self.write("memory.swap.max", 0) {
            // A kernel without swap has no such file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    pub(super) fn limit_tasks(&self, count: u64) -> io::Result<()> {
        self.enable("pids")?;
        self.write("pids.max", count)
    }

    /// A process that has ended needs no limits.
    pub(super) fn add(&self, pid: i32) -> io::Result<()> {
        unless_ended(self.write("cgroup.procs", pid))
    }

    /// Who is in it.
    pub(super) fn members(&self) -> io::Result<Vec<i32>> {
        let list = fs::read_to_string(self.path.join("cgroup.procs"))?;
        Ok(list.lines().filter_map(|line| line.parse().ok()).collect())
    }

    /// What all that ever were in it took.
    pub(super) fn cpu_time(&self) -> Option<Duration> {
        self.number("cpu.stat", "usage_usec").map(Duration::from_micros)
    }

    /// Whether the kernel killed for want of memory.
    pub(super) fn out_of_memory(&self) -> bool {
        self.number("memory.events", "oom_kill").is_some_and(|kills| kills > 0)
    }

    /// Whether the kernel refused another task.
    pub(super) fn out_of_tasks(&self) -> bool {
        self.number("pids.events", "max").is_some_and(|refused| refused > 0)
    }

    pub(super) fn kill(&self) {
        if self.write("cgroup.kill", 1).is_ok() {
            return;
        }
        // Linux before 5.14. As long as it is a member its number is its own, but for the last microseconds.
        for pid in self.members().unwrap_or_default() {
            if let Some(pid) = rustix::process::Pid::from_raw(pid) {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
        }
    }

    /// The controller's files appear once the parent hands it on.
    fn enable(&self, controller: &str) -> io::Result<()> {
        let control = self.path.with_file_name("cgroup.subtree_control");
        if fs::read_to_string(&control)?.split_whitespace().any(|word| word == controller) {
            return Ok(());
        }
        write(&control, &format!("+{controller}")).map_err(|error| {
            io::Error::new(error.kind(), format!("its {controller} controller cannot be enabled: {error}"))
        })
    }

    fn write(&self, file: &str, value: impl ToString) -> io::Result<()> {
        write(&self.path.join(file), &value.to_string())
    }

    /// The number behind a key in a file of such lines.
    fn number(&self, file: &str, key: &str) -> Option<u64> {
        let text = fs::read_to_string(self.path.join(file)).ok()?;
        text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')?.parse().ok())
    }
}

fn unless_ended(added: io::Result<()>) -> io::Result<()> {
    match added {
        Err(error) if error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) => Ok(()),
        added => added,
    }
}

/// A file of the kernel is never made.
fn write(path: &Path, value: &str) -> io::Result<()> {
    use io::Write;

    fs::OpenOptions::new().write(true).open(path)?.write_all(value.as_bytes())
}

impl Drop for Cgroup {
    /// Whoever drops it may be a worker of a runtime, which does not wait.
    fn drop(&mut self) {
        self.kill();
        if removed(&self.path) {
            return;
        }
        let path = mem::take(&mut self.path);
        let remover = thread::Builder::new().name("shadowcat-cgroup".to_owned());
        if let Err(error) = remover.spawn(move || remove(&path)) {
            tracing::warn!(%error, "no thread to remove the server's cgroup; it is left");
        }
    }
}

fn remove(path: &Path) {
    for _ in 0..TRIES {
        thread::sleep(Duration::from_millis(1));
        if removed(path) {
            return;
        }
    }
    tracing::warn!(path = %path.display(), "the server's cgroup could not be removed");
}

/// `false` while those who were killed are still in it.
fn removed(path: &Path) -> bool {
    !matches!(fs::remove_dir(path), Err(error) if error.kind() == io::ErrorKind::ResourceBusy)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_process_that_has_ended_needs_no_cgroup() {
        assert!(unless_ended(Err(Errno::SRCH.into())).is_ok());
        assert!(unless_ended(Err(Errno::PERM.into())).is_err());
        assert!(unless_ended(Err(Errno::NOENT.into())).is_err());
    }

    #[test]
    fn who_drops_a_cgroup_does_not_wait_for_it() {
        // Where something is mounted nothing is ever removed: it is busy.
        let drops = (0..5).map(|_| {
            let started = Instant::now();
            drop(Cgroup { path: "/proc".into() });
            started.elapsed()
        });
        let quickest = drops.min().unwrap();
        assert!(quickest < Duration::from_millis(100), "{quickest:?}");
    }
}
