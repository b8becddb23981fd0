//! One process, and what /proc says of it.

use std::{fs, io};

use procfs::ProcError;
use procfs::process::{Process as Folder, Stat};
use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::attach_error::AttachError;
use super::tree;

/// The process that was attached to, and never another one with its number.
///
/// Its folder in /proc is held open: once the process is reaped, every read below it fails, whoever has the number by
/// then. The start time is compared as well.
#[derive(Debug)]
pub(super) struct Process {
    folder: Folder,
    /// In clock ticks since the system started.
    start: u64,
}

/// What one look at a process, or at a tree of processes, shows.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub(super) cpu_ticks: u64,
    pub(super) resident_pages: u64,
    pub(super) virtual_bytes: u64,
    pub(super) threads: u64,
    /// `None` where they may not be counted.
    pub(super) descriptors: Option<u64>,
    pub(super) processes: u64,
}

/// Why there is no reading.
#[derive(Debug)]
pub(super) enum Failure {
    /// The process has ended.
    Gone,
    /// This time; the next time it may work.
    Unreadable(ProcError),
}

impl Process {
    pub(super) fn attach(id: u32) -> Result<Self, AttachError> {
        let pid = i32::try_from(id).map_err(|_| AttachError::NoSuchProcess { pid: id })?;
        let folder = Folder::new(pid).map_err(|error| AttachError::new(id, error))?;
        let stat = folder.stat().map_err(|error| AttachError::new(id, error))?;
        if has_ended(&stat) {
            return Err(AttachError::NoSuchProcess { pid: id });
        }
        match folder.status().ok().and_then(|status| u32::try_from(status.tgid).ok()) {
            Some(process) if process != id => Err(AttachError::Thread { pid: id, process }),
            _ => Ok(Self { folder, start: stat.starttime }),
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.folder.pid.unsigned_abs()
    }

    /// A descriptor that becomes readable when the process ends; `None` where the system has none.
    pub(super) fn exit_descriptor(&self) -> Option<OwnedFd> {
        let descriptor = pidfd_open(Pid::from_raw(self.folder.pid)?, PidfdFlags::NONBLOCK).ok()?;
        // It stands for our process if that still runs now.
        self.stat().is_ok().then_some(descriptor)
    }

    /// Reads the process alone, or with all that descend from it.
    pub(super) fn read(&self, with_descendants: bool) -> Result<Reading, Failure> {
        if with_descendants {
            return tree::read(&self.stat()?).map_err(Failure::Unreadable);
        }
        let descriptors = descriptors(self.folder.pid);
        let stat = self.stat()?;
        let mut reading = Reading { descriptors: Some(0), ..Reading::default() };
        reading.cpu_ticks = stat.utime.saturating_add(stat.stime);
        reading.add(&stat, descriptors);
        Ok(reading)
    }

    fn stat(&self) -> Result<Stat, Failure> {
        match self.folder.stat() {
            Ok(stat) if stat.starttime != self.start || has_ended(&stat) => Err(Failure::Gone),
            Ok(stat) => Ok(stat),
            Err(ProcError::NotFound(_)) => Err(Failure::Gone),
            Err(error) => Err(Failure::Unreadable(error)),
        }
    }
}

impl Reading {
    /// Adds one process, but for its CPU time.
    pub(super) fn add(&mut self, stat: &Stat, descriptors: Option<u64>) {
        self.resident_pages = self.resident_pages.saturating_add(stat.rss);
        self.virtual_bytes = self.virtual_bytes.saturating_add(stat.vsize);
        self.threads = self.threads.saturating_add(u64::try_from(stat.num_threads).unwrap_or(0));
        self.descriptors = self.descriptors.zip(descriptors).map(|(all, more)| all.saturating_add(more));
        self.processes += 1;
    }
}

/// A zombie is what is left until its parent asks for its status. A process whose first thread has ended looks like
/// one and is none: it has other threads.
pub(super) fn has_ended(stat: &Stat) -> bool {
    matches!(stat.state, 'Z' | 'X' | 'x') && stat.num_threads <= 1
}

/// Before the process is known to run still: it has none left once it has ended. What the library counts on Linux
/// before 6.2 has two entries too many.
pub(super) fn descriptors(pid: i32) -> Option<u64> {
    let folder = format!("/proc/{pid}/fd");
    let count = match fs::metadata(&folder).map(|data| data.len()) {
        Ok(0) => fs::read_dir(&folder).map(|entries| entries.count() as u64),
        told => told,
    };
    match count {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Some(0),
        count => count.ok(),
    }
}
