//! What the tests of recorders share.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use shadowcat::tape::{Entry, Recorder, RecorderOptions, Sink, Tape, TapeError};

/// A sink in memory.
#[derive(Clone, Default)]
pub(crate) struct Memory(Arc<Mutex<(Vec<Entry>, Option<Tape>)>>);

impl Memory {
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap().0.clone()
    }

    pub(crate) fn tape(&self) -> Tape {
        self.0.lock().unwrap().1.clone().expect("it was told")
    }

    /// `kind` and `content` of each.
    pub(crate) fn said(&self) -> Vec<String> {
        let text = |entry: &Entry| format!("{} {}", entry.kind, String::from_utf8_lossy(&entry.bytes));
        self.entries().iter().map(text).collect()
    }

    pub(crate) fn kinds(&self) -> Vec<&'static str> {
        self.entries().iter().map(|entry| entry.kind.as_str()).collect()
    }
}

impl Sink for Memory {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        self.0.lock().unwrap().0.push(entry.clone());
        Ok(())
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        self.0.lock().unwrap().1 = Some(tape.clone());
        Ok(())
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        Ok(())
    }

    fn due(&self) -> Option<Instant> {
        None
    }

    fn finish(&mut self) -> Result<(), TapeError> {
        Ok(())
    }
}

/// A sink that waits for a word before each entry. A word of `false` is an error.
pub(crate) struct Gated {
    inner: Memory,
    /// It has begun with an entry.
    begun: SyncSender<()>,
    words: Receiver<bool>,
    /// Nobody says anything any more.
    is_open: bool,
}

/// The other side of it. Dropped, it lets everything pass.
pub(crate) struct Gate {
    pub(crate) begun: Receiver<()>,
    pub(crate) words: SyncSender<bool>,
}

pub(crate) fn gated(memory: &Memory) -> (Gated, Gate) {
    let ((begun_tx, begun), (words_tx, words)) = (sync_channel(1024), sync_channel(1024));
    let sink = Gated { inner: memory.clone(), begun: begun_tx, words, is_open: false };
    (sink, Gate { begun, words: words_tx })
}

impl Gated {
    fn word(&mut self) -> bool {
        let word = if self.is_open { None } else { self.words.recv().ok() };
        self.is_open = word.is_none();
        word.unwrap_or(true)
    }
}

impl Sink for Gated {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        let _ = self.begun.send(());
        match self.word() {
            true => self.inner.append(entry),
            false => Err(broken()),
        }
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        self.inner.update(tape)
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        Ok(())
    }

    fn due(&self) -> Option<Instant> {
        None
    }

    fn finish(&mut self) -> Result<(), TapeError> {
        Ok(())
    }
}

/// A sink that takes everything into memory; each commit, and the end, waits for a word. A word of `false` is an error.
pub(crate) struct Patient {
    gated: Gated,
    uncommitted: bool,
    /// Whether it says that there is something to commit.
    pub(crate) says_so: bool,
    /// It has taken an entry.
    took: SyncSender<()>,
}

pub(crate) fn patient(memory: &Memory) -> (Patient, Gate, Receiver<()>) {
    let ((gated, gate), (took, taken)) = (gated(memory), sync_channel(1024));
    (Patient { gated, uncommitted: false, says_so: true, took }, gate, taken)
}

impl Sink for Patient {
    fn append(&mut self, entry: &Entry) -> Result<(), TapeError> {
        self.uncommitted = true;
        self.gated.inner.append(entry)?;
        let _ = self.took.send(());
        Ok(())
    }

    fn update(&mut self, tape: &Tape) -> Result<(), TapeError> {
        self.gated.update(tape)
    }

    fn commit(&mut self) -> Result<(), TapeError> {
        let _ = self.gated.begun.send(());
        if !self.gated.word() {
            return Err(broken());
        }
        self.uncommitted = false;
        Ok(())
    }

    fn due(&self) -> Option<Instant> {
        (self.uncommitted && self.says_so).then(Instant::now)
    }

    fn finish(&mut self) -> Result<(), TapeError> {
        self.commit()
    }
}

/// Some error of a disk.
pub(crate) fn broken() -> TapeError {
    shadowcat::tape::open("/no/such/tape").err().expect("there is none")
}

pub(crate) fn recording(options: RecorderOptions) -> (Recorder, Memory) {
    let memory = Memory::default();
    (Recorder::start(memory.clone(), Tape::new().unwrap(), options).unwrap(), memory)
}
