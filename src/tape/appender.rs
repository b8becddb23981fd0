//! Writing to the end of a file: whole pieces only, as much at once as is worth a system call.

use std::fmt;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::pack::Pack;
use super::{MAX_FRAME_BYTES, TapeError};
use crate::file;

/// This much is worth a write.
const ENOUGH: usize = 64 << 10;
/// So long it may wait for more.
const PATIENCE: Duration = Duration::from_millis(20);

#[cfg(test)]
thread_local! {
    /// How often this thread waited for the disk.
    pub(super) static SYNCS: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

/// A file and what is to be added to it. At most 64 KiB and one piece wait.
pub(super) struct Appender {
    file: File,
    path: PathBuf,
    pack: Pack,
    waiting: Vec<u8>,
    /// The length of the file without what a failed write left behind.
    written: u64,
    /// A write failed, and what it left could not be removed yet.
    untidy: bool,
    durable: bool,
    due: Option<Instant>,
}

impl Appender {
    /// `length` is that of the file, which is locked.
    pub(super) fn new(file: File, path: &Path, length: u64, pack: Pack) -> Self {
        Self {
            file,
            pack,
            path: path.to_owned(),
            waiting: Vec::new(),
            written: length,
            untidy: false,
            durable: false,
            due: None,
        }
    }

    pub(super) fn durable(&mut self, durable: bool) {
        self.durable = durable;
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in the file, and those waiting as they are before they are packed.
    pub(super) fn len(&self) -> u64 {
        self.written + self.waiting.len() as u64
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Adds what `write` writes, or nothing.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> Result<(), TapeError> {
        let before = self.waiting.len();
        write(&mut self.waiting);
        if self.waiting.len() - before > MAX_FRAME_BYTES {
            self.waiting.truncate(before);
            return Err(TapeError::too_large(self.path.display(), MAX_FRAME_BYTES));
        }
        if self.waiting.len() >= ENOUGH
            && let Err(error) = self.flush()
        {
            self.waiting.truncate(before);
            return Err(error);
        }
        if !self.waiting.is_empty() {
            self.due.get_or_insert_with(|| Instant::now() + PATIENCE);
        }
        Ok(())
    }

    /// Writes what waits, and to the disk if it is to be durable.
    pub(super) fn commit(&mut self) -> Result<(), TapeError> {
        self.flush()?;
        if self.durable { self.sync() } else { Ok(()) }
    }

    pub(super) fn sync(&self) -> Result<(), TapeError> {
        #[cfg(test)]
        SYNCS.with(|syncs| syncs.set(syncs.get() + 1));
        self.file.sync_data().map_err(|error| self.failed(error))
    }

    /// All of it or nothing: what a full disk took of it is cut off again.
    fn flush(&mut self) -> Result<(), TapeError> {
        if self.untidy {
            self.tidy()?;
        }
        let written = self.write();
        self.pack.settle(written.is_ok());
        if let Err(error) = written {
            self.untidy = true;
            let _ = self.tidy();
            // Tried again later, not at once.
            self.due = self.due.map(|_| Instant::now() + PATIENCE);
            return Err(self.failed(error));
        }
        self.waiting.clear();
        self.waiting.shrink_to(2 * ENOUGH);
        self.due = None;
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        let packed = self.pack.pack(&self.waiting)?;
        self.file.write_all(packed)?;
        self.written += packed.len() as u64;
        Ok(())
    }

    fn tidy(&mut self) -> Result<(), TapeError> {
        self.file.set_len(self.written).map_err(|error| self.failed(error))?;
        self.untidy = false;
        Ok(())
    }

    /// The last that is done with it, where nothing was written yet: what waits is dropped, and what stood at the end of
    /// the file stands there again.
    pub(super) fn undo(&mut self, length: u64, end: &[u8]) -> io::Result<()> {
        self.waiting.clear();
        if self.written != length {
            return Ok(());
        }
        self.untidy = false;
        self.file.set_len(length)?;
        self.file.write_all(end)
    }

    fn failed(&self, error: io::Error) -> TapeError {
        TapeError::io(format_args!("{}: cannot be written", self.path.display()), error)
    }
}

impl fmt::Debug for Appender {
    /// Without what waits, which is what was said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Appender")
            .field("path", &self.path)
            .field("waiting", &self.waiting.len())
            .field("written", &self.written)
            .finish_non_exhaustive()
    }
}

impl Drop for Appender {
    /// As a process that ends in good order does; who wants to know whether it went well commits.
    fn drop(&mut self) {
        let _ = self.flush();
        unlock(&self.file);
    }
}

/// Makes a file, and what `begin` begins in it; where that fails, nothing is left that would be in the way.
pub(super) fn create<T>(
    path: &Path,
    begin: impl FnOnce(File) -> Result<T, TapeError>,
) -> Result<T, TapeError> {
    let file = file::create_new(path).map_err(|error| TapeError::io(path.display(), error))?;
    let begun = begin(file);
    if begun.is_err() {
        let _ = std::fs::remove_file(path);
    }
    begun
}

/// One writer at a time, for as long as the file is open.
#[cfg(unix)]
pub(super) fn lock(file: &File, path: &Path) -> Result<(), TapeError> {
    use rustix::fs::{FlockOperation, flock};
    use rustix::io::Errno;
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        // Where a file system knows no locks, there are none.
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS) => Ok(()),
        Err(Errno::WOULDBLOCK) => Err(TapeError::busy(path)),
        Err(error) => Err(TapeError::io(path.display(), error.into())),
    }
}

/// Where a process that is just being started has the file, too, until it is another program, closing it would not do.
#[cfg(unix)]
pub(super) fn unlock(file: &File) {
    let _ = rustix::fs::flock(file, rustix::fs::FlockOperation::Unlock);
}

#[cfg(not(unix))]
pub(super) fn unlock(_: &File) {}

#[cfg(not(unix))]
pub(super) fn lock(_: &File, _: &Path) -> Result<(), TapeError> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_lock_ends_with_its_writer_also_where_a_child_of_the_process_has_the_file_still() {
        let path = std::env::temp_dir().join(format!("shadowcat-unlock-{}", std::process::id()));
        let file = file::create_new(&path).unwrap();
        lock(&file, &path).unwrap();
        let of_a_child = file.try_clone().unwrap();
        let writer = Appender::new(file, &path, 0, Pack::default());
        let other = file::append(&path).unwrap();
        assert!(lock(&other, &path).unwrap_err().is_busy());
        drop(writer);
        lock(&other, &path).unwrap();
        drop(of_a_child);
        std::fs::remove_file(&path).unwrap();
    }
}
