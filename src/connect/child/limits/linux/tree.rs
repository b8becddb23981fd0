//! The child and its descendants, as /proc tells of them.
//!
//! Each look walks from the processes that are known to their children, which costs as much as the tree is
//! large. Every tenth look reads the whole process table, for orphans in the child's group whom no walk reaches.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use procfs::ProcResult;
use procfs::process::{Process, Stat, all_processes};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::rlimit::io_error;

/// One in so many looks reads the whole table.
const WALKS: u32 = 10;

/// What processes have at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    pub(super) memory: u64,
    pub(super) cpu_time: Duration,
    pub(super) processes: u64,
    pub(super) tasks: u64,
}

impl Usage {
    /// A zombie has nothing left but the time it took.
    pub(super) fn add(&mut self, stat: &Stat) {
        self.cpu_time += ticks(stat);
        if matches!(stat.state, 'Z' | 'X') {
            return;
        }
        self.memory = self.memory.saturating_add(stat.rss.saturating_mul(procfs::page_size()));
        self.processes += 1;
        self.tasks = self.tasks.saturating_add(u64::try_from(stat.num_threads).unwrap_or(1));
    }
}

/// Its own time, and that of the children it has waited for.
fn ticks(stat: &Stat) -> Duration {
    let waited_for = |ticks: i64| u64::try_from(ticks).unwrap_or(0);
    let ticks = stat.utime + stat.stime + waited_for(stat.cutime) + waited_for(stat.cstime);
    let per_second = procfs::ticks_per_second().max(1);
    Duration::from_secs(ticks / per_second) + Duration::from_secs(ticks % per_second) / per_second as u32
}

/// Whom we know of, each with the time it started: a number alone may be somebody else's by now.
#[derive(Debug)]
pub(super) struct Tree {
    leader: i32,
    known: BTreeMap<i32, u64>,
    looks: u32,
    walks: bool,
}

impl Tree {
    /// # Errors
    ///
    /// /proc cannot be read.
    pub(super) fn readable() -> io::Result<()> {
        Process::myself().and_then(|own| own.stat()).map(drop).map_err(io_error)
    }

    /// The leader must not be reaped before the first look.
    pub(super) fn new(leader: i32) -> Self {
        Self { leader, known: BTreeMap::new(), looks: 0, walks: lists_children() }
    }

    pub(super) fn leader(&self) -> i32 {
        self.leader
    }

    /// The leader must not be reaped yet, or its group's number could be another's.
    pub(super) fn look(&mut self) -> Vec<Stat> {
        let whole = !self.walks || self.looks.is_multiple_of(WALKS);
        self.looks = self.looks.wrapping_add(1);
        let found = if whole { self.scan() } else { self.walk() };
        self.remember(found)
    }

    /// Kills the descendants that a signal to the group does not reach: those that have left it.
    ///
    /// The leader may be gone.
    pub(super) fn kill(&mut self) {
        // Twice: one may have been forked during the first.
        for _ in 0..2 {
            for stat in self.remember(self.walk()) {
                // A failure means that it is gone.
                let _ = self.kill_one(stat.pid);
            }
        }
    }

    /// The descriptor is taken first and the process is looked at second, so that no other can get the signal.
    fn kill_one(&self, pid: i32) -> io::Result<()> {
        let Some(raw) = Pid::from_raw(pid) else { return Ok(()) };
        let descriptor = pidfd_open(raw, PidfdFlags::empty())?;
        let stat = Process::new(pid).and_then(|process| process.stat()).map_err(io_error)?;
        if self.known.get(&pid) == Some(&stat.starttime) {
            pidfd_send_signal(&descriptor, Signal::KILL)?;
        }
        Ok(())
    }

    fn remember(&mut self, found: BTreeMap<i32, Stat>) -> Vec<Stat> {
        self.known = found.iter().map(|(pid, stat)| (*pid, stat.starttime)).collect();
        found.into_values().collect()
    }

