//! Rules that are read again when their file changes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::Rules;
use crate::error::{BoxError, Error};
use crate::rules::RuleSet;

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

impl Rules {
    /// Reads the rules again with `read` whenever the file at `path` has another content, as soon as nothing more is
    /// written to it for 100 ms. A bad file keeps the rules, and the [status](Self::status) says what is wrong.
    ///
    /// The folder of the file is watched, so that one that is put in its place counts too.
    ///
    /// ```no_run
    /// # use shadowcat::layer::rules::Rules;
    /// # use shadowcat::rules::RuleSet;
    /// # fn example(rules: Rules, parse: fn(&[u8]) -> Result<RuleSet, shadowcat::BoxError>) -> Result<(), shadowcat::Error> {
    /// let watching = rules.watch_with("rules.yaml", move |content| parse(content))?;
    /// # drop(watching); Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with time enabled.
    ///
    /// # Errors
    ///
    /// The folder cannot be watched.
    pub fn watch_with<E: Into<BoxError> + 'static>(
        &self,
        path: impl AsRef<Path>,
        read: impl Fn(&[u8]) -> Result<RuleSet, E> + Send + 'static,
    ) -> Result<Watching, Error> {
        let path = path.as_ref().to_owned();
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
        let task = tokio::spawn(follow(self.clone(), path, known, told, read));
        Ok(Watching { _watcher: watcher, task })
    }
}

fn watch_failed(path: &Path, error: notify::Error) -> Error {
    Error::io(format_args!("watching {}", path.display()), std::io::Error::other(error))
}

async fn follow<E: Into<BoxError>>(
    rules: Rules,
    path: PathBuf,
    mut known: Option<[u8; 32]>,
    mut told: mpsc::Receiver<()>,
    read: impl Fn(&[u8]) -> Result<RuleSet, E> + Send + 'static,
) {
    while told.recv().await.is_some() {
        let latest = Instant::now() + LONGEST;
        while let Ok(Ok(Some(()))) = timeout_at(latest, timeout(QUIET, told.recv())).await {}
        let from = path.clone();
        let Ok(content) = tokio::task::spawn_blocking(move || std::fs::read(from)).await else { return };
        let digest = content.as_ref().ok().map(|content| Sha256::digest(content).into());
        if digest == known {
            continue;
        }
        known = digest;
        let set =
            || read(&content.map_err(|error| Error::io("reading the rules", error))?).map_err(Into::into);
        let _ = rules.reload::<BoxError>(set); // the status says it
    }
}

fn digest(path: &Path) -> Option<[u8; 32]> {
    std::fs::read(path).ok().map(|content| Sha256::digest(content).into())
}
