//! Unixes where another process cannot be limited: every limit is refused, or reported as not enforced.

use std::convert::Infallible;
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;

use super::exceeded::Exceeded;
use super::{Enforced, Enforcement, Limits};
use crate::error::Error;

const WHY: &str = "only Linux can limit another process";

/// What is known before the child starts.
#[derive(Debug)]
pub(in crate::connect::child) struct Prepared(Enforced);

impl Prepared {
    pub(in crate::connect::child) fn new(limits: &Limits) -> Result<Self, Error> {
        let enforced = report(limits);
        match enforced.missing() {
            Some((name, why)) if !limits.best_effort => Err(Error::io(
                format_args!(
                    "the limit of {name} cannot be enforced, and `Limits::best_effort` is not asked for"
                ),
                io::Error::new(io::ErrorKind::Unsupported, why),
            )),
            _ => Ok(Self(enforced)),
        }
    }

    pub(in crate::connect::child) fn attach(self, _: u32) -> Result<(Option<Running>, Arc<Enforced>), Error> {
        tracing::warn!(limits = %self.0, "not every limit of the server is enforced");
        Ok((None, Arc::new(self.0)))
    }
}

fn report(limits: &Limits) -> Enforced {
    let missing = || Enforcement::NotEnforced(WHY.to_owned());
    Enforced {
        memory: limits.memory.map(|_| missing()),
        cpu_time: limits.cpu_time.map(|_| missing()),
        processes: limits.processes.map(|_| missing()),
        tasks: limits.tasks.map(|_| missing()),
        open_files: limits.open_files.map(|_| missing()),
        address_space: limits.address_space.map(|_| missing()),
        core_dumps: (!limits.core_dumps).then(missing),
    }
}

/// There is none.
#[derive(Debug)]
pub(in crate::connect::child) struct Running(Infallible);

impl Running {
    pub(in crate::connect::child) async fn exceeded(&mut self) {
        match self.0 {}
    }

    pub(in crate::connect::child) fn kill(&mut self) {
        match self.0 {}
    }

    pub(in crate::connect::child) fn verdict(&mut self, _: Option<ExitStatus>) -> Option<Exceeded> {
        match self.0 {}
    }
}
