//! The thread that writes a log.

use std::io;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::chain::Chain;
use super::file::LogFile;
use super::writer::{Item, Permit, State};
use super::{Durability, Options, Record};
use crate::queue::{Receiver, Taken};

/// Records that are written at once, at most.
const BATCH: usize = 64;
/// Between two attempts to write.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) struct Thread {
    chain: Chain<LogFile>,
    records: Receiver<Item>,
    options: Options,
    state: Arc<State>,
    /// Of what is being written.
    permits: Vec<Permit>,
    /// What is in the file was not told to the disk.
    is_dirty: bool,
}

impl Thread {
    pub(super) fn new(
        chain: Chain<LogFile>,
        records: Receiver<Item>,
        options: Options,
        state: Arc<State>,
    ) -> Self {
        Self { chain, records, options, state, permits: Vec::new(), is_dirty: true }
    }

    pub(super) fn run(mut self) {
        while self.records.wait() {
            self.take();
            while let Err(error) = self.write() {
                self.fail(&error);
                if !self.records.pause(PAUSE) {
                    return self.give_up();
                }
            }
            self.well();
            self.permits.clear();
            self.records.done();
        }
    }

    /// A batch of what waits.
    fn take(&mut self) {
        while self.chain.waiting() < BATCH {
            match self.records.take() {
                Some(Taken::Item(Item { record, permit })) => {
                    self.chain.push(record.members());
                    self.permits.push(permit);
                }
                Some(Taken::Lost(lost)) => self.chain.push(gap(lost)),
                None => return,
            }
        }
    }

    fn write(&mut self) -> io::Result<()> {
        self.rotate()?;
        let (bytes, records, outcome) = self.chain.flush();
        self.is_dirty |= bytes > 0;
        self.state.written.fetch_add(records as u64, Ordering::Relaxed);
        *self.state.last.lock().unwrap_or_else(PoisonError::into_inner) = self.chain.last();
        outcome?;
        if self.is_dirty && self.options.durability == Durability::Disk {
            self.chain.out.sync()?;
        }
        self.is_dirty = false;
        Ok(())
    }

    /// The chain goes on in a new file, if this one is full and ends with a line.
    fn rotate(&mut self) -> io::Result<()> {
        let (max_bytes, max_age) = (self.options.max_bytes, self.options.max_age);
        if self.chain.is_torn() || !self.chain.out.is_full(self.chain.size(), max_bytes, max_age) {
            return Ok(());
        }
        let number = self.chain.out.follow()?;
        self.state.rotated.fetch_add(1, Ordering::Relaxed);
        let removed = match self.options.keep {
            Some(files) => self.chain.out.keep(files).unwrap_or_else(|error| {
                tracing::warn!(%error, "an old file of the audit log could not be removed");
                0
            }),
            None => 0,
        };
        let first = Record::new("continued").members();
        self.chain.push_first(format!(r#"{first},"file":{number},"removed":{removed}"#));
        Ok(())
    }

    fn fail(&self, error: &io::Error) {
        if !self.state.is_failing.swap(true, Ordering::Release) {
            tracing::error!(%error, "the audit log cannot be written");
        }
    }

    fn well(&self) {
        if self.state.is_failing.swap(false, Ordering::Release) {
            tracing::info!("the audit log can be written again");
        }
    }

    /// Nobody is left to wait for, and the last attempt failed.
    fn give_up(&mut self) {
        let unwritten = self.chain.waiting() as u64;
        tracing::error!(records = unwritten, "the end of the audit log was not written");
        self.state.lost.fetch_add(unwritten, Ordering::Relaxed);
    }
}

fn gap(lost: u64) -> String {
    format!(r#"{},"lost":{lost}"#, Record::new("gap").members())
}
