//! Before a child runs, and at its first breath.

use std::io;
use std::sync::Arc;

use procfs::process::Stat;
use rustix::process::{Pid, Resource, Signal, kill_process_group};

use super::cgroup::Cgroup;
use super::rlimit::Rlimits;
use super::running::Running;
use super::tree::Tree;
use crate::connect::child::limits::{Enforced, Enforcement, Limits};
use crate::error::Error;

/// What is made ready before the child starts, so that a limit that cannot be held is known before anything runs.
#[derive(Debug)]
pub(in crate::connect::child) struct Prepared {
    limits: Limits,
    cgroup: Option<Cgroup>,
    enforced: Enforced,
}

impl Prepared {
    /// # Errors
    ///
    /// Something cannot be held, and [`Limits::best_effort`] was not asked for.
    pub(in crate::connect::child) fn new(limits: &Limits) -> Result<Self, Error> {
        let cgroup = match limits.cgroup.as_deref().map(Cgroup::create).transpose() {
            Err(error) if !limits.best_effort => return Err(refuse("the cgroup", limits, error)),
            made => made.inspect_err(|error| tracing::warn!(%error, "no cgroup")).unwrap_or_default(),
        };
        let mut prepared = Self { limits: limits.clone(), cgroup, enforced: Enforced::default() };
        prepared.enforced.memory = prepared.held("memory", limits.memory, Cgroup::limit_memory)?;
        prepared.enforced.tasks = prepared.held("tasks", limits.tasks, Cgroup::limit_tasks)?;
        prepared.enforced.processes = limits.processes.map(|_| watch());
        prepared.enforced.cpu_time = limits.cpu_time.map(|_| watch());
        prepared.complete()
    }

    /// By the cgroup if there is one, and by the watch otherwise.
    fn held(
        &self,
        name: &str,
        limit: Option<u64>,
        set: fn(&Cgroup, u64) -> io::Result<()>,
    ) -> Result<Option<Enforcement>, Error> {
        let (Some(limit), Some(cgroup)) = (limit, &self.cgroup) else { return Ok(limit.map(|_| watch())) };
        match set(cgroup, limit) {
            Ok(()) => Ok(Some(Enforcement::Cgroup)),
            Err(error) if self.limits.best_effort => {
                tracing::warn!(%error, "no cgroup for the limit of {name}");
                Ok(Some(watch()))
            }
            Err(error) => Err(refuse(&format!("the limit of {name} by the cgroup"), &self.limits, error)),
        }
    }

    fn complete(self) -> Result<Self, Error> {
        match self.enforced.missing() {
            Some((name, why)) if !self.limits.best_effort => {
                Err(refuse(&format!("the limit of {name}"), &self.limits, io::Error::other(why)))
            }
            _ => Ok(self),
        }
    }

    /// Puts the limits on a child that has just started, and on what it has started already.
    ///
    /// # Errors
    ///
    /// The system refuses. The child must not go on.
    pub(in crate::connect::child) fn attach(
        mut self,
        id: u32,
    ) -> Result<(Option<Running>, Arc<Enforced>), Error> {
        let leader = i32::try_from(id).unwrap_or_default();
        // It hardly began: what it does before it stops is what it does unlimited, and a cgroup takes its time.
        signal(leader, Signal::STOP);
        if let Some(Err(error)) = self.cgroup.as_ref().map(|cgroup| cgroup.add(leader)) {
            self.without_cgroup(error)?;
        }
        self.limit_each(leader);
        let mut tree = Tree::new(leader);
        self.limit_others(&tree.look(), leader);
        let prepared = self.complete()?;
        signal(leader, Signal::CONT);
        match prepared.enforced.missing() {
            Some(_) => tracing::warn!(pid = id, limits = %prepared.enforced, "not every limit is enforced"),
            None => tracing::debug!(pid = id, limits = %prepared.enforced, "the server is limited"),
        }
        let enforced = Arc::new(prepared.enforced);
        Ok((Some(Running::new(prepared.limits, prepared.cgroup, tree)), enforced))
    }

    /// The limits of each process, on the leader.
    fn limit_each(&mut self, leader: i32) {
        let (rlimits, leader) = (Rlimits::new(&self.limits), Pid::from_raw(leader));
        let held = |resource| match leader.map(|pid| rlimits.set(pid, resource)) {
            Some(Err(error)) => Enforcement::NotEnforced(error.to_string()),
            _ => Enforcement::Rlimit,
        };
        self.enforced.open_files = self.limits.open_files.map(|_| held(Resource::Nofile));
        self.enforced.core_dumps = (!self.limits.core_dumps).then(|| held(Resource::Core));
        self.enforced.address_space = self.limits.address_space.map(|_| held(Resource::As));
        // The watch holds it as well, and is what is reported.
        held(Resource::Cpu);
    }

    /// What the leader started before it was limited itself. One that has ended meanwhile needs no limits.
    fn limit_others(&self, members: &[Stat], leader: i32) {
        let rlimits = Rlimits::new(&self.limits);
        for pid in members.iter().map(|stat| stat.pid).filter(|pid| *pid != leader) {
            let _ = self.cgroup.as_ref().map(|cgroup| cgroup.add(pid));
            for resource in [Resource::Nofile, Resource::Core, Resource::As, Resource::Cpu] {
                let _ = Pid::from_raw(pid).map(|pid| rlimits.set(pid, resource));
            }
        }
    }

    fn without_cgroup(&mut self, error: io::Error) -> Result<(), Error> {
        if !self.limits.best_effort {
            return Err(refuse("the cgroup", &self.limits, error));
        }
        tracing::warn!(%error, "no cgroup");
        self.cgroup = None;
        self.enforced.memory = self.limits.memory.map(|_| watch());
        self.enforced.tasks = self.limits.tasks.map(|_| watch());
        Ok(())
    }
}

fn signal(leader: i32, signal: Signal) {
    if let Some(group) = Pid::from_raw(leader) {
        // It fails when the child has ended already.
        let _ = kill_process_group(group, signal);
    }
}

/// The watch, if there is anything to see.
fn watch() -> Enforcement {
    match Tree::readable() {
        Ok(()) => Enforcement::Watch,
        Err(error) => Enforcement::NotEnforced(format!("/proc cannot be read: {error}")),
    }
}

fn refuse(what: &str, limits: &Limits, error: io::Error) -> Error {
    let place = limits.cgroup.as_ref().map(|path| format!(" ({})", path.display())).unwrap_or_default();
    Error::io(
        format_args!("{what}{place} cannot be enforced, and `Limits::best_effort` is not asked for"),
        error,
    )
}
