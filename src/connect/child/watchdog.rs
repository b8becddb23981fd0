//! Children die with us, even when we are killed −9.
//!
//! One watchdog process per host process waits on a pipe. While we live it learns which groups are ours; when
//! the pipe closes, however we ended, it kills those that are left. It is a few lines of POSIX shell, so that
//! nothing has to run between fork and exec, which would need `unsafe`.
//!
//! Not covered: a descendant that leaves its process group, and a kill in the microseconds between a child's
//! start and its registration.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

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

static WATCHDOG: Mutex<Option<ChildStdin>> = Mutex::new(None);

/// While it lives, the group is killed when we are.
#[derive(Debug)]
pub(super) struct Guard(u32);

pub(super) fn guard(group: u32) -> Guard {
    let mut watchdog = WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..2 {
        if watchdog.is_none() {
            *watchdog = start();
        }
        let Some(pipe) = watchdog.as_mut() else { break };
        match tell(pipe, '+', group) {
            Ok(()) => return Guard(group),
            // Somebody killed the watchdog; the next one learns of this group and later ones.
            Err(_) => *watchdog = None,
        }
    }
    tracing::warn!(group, "no watchdog: if this process is killed, its children stay");
    Guard(group)
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut watchdog = WATCHDOG.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = watchdog.as_mut() {
            let _ = tell(pipe, '-', self.0);
        }
    }
}

fn tell(pipe: &mut ChildStdin, what: char, group: u32) -> std::io::Result<()> {
    pipe.write_all(format!("{what} {group}\n").as_bytes())
}

/// In a group of its own, so that what is sent to our group does not reach it.
fn start() -> Option<ChildStdin> {
    let mut command = Command::new("/bin/sh");
    command.args(["-c", SCRIPT]).env_clear().env("PATH", "/usr/bin:/bin").current_dir("/");
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    match command.spawn() {
        Ok(mut child) => child.stdin.take(),
        Err(error) => {
            tracing::warn!(%error, "the watchdog could not be started");
            None
        }
    }
}
