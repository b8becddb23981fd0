//! The start of a process: in its sandbox, held to its limits, and killed if anything of this fails.

#[cfg(feature = "limits")]
use std::sync::Arc;

use tokio::process::{ChildStderr, ChildStdin, ChildStdout};

use super::command::Command;
#[cfg(feature = "limits")]
use super::limits::{Enforced, Prepared};
#[cfg(feature = "landlock")]
use super::sandbox::SandboxState;
use super::{keeper, watchdog};
use crate::error::Error;

#[derive(Debug)]
pub(super) struct Started {
    pub(super) process: keeper::Process,
    pub(super) id: u32,
    pub(super) pipes: (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>),
    #[cfg(feature = "limits")]
    pub(super) limits: Arc<Enforced>,
    #[cfg(feature = "landlock")]
    pub(super) sandbox: SandboxState,
}

impl Command {
    pub(super) fn start(&self, process: &mut tokio::process::Command) -> Result<Started, Error> {
        #[cfg(feature = "limits")]
        let prepared = self.limits.as_ref().map(Prepared::new).transpose()?;
        #[cfg(feature = "landlock")]
        let (mut child, sandbox) = self.run_inside(process)?;
        #[cfg(not(feature = "landlock"))]
        let mut child = self.run(process)?;
        let id =
            child.id().ok_or_else(|| Error::closed(format_args!("{self} ended while it was started")))?;
        #[cfg(feature = "limits")]
        let attached = prepared.map(|limits| limits.attach(id)).transpose();
        let guard = watchdog::guard(id);
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        #[cfg_attr(not(feature = "limits"), expect(unused_mut, reason = "only limits change it"))]
        let mut process = keeper::Process::new(child, id, guard);
        #[cfg(feature = "limits")]
        let limits = process.limit(attached?);
        Ok(Started {
            process,
            id,
            pipes,
            #[cfg(feature = "limits")]
            limits,
            #[cfg(feature = "landlock")]
            sandbox,
        })
    }

    fn run(&self, process: &mut tokio::process::Command) -> Result<tokio::process::Child, Error> {
        process.spawn().map_err(|error| Error::io(format_args!("cannot start {self}"), error))
    }

    #[cfg(feature = "landlock")]
    fn run_inside(
        &self,
        process: &mut tokio::process::Command,
    ) -> Result<(tokio::process::Child, SandboxState), Error> {
        match &self.sandbox {
            Some(sandbox) => sandbox.spawn(&self.to_string(), process),
            None => Ok((self.run(process)?, SandboxState::Open)),
        }
    }
}
