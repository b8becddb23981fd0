//! A server that is not reached by its pipes: what it prints is a log.

use std::collections::VecDeque;
use std::fmt;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncRead;
use tokio::sync::watch;
use tokio::time::timeout;

use super::command::{Command, OnStderr};
use super::keeper::{Aborting, LEFTOVERS, Ladder, Process};
#[cfg(feature = "limits")]
use super::limits::Enforced;
#[cfg(feature = "landlock")]
use super::sandbox::SandboxState;
use super::stderr;
use crate::connect::leaf::Exit;
use crate::error::Error;

/// Lines that are kept to be quoted.
const QUOTED: usize = 5;

/// The running process; it is stopped when this is dropped.
#[derive(Debug)]
pub(in crate::connect) struct Daemon {
    pub(in crate::connect) id: u32,
    end: watch::Receiver<Option<Exit>>,
    stop: watch::Sender<Option<Error>>,
    last: Arc<LastWords>,
    #[cfg(feature = "limits")]
    pub(in crate::connect) limits: Arc<Enforced>,
    #[cfg(feature = "landlock")]
    pub(in crate::connect) sandbox: Arc<SandboxState>,
}

impl Command {
    /// Starts it with nothing on its stdin; what it prints to stdout and stderr is drained, line by line, to
    /// `tracing` and to [`on_stderr`](Self::on_stderr). `held` is dropped when the process is gone.
    pub(in crate::connect) fn daemon(&self, held: impl Send + 'static) -> Result<Daemon, Error> {
        let started = self.start(self.process().stdin(Stdio::null()))?;
        let (_, Some(stdout), Some(errors)) = started.pipes else {
            return Err(Error::closed(format_args!("{self} was started without pipes")));
        };
        let last = Arc::new(LastWords::default());
        let logs = [self.drain(stdout, started.id, &last), self.drain(errors, started.id, &last)];
        let (ended, end) = watch::channel(None);
        let (stop, stopped) = watch::channel(None);
        let keeper = Keeper { name: self.to_string(), ladder: self.ladder, logs, stop: stopped, ended };
        tokio::spawn(keeper.keep(started.process, held));
        Ok(Daemon {
            id: started.id,
            end,
            stop,
            last,
            #[cfg(feature = "limits")]
            limits: started.limits,
            #[cfg(feature = "landlock")]
            sandbox: Arc::new(started.sandbox),
        })
    }

    fn drain(
        &self,
        output: impl AsyncRead + Send + Unpin + 'static,
        pid: u32,
        last: &Arc<LastWords>,
    ) -> Aborting<()> {
        let (see, last): (Option<OnStderr>, _) = (self.on_stderr.clone(), last.clone());
        let mask = self.mask.clone();
        Aborting(tokio::spawn(async move {
            stderr::each_line(output, &mask, |text| {
                tracing::info!(target: "shadowcat::child::log", pid, "{text}");
                last.push(text);
                if let Some(see) = &see {
                    see(text);
                }
            })
            .await;
        }))
    }
}

impl Daemon {
    /// How it ended, once it has and is reaped.
    pub(in crate::connect) fn end(&self) -> watch::Receiver<Option<Exit>> {
        self.end.clone()
    }

    /// Stops it for this reason; the first counts.
    pub(in crate::connect) fn stop(&self, why: Error) {
        self.stop.send_if_modified(|stop| {
            let first = stop.is_none();
            stop.get_or_insert(why);
            first
        });
    }

    /// The last lines that it printed, the oldest first.
    pub(in crate::connect) fn last_words(&self) -> Vec<String> {
        self.last.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Waits for the end that a [`Daemon`] tells.
pub(in crate::connect) async fn ended(mut end: watch::Receiver<Option<Exit>>) -> Exit {
    let exit = end.wait_for(Option::is_some).await.ok().and_then(|end| end.clone());
    exit.unwrap_or_else(|| Exit::new(None, Error::closed("the runtime stopped before the server did")))
}

#[derive(Default)]
struct LastWords(Mutex<VecDeque<String>>);

impl LastWords {
    fn push(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A flood takes no memory anew.
        let mut kept =
            if lines.len() == QUOTED { lines.pop_front().unwrap_or_default() } else { String::new() };
        kept.clear();
        kept.push_str(line);
        lines.push_back(kept);
    }
}

impl fmt::Debug for LastWords {
    /// They may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LastWords").finish_non_exhaustive()
    }
}

/// The task that owns the process until it is reaped.
struct Keeper {
    name: String,
    ladder: Ladder,
    logs: [Aborting<()>; 2],
    stop: watch::Receiver<Option<Error>>,
    ended: watch::Sender<Option<Exit>>,
}

impl Keeper {
    async fn keep(self, mut process: Process, held: impl Send) {
        let stopped = tokio::select! {
            _ = process.wait() => None,
            why = told(self.stop) => Some(why),
        };
        let status = process.stop(self.ladder).await;
        let error = match stopped {
            Some(why) => why.within(format_args!("{} was stopped", self.name)),
            None => process.exceeded(&self.name, status).unwrap_or_else(|| describe(&self.name, status)),
        };
        tracing::debug!(%error, "the server's process ended");
        drop(process);
        let logs = async {
            for mut log in self.logs {
                log.join().await;
            }
        };
        let _ = timeout(LEFTOVERS, logs).await;
        drop(held);
        self.ended.send_replace(Some(Exit::new(status, error)));
    }
}

fn describe(name: &str, status: Option<ExitStatus>) -> Error {
    match status {
        Some(status) => Error::closed(format_args!("{name} ended: {status}")),
        None => Error::closed(format_args!("{name} ended")),
    }
}

/// Why the process is to be stopped: told, or because nobody is left who could.
async fn told(mut stop: watch::Receiver<Option<Error>>) -> Error {
    let told = stop.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
    told.unwrap_or_else(|| Error::closed("every caller is gone"))
}
