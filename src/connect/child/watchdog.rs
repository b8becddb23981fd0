//! Children die with us, even when we are killed −9.
//!
//! One watchdog process per host process waits on a pipe. While we live it learns which groups are ours; when
//! the pipe closes, however we ended, it kills those that are left. It is a few lines of POSIX shell, so that
//! nothing has to run between fork and exec, which would need `unsafe`.
//!
//! Not covered: a descendant that leaves its process group, and a kill in the microseconds between a child's
//! start and its registration.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

const SCRIPT: &str = r#"
trap '' INT TERM HUP QUIT
groups=' '
while read -r what group; do
    case "$what" in
        +) groups="$groups$group " ;;
        -) case "$groups" in *" $group "*) groups="${groups%% "$group" *} ${groups#* "$group" }" ;; esac ;;
    esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
"#;

static WATCHDOG: Mutex<Watchdog> = Mutex::new(Watchdog { process: None, groups: BTreeSet::new() });

struct Watchdog {
    process: Option<Child>,
    /// What it is to kill; kept here too, for the next one in case somebody kills it.
    groups: BTreeSet<u32>,
}

/// While it lives, the group is killed when we are.
#[derive(Debug)]
pub(super) struct Guard(u32);

pub(super) fn guard(group: u32) -> Guard {
    let mut watchdog = lock();
    watchdog.groups.insert(group);
    if !watchdog.tell('+', group) {
        tracing::warn!(group, "no watchdog: if this process is killed, its children stay");
    }
    Guard(group)
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut watchdog = lock();
        watchdog.groups.remove(&self.0);
        watchdog.tell('-', self.0);
    }
}

/// Whether the group is killed when we are.
#[cfg(all(test, target_os = "linux", feature = "limits"))]
pub(super) fn guards(group: u32) -> bool {
    lock().groups.contains(&group)
}

fn lock() -> MutexGuard<'static, Watchdog> {
    WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Watchdog {
    /// Tells the process of one change; if that is gone, a new one learns of all the groups that are left.
    fn tell(&mut self, what: char, group: u32) -> bool {
        if self.process.as_mut().is_some_and(|process| write(process, what, group)) {
            return true;
        }
        self.bury();
        if self.groups.is_empty() {
            return true;
        }
        self.process = start();
        let Some(process) = &mut self.process else { return false };
        self.groups.iter().all(|group| write(process, '+', *group))
    }

    /// It is killed before its pipe closes: it would take the end of the pipe for our end.
    fn bury(&mut self) {
        if let Some(mut dead) = self.process.take() {
            let _ = dead.kill();
            let _ = dead.wait();
        }
    }
}

fn write(process: &mut Child, what: char, group: u32) -> bool {
    let line = format!("{what} {group}\n");
    process.stdin.as_mut().is_some_and(|pipe| pipe.write_all(line.as_bytes()).is_ok())
}

/// In a group of its own, so that what is sent to our group does not reach it.
fn start() -> Option<Child> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SCRIPT]).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command.spawn().inspect_err(|error| tracing::warn!(%error, "the watchdog could not be started")).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").process_group(0).spawn().unwrap()
    }

    #[test]
    fn a_watchdog_that_was_killed_is_replaced_by_one_that_knows_all_groups() {
        let mut sleepers = [sleeper(), sleeper()];
        let first = guard(sleepers[0].id());
        lock().process.as_mut().unwrap().kill().unwrap();
        let dead = lock().process.as_mut().unwrap().id();
        // Its end of the pipe is closed by the time it is a zombie.
        rustix::process::waitid(
            rustix::process::WaitId::Pid(rustix::process::Pid::from_raw(dead as i32).unwrap()),
            rustix::process::WaitIdOptions::EXITED | rustix::process::WaitIdOptions::NOWAIT,
        )
        .unwrap();
        let second = guard(sleepers[1].id());

        let mut watchdog = lock();
        let process = watchdog.process.as_mut().unwrap();
        assert_ne!(process.id(), dead);
        drop(process.stdin.take()); // as when we are killed
        for sleeper in &mut sleepers {
            assert_eq!(sleeper.wait().unwrap().signal(), Some(9));
        }
        drop(watchdog);
        drop((first, second));
    }
}
