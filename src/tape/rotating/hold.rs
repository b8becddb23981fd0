//! One writer of a rotated tape.

#[cfg(unix)]
pub(super) use locked::Hold;
#[cfg(not(unix))]
pub(super) use unlocked::Hold;

#[cfg(unix)]
mod locked {
    use std::fs::{self, File};
    use std::io::{self, ErrorKind};
    use std::os::unix::fs::MetadataExt;
    use std::path::{Path, PathBuf};

    use crate::file;
    use crate::tape::TapeError;
    use crate::tape::appender::{lock, unlock};

    /// How often the file is opened again because another process has just removed it.
    const ATTEMPTS: u32 = 100;

    /// While it is there, nobody else has one of the same tape: a file `NAME.lock` that is locked, and always empty. It is
    /// removed at the end; where a crash has left it, nobody has locked it, and that is what counts.
    #[derive(Debug)]
    pub(in crate::tape::rotating) struct Hold {
        path: PathBuf,
        file: File,
    }

    impl Hold {
        pub(in crate::tape::rotating) fn take(base: &Path) -> Result<Self, TapeError> {
            let mut path = base.as_os_str().to_owned();
            path.push(".lock");
            let path = PathBuf::from(path);
            let failed = |error| TapeError::io(path.display(), error);
            let busy = || TapeError::held(base, &path);
            for _ in 0..ATTEMPTS {
                let Some(file) = open(&path).map_err(failed)? else { continue };
                lock(&file, &path).map_err(|error| if error.is_busy() { busy() } else { error })?;
                // It may have been removed between opening and locking.
                if is_at(&file, &path) {
                    return Ok(Self { path, file });
                }
            }
            Err(busy())
        }
    }

    impl Drop for Hold {
        /// Before the lock is given back, so that nobody has it who sees the file there.
        fn drop(&mut self) {
            if is_at(&self.file, &self.path) {
                let _ = fs::remove_file(&self.path);
            }
            unlock(&self.file);
        }
    }

    /// The file, made where there is none; `None` if it came or went meanwhile.
    fn open(path: &Path) -> io::Result<Option<File>> {
        let opened = match file::append(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => file::create_new(path),
            opened => opened,
        };
        match opened {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(None),
            Ok(file) if file.metadata()?.len() > 0 => {
                let why = "it is no lock of a tape, for something stands in it";
                Err(io::Error::new(ErrorKind::AlreadyExists, why))
            }
            opened => opened.map(Some),
        }
    }

    fn is_at(file: &File, path: &Path) -> bool {
        let (Ok(ours), Ok(there)) = (file.metadata(), fs::symlink_metadata(path)) else { return false };
        (ours.dev(), ours.ino()) == (there.dev(), there.ino())
    }

    #[cfg(test)]
    mod tests {
        use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

        use super::*;

        #[test]
        fn of_many_that_take_it_and_give_it_back_one_has_it_at_a_time() {
            let base = std::env::temp_dir().join(format!("shadowcat-hold-{}", std::process::id()));
            let (is_held, taken) = (AtomicBool::new(false), AtomicU32::new(0));
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        while taken.load(Ordering::Relaxed) < 1_000 {
                            match Hold::take(&base) {
                                Ok(hold) => {
                                    assert!(!is_held.swap(true, Ordering::SeqCst), "two have it");
                                    taken.fetch_add(1, Ordering::Relaxed);
                                    std::thread::yield_now();
                                    is_held.store(false, Ordering::SeqCst);
                                    drop(hold);
                                }
                                Err(error) => assert!(error.is_busy(), "{error}"),
                            }
                        }
                    });
                }
            });
            assert!(!base.with_extension("lock").exists());
        }
    }
}

#[cfg(not(unix))]
mod unlocked {
    use std::path::Path;

    use crate::tape::TapeError;

    /// Files are locked on Unix only.
    #[derive(Debug)]
    pub(in crate::tape::rotating) struct Hold;

    impl Hold {
        #[allow(clippy::unnecessary_wraps, reason = "on Unix it may be held")]
        pub(in crate::tape::rotating) fn take(_: &Path) -> Result<Self, TapeError> {
            Ok(Self)
        }
    }
}
