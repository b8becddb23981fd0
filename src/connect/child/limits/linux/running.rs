//! While a child runs: the watch, and the verdict.

use std::future::pending;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use rustix::process::Signal;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::cgroup::Cgroup;
use super::tree::{self, Tree, Usage};
use crate::connect::child::limits::Limits;
use crate::connect::child::limits::exceeded::Exceeded;

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
    pub(super) fn new(limits: Limits, cgroup: Option<Cgroup>, tree: Tree) -> Self {
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
