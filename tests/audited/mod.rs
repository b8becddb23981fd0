//! What the tests of the audit log need: a folder of their own, and a log with some records in it.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use shadowcat::audit::{Findings, OpenError, Options, Record, Verifier, Writer};

/// A folder that is gone with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("shadowcat-audit-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("audit.jsonl")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The files of the log, the oldest first.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.to_string_lossy().contains("audit.jsonl"));
        files.sort_by_key(|path| (path.extension().is_some_and(|ext| ext == "jsonl"), path.clone()));
        files
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Opens the log, adds notes, and waits until they are written and nobody has the file any more.
pub(crate) async fn add(path: &Path, options: Options, notes: impl IntoIterator<Item = String>) {
    let log = open(path, options).await;
    for note in notes {
        log.record(Record::note(&note));
    }
    log.flushed().await;
}

pub(crate) async fn open(path: &Path, options: Options) -> Writer {
    try_open(path, options).await.unwrap()
}

/// The thread of a log that was dropped lets go of the file when it ends: nobody is told of it.
pub(crate) async fn try_open(path: &Path, options: Options) -> Result<Writer, OpenError> {
    loop {
        match Writer::open(path, options.clone()) {
            Err(error) if error.is_busy() => tokio::task::yield_now().await,
            opened => return opened,
        }
    }
}

pub(crate) fn notes(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|note| format!("note {note}"))
}

pub(crate) fn verify(paths: impl IntoIterator<Item = impl AsRef<Path>>) -> Findings {
    Verifier::new().verify(paths).unwrap()
}

/// A record whose member is this.
pub(crate) fn lines(path: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
