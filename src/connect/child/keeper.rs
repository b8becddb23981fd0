//! The task that owns the process from its start until it is reaped.

use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{ChildStdin, ChildStdout};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

#[cfg(feature = "limits")]
use super::limits::{Enforced, Running};
use super::watchdog;
use crate::connect::leaf::Exit;
use crate::connect::multiplex::{Cause, Driver, Shared};
use crate::error::Error;

/// How long the status is awaited once the output has ended, so that the error can name it.
const STATUS: Duration = Duration::from_millis(250);
/// How long the output may go on once the process has ended: only a descendant outside its group holds it.
pub(super) const LEFTOVERS: Duration = Duration::from_millis(500);

/// How often, a millisecond apart, a killed process is asked for its status when nothing can be awaited.
const REAPS: usize = 100;

/// How patiently a child is stopped.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ladder {
    pub(super) after_close: Duration,
    pub(super) after_term: Duration,
}

impl Default for Ladder {
    fn default() -> Self {
        Self { after_close: Duration::from_secs(2), after_term: Duration::from_secs(2) }
    }
}

/// The process, killed with its whole group when this is dropped.
#[derive(Debug)]
pub(super) struct Process {
    child: tokio::process::Child,
    group: Option<Pid>,
    status: Option<ExitStatus>,
    #[cfg(feature = "limits")]
    limits: Option<Running>,
    _watchdog: watchdog::Guard,
}

impl Process {
    pub(super) fn new(child: tokio::process::Child, id: u32, watchdog: watchdog::Guard) -> Self {
        let group = i32::try_from(id).ok().and_then(Pid::from_raw);
        Self {
            child,
            group,
            status: None,
            #[cfg(feature = "limits")]
            limits: None,
            _watchdog: watchdog,
        }
    }