    /// Everybody whom we know, and their descendants.
    fn walk(&self) -> BTreeMap<i32, Stat> {
        self.walk_by(children)
    }

    fn walk_by<I: IntoIterator<Item = i32>>(&self, children: impl Fn(&Process) -> I) -> BTreeMap<i32, Stat> {
        let mut found = BTreeMap::new();
        let mut open: Vec<(i32, Listed)> =
            self.known.iter().map(|(pid, start)| (*pid, Listed::Started(*start))).collect();
        while let Some((pid, listed)) = open.pop() {
            if found.contains_key(&pid) {
                continue;
            }
            let Ok((process, stat)) = read(pid) else { continue };
            let is_it = match listed {
                Listed::Started(start) => stat.starttime == start,
                // Read later than listed: the number may be a stranger's by now.
                Listed::ChildOf(parent) => stat.ppid == parent || found.contains_key(&stat.ppid),
            };
            if is_it {
                open.extend(children(&process).into_iter().map(|child| (child, Listed::ChildOf(pid))));
                found.insert(pid, stat);
            }
        }
        found
    }

    /// Everybody whom we know, who is in the group, or whose parent is among these.
    fn scan(&self) -> BTreeMap<i32, Stat> {
        let all = all_processes().into_iter().flatten().flatten();
        let mut others: Vec<Stat> = all.filter_map(|process| process.stat().ok()).collect();
        let mut found: BTreeMap<i32, Stat> = BTreeMap::new();
        loop {
            let before = found.len();
            let ours = |stat: &Stat| {
                stat.pgrp == self.leader
                    || self.known.get(&stat.pid) == Some(&stat.starttime)
                    || found.contains_key(&stat.ppid)
            };
            let (more, rest): (Vec<_>, Vec<_>) = others.into_iter().partition(ours);
            found.extend(more.into_iter().map(|stat| (stat.pid, stat)));
            others = rest;
            if found.len() == before {
                return found;
            }
        }
    }
}

/// By what a number must prove to be still the process that was meant.
#[derive(Clone, Copy, Debug)]
enum Listed {
    Started(u64),
    ChildOf(i32),
}

pub(super) fn read(pid: i32) -> ProcResult<(Process, Stat)> {
    let process = Process::new(pid)?;
    let stat = process.stat()?;
    Ok((process, stat))
}

/// Of all its threads. What has ended meanwhile has none.
fn children(process: &Process) -> Vec<i32> {
    let tasks = process.tasks().into_iter().flatten().flatten();
    let children = tasks.filter_map(|task| task.children().ok()).flatten();
    children.filter_map(|pid| i32::try_from(pid).ok()).collect()
}

/// Whether the kernel was built with lists of children.
fn lists_children() -> bool {
    Process::myself().and_then(|own| own.task_main_thread()?.children()).is_ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use super::*;

    fn sleeper() -> (Child, i32) {
        let child = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = child.id().try_into().unwrap();
        (child, pid)
    }

    #[test]
    fn a_listed_number_that_is_a_strangers_by_now_is_not_adopted() {
        let [(mut ours, leader), (mut strange, stranger)] = [sleeper(), sleeper()];
        let mut tree = Tree::new(leader);
        tree.known.insert(leader, read(leader).unwrap().1.starttime);
        let found = tree.walk_by(|process| if process.pid() == leader { vec![stranger] } else { vec![] });
        let own = i32::try_from(std::process::id()).unwrap();
        let mut ourselves = Tree::new(own);
        ourselves.known.insert(own, read(own).unwrap().1.starttime);
        let all = ourselves.walk_by(|process| if process.pid() == own { vec![leader] } else { vec![] });
        for child in [&mut ours, &mut strange] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        assert_eq!(found.into_keys().collect::<Vec<_>>(), [leader]);
        assert!(all.contains_key(&leader), "a child is");
    }
}
