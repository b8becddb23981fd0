//! Files that are read again when they change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::Error;

/// A file that is written in several steps is read after so much silence …
const QUIET: Duration = Duration::from_millis(100);
/// … or after this long.
const LONGEST: Duration = Duration::from_secs(2);

/// A file is watched until this is dropped.
#[derive(Debug)]
#[must_use = "the file is watched until this is dropped"]
pub struct Watching {
    _watcher: RecommendedWatcher,
    task: JoinHandle<()>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads again whenever the file at `path` has another content, or cannot be read any more, as soon as nothing more is
/// written to it for 100 ms.
///
/// The folder of the file is watched, so that a file that is put in its place counts too. What is in the file when this
/// is called is not read.
///
/// # Panics
///
/// Outside a tokio runtime with time enabled.
///
/// # Errors
///
/// The folder cannot be watched.
pub(in crate::layer) fn watch(
    path: &Path,
    read: impl Fn() + Send + Sync + 'static,
) -> Result<Watching, Error> {
    let path = path.to_owned();
    let (tell, told) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Reading the file is no change; one note that waits is as good as many.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            let _ = tell.try_send(());
        }
    })
    .map_err(|error| watch_failed(&path, error))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    watcher.watch(folder, RecursiveMode::NonRecursive).map_err(|error| watch_failed(&path, error))?;
    let known = digest(&path);
    let task = tokio::spawn(follow(Arc::new(read), path, known, told));
    Ok(Watching { _watcher: watcher, task })
}

fn watch_failed(path: &Path, error: notify::Error) -> Error {
    Error::io(format_args!("watching {}", path.display()), std::io::Error::other(error))
}

async fn follow(
    again: Arc<dyn Fn() + Send + Sync>,
    path: PathBuf,
    mut known: Content,
    mut told: mpsc::Receiver<()>,
) {
    while told.recv().await.is_some() {
        let latest = Instant::now() + LONGEST;
        while let Ok(Ok(Some(()))) = timeout_at(latest, timeout(QUIET, told.recv())).await {}
        let (again, path) = (again.clone(), path.clone());
        let read = tokio::task::spawn_blocking(move || {
            // Before it is read: what is written meanwhile is another content, and told again.
            let now = digest(&path);
            if now != known {
                again();
            }
            now
        });
        let Ok(now) = read.await else { return };
        known = now;
    }
}

/// None where there is no file.
type Content = Option<[u8; 32]>;

fn digest(path: &Path) -> Content {
    std::fs::read(path).ok().map(|content| Sha256::digest(content).into())
}