    /// Waits for the leader and then ends what is left of its group. Can be cancelled and called again.
    ///
    /// Between the two the leader is reaped. Its number stays taken while its group has members; an empty
    /// group's could in theory be the number of a new group by the time of the signal, within microseconds.
    pub(super) async fn wait(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.leader().await.ok();
            self.signal(Signal::KILL);
            self.group = None;
        }
        self.status
    }

    #[cfg(not(feature = "limits"))]
    async fn leader(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    fn signal(&self, signal: Signal) {
        if let Some(group) = self.group {
            // It fails when nobody is left in the group, which is what was wanted.
            let _ = kill_process_group(group, signal);
        }
    }

    #[cfg(not(feature = "limits"))]
    pub(super) fn exceeded(&mut self, _: &str, _: Option<ExitStatus>) -> Option<Error> {
        None
    }

    /// The runtime is going, and with it whoever would reap the process later. It was killed: that takes no
    /// time, unless the kernel holds it.
    fn reap(&mut self) {
        for _ in 0..REAPS {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Its stdin is closed: wait, SIGTERM, wait, SIGKILL.
    pub(super) async fn stop(&mut self, ladder: Ladder) -> Option<ExitStatus> {
        if let Ok(status) = timeout(ladder.after_close, self.wait()).await {
            return status;
        }
        self.signal(Signal::TERM);
        if let Ok(status) = timeout(ladder.after_term, self.wait()).await {
            return status;
        }
        tracing::warn!(pid = self.child.id(), "the server ignored a closed stdin and SIGTERM; killing it");
        self.signal(Signal::KILL);
        self.wait().await
    }
}

#[cfg(feature = "limits")]
impl Process {
    /// What it is held to from now on.
    pub(super) fn limit(&mut self, attached: Option<(Option<Running>, Arc<Enforced>)>) -> Arc<Enforced> {
        let (running, enforced) = attached.unwrap_or_default();
        self.limits = running;
        enforced
    }

    /// Waits for the leader, and ends it when a limit is exceeded: politeness would let it take more.
    async fn leader(&mut self) -> io::Result<ExitStatus> {
        if let Some(limits) = &mut self.limits {
            tokio::select! {
                status = self.child.wait() => return status,
                () = limits.exceeded() => limits.kill(),
            }
            self.signal(Signal::KILL);
        }
        self.child.wait().await
    }

    /// The error, if it was a limit that ended it.
    pub(super) fn exceeded(&mut self, name: &str, status: Option<ExitStatus>) -> Option<Error> {
        let exceeded = self.limits.as_mut()?.verdict(status)?;
        Some(Error::limit_exceeded(format_args!("{name} {exceeded}")))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status.is_none() {
            self.signal(Signal::KILL);
            self.reap();
        }
    }
}

pub(super) struct Keeper {
    pub(super) name: String,
    pub(super) ladder: Ladder,
    pub(super) stderr: JoinHandle<()>,
    /// Why it is to be stopped, once it is.
    pub(super) stop: watch::Receiver<Option<Error>>,
    pub(super) ended: watch::Sender<Option<Exit>>,
}

impl Keeper {
    pub(super) async fn keep(
        self,
        mut process: Process,
        mut driver: Driver<ChildStdout, ChildStdin>,
        shared: Arc<Shared>,
    ) {
        let name = self.name.clone();
        let driven = tokio::spawn(async move {
            let cause = driver.run().await;
            (cause, driver)
        });
        let driven = Aborting(driven);
        let (cause, mut driver) = match self.watch(&mut process, driven, &shared).await {
            Some(end) => end,
            None => return,
        };
        let stopped = self.stop.borrow().clone();
        let error = match stopped {
            Some(why) => why.within(format_args!("{name} was stopped")),
            None => {
                let status = timeout(STATUS, process.wait()).await.ok().flatten();
                process.exceeded(&name, status).unwrap_or_else(|| describe(&name, cause, status))
            }
        };
        tracing::debug!(%error, "the server's pipe ended");
        driver.fail_all(error.clone());
        let status = {
            let stop = process.stop(self.ladder);
            let drain = driver.drain();
            tokio::pin!(stop, drain);
            tokio::select! {
                status = &mut stop => status,
                () = &mut drain => stop.await,
            }
        };
        drop(process);
        let _ = timeout(LEFTOVERS, Aborting(self.stderr).join()).await;
        self.ended.send_replace(Some(Exit::new(status, error)));
    }

    /// Until the pipe ends, or the process does and its output does not: a descendant outside its group holds it.
    /// Or until it is to be stopped.
    async fn watch(
        &self,
        process: &mut Process,
        mut driven: Aborting<(Cause, Driver<ChildStdout, ChildStdin>)>,
        shared: &Shared,
    ) -> Option<(Cause, Driver<ChildStdout, ChildStdin>)> {
        tokio::select! {
            end = driven.join() => return end,
            why = told(self.stop.clone()) => {
                shared.abort(why);
                return driven.join().await;
            }
            _ = process.wait() => {}
        }
        if let Ok(end) = timeout(LEFTOVERS, driven.join()).await {
            return end;
        }
        shared.abort(Error::closed("its output is still held open"));
        driven.join().await
    }
}

/// Why the process is to be stopped; never, while nobody says so.
async fn told(mut stop: watch::Receiver<Option<Error>>) -> Error {
    if let Ok(why) = stop.wait_for(Option::is_some).await
        && let Some(why) = why.clone()
    {
        return why;
    }
    std::future::pending().await
}

/// A task that ends with its owner.
#[derive(Debug)]
pub(super) struct Aborting<T>(pub(super) JoinHandle<T>);

impl<T> Aborting<T> {
    pub(super) async fn join(&mut self) -> Option<T> {
        (&mut self.0).await.ok()
    }
}

impl<T> Drop for Aborting<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// One clear error: which command, and what happened.
fn describe(name: &str, cause: Cause, status: Option<ExitStatus>) -> Error {
    match (cause, status) {
        (Cause::Released, _) => Error::closed(format_args!("{name} was stopped: every caller is gone")),
        (Cause::Ended { unreadable_lines: 0 }, status) => {
            Error::closed(format_args!("{name} {}", how(status)))
        }
        (Cause::Ended { unreadable_lines }, status) => Error::closed(format_args!(
            "{name} {}; lines of its output that were no JSON-RPC messages: {unreadable_lines}",
            how(status)
        )),
        (Cause::Failed(error), None) => Error::closed(format_args!("{name}: {error}")),
        (Cause::Failed(error), status) => Error::closed(format_args!("{name} {} ({error})", how(status))),
    }
}

fn how(status: Option<ExitStatus>) -> String {
    match status {
        Some(status) => format!("ended: {status}"),
        None => "closed its output but is still running".to_owned(),
    }
}
