//! What Linux offers: resource limits, /proc, and cgroups.

mod cgroup;
mod rlimit;
mod tree;

use std::future::pending;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Resource, Signal};
use tokio::time::{Interval, MissedTickBehavior, interval};

use self::cgroup::Cgroup;
use self::rlimit::Rlimits;
use self::tree::{Tree, Usage};
use super::exceeded::Exceeded;
use super::{Enforced, Enforcement, Limits};
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
        let mut tree = Tree::new(leader);
        let members: Vec<i32> = tree.look().iter().map(|stat| stat.pid).collect();
        if let Some(cgroup) = &self.cgroup {
            let moved = cgroup.add(leader);
            for pid in members.iter().filter(|pid| **pid != leader) {
                let _ = cgroup.add(*pid); // it may have ended
            }
            if let Err(error) = moved {
                self.without_cgroup(error)?;
            }
        }
        self.set_rlimits(&members, leader);
        let prepared = self.complete()?;
        match prepared.enforced.missing() {
            Some(_) => tracing::warn!(pid = id, limits = %prepared.enforced, "not every limit is enforced"),
            None => tracing::debug!(pid = id, limits = %prepared.enforced, "the server is limited"),
        }
        let enforced = Arc::new(prepared.enforced);
        Ok((Some(Running::new(prepared.limits, prepared.cgroup, tree)), enforced))
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

    fn set_rlimits(&mut self, members: &[i32], leader: i32) {
        let rlimits = Rlimits::new(&self.limits);
        let set = |resource| -> io::Result<()> {
            let others = members.iter().filter(|pid| **pid != leader);
            [leader]
                .iter()
                .chain(others)
                .filter_map(|pid| Pid::from_raw(*pid))
                .try_for_each(|pid| rlimits.set(pid, resource))
        };
        let held = |resource| match set(resource) {
            Ok(()) => Enforcement::Rlimit,
            Err(error) => Enforcement::NotEnforced(error.to_string()),
        };
        self.enforced.open_files = self.limits.open_files.map(|_| held(Resource::Nofile));
        self.enforced.address_space = self.limits.address_space.map(|_| held(Resource::As));
        self.enforced.core_dumps = (!self.limits.core_dumps).then(|| held(Resource::Core));
        if let Err(error) = set(Resource::Cpu) {
            // The watch holds it all the same.
            tracing::debug!(%error, "no resource limit of CPU time");
        }
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

/// Holds a running child to its limits; what it holds of the system is given back when dropped.
#[derive(Debug)]
pub(in crate::connect::child) struct Running {
    limits: Limits,
    cgroup: Option<Cgroup>,
    tree: Tree,
    /// `None` where there is nothing to watch.
    looks: Option<Interval>,
    cpu_time: Duration,
    verdict: Option<Exceeded>,
}

impl Running {
    fn new(limits: Limits, cgroup: Option<Cgroup>, tree: Tree) -> Self {
        let watched = limits.memory.is_some()
            || limits.cpu_time.is_some()
            || limits.processes.is_some()
            || limits.tasks.is_some();
        let looks = watched.then(|| {
            let mut looks = interval(limits.sample_every);
            looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            looks
        });
        Self { limits, cgroup, tree, looks, cpu_time: Duration::ZERO, verdict: None }
    }

    /// Until a limit is exceeded. Can be cancelled and called again. The child must not be reaped yet.
    pub(in crate::connect::child) async fn exceeded(&mut self) {
        while self.verdict.is_none() {
            match &mut self.looks {
                Some(looks) => looks.tick().await,
                None => pending().await,
            };
            let verdict = self.look();
            self.judge(verdict);
        }
    }

    /// Kills what a signal to the child's group does not reach.
    pub(in crate::connect::child) fn kill(&mut self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
        if self.looks.is_some() {
            self.tree.kill();
        }
    }

    /// Which limit ended the child, if one did; `status` tells what the kernel did.
    pub(in crate::connect::child) fn verdict(&mut self, status: Option<ExitStatus>) -> Option<Exceeded> {
        if self.verdict.is_none() {
            let verdict = self.by_kernel().or_else(|| self.by_signal(status?));
            self.judge(verdict);
        }
        self.verdict.clone()
    }

    fn judge(&mut self, verdict: Option<Exceeded>) {
        if let Some(exceeded) = &verdict {
            tracing::warn!(pid = self.tree.leader(), "the server {exceeded}");
        }
        self.verdict = verdict;
    }

    fn look(&mut self) -> Option<Exceeded> {
        let usage = self.usage();
        self.cpu_time = self.cpu_time.max(usage.cpu_time);
        self.by_kernel().or_else(|| self.by_watch(usage))
    }

    fn usage(&mut self) -> Usage {
        let mut usage = Usage::default();
        let Some(cgroup) = &self.cgroup else {
            self.tree.look().iter().for_each(|stat| usage.add(stat));
            return usage;
        };
        for pid in cgroup.members().unwrap_or_default() {
            if let Ok((_, stat)) = tree::read(pid) {
                usage.add(&stat);
            }
        }
        usage.cpu_time = cgroup.cpu_time().unwrap_or(usage.cpu_time);
        usage
    }

    fn by_kernel(&self) -> Option<Exceeded> {
        let cgroup = self.cgroup.as_ref()?;
        match (self.limits.memory, self.limits.tasks) {
            (Some(allowed), _) if cgroup.out_of_memory() => Some(Exceeded::Memory { allowed, used: None }),
            (_, Some(allowed)) if cgroup.out_of_tasks() => Some(Exceeded::Tasks { allowed, used: None }),
            _ => None,
        }
    }

    fn by_watch(&self, usage: Usage) -> Option<Exceeded> {
        let over = |limit: Option<u64>, used| limit.filter(|allowed| used > *allowed);
        let memory = over(self.limits.memory, usage.memory)
            .map(|allowed| Exceeded::Memory { allowed, used: Some(usage.memory) });
        let processes = || {
            over(self.limits.processes, usage.processes)
                .map(|allowed| Exceeded::Processes { allowed, used: usage.processes })
        };
        let tasks = || {
            over(self.limits.tasks, usage.tasks)
                .map(|allowed| Exceeded::Tasks { allowed, used: Some(usage.tasks) })
        };
        memory.or_else(processes).or_else(tasks).or_else(|| self.out_of_time())
    }

    fn out_of_time(&self) -> Option<Exceeded> {
        let allowed = self.limits.cpu_time.filter(|allowed| self.cpu_time > *allowed)?;
        Some(Exceeded::CpuTime { allowed, used: Some(self.cpu_time) })
    }

    /// The kernel counts each process by itself, and may be faster than the watch.
    fn by_signal(&self, status: ExitStatus) -> Option<Exceeded> {
        let allowed = self.limits.cpu_time?;
        let signal = status.signal()?;
        let told = (signal == Signal::XCPU.as_raw()).then_some(Exceeded::CpuTime { allowed, used: None });
        told.or_else(|| self.out_of_time().filter(|_| signal == Signal::KILL.as_raw()))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}
