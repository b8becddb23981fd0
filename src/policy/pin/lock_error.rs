//! Why a lock file is none.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::rules::Location;

/// A lock file that cannot be read or written. Nothing of it holds: who pins by it starts with nothing, or not at all.
#[derive(Clone, Debug)]
pub struct LockError {
    file: String,
    at: Option<Location>,
    what: String,
    source: Option<Arc<io::Error>>,
}

impl LockError {
    pub(super) fn malformed(file: &str, at: Option<Location>, what: impl fmt::Display) -> Self {
        Self { file: file.to_owned(), at, what: what.to_string(), source: None }
    }

    pub(super) fn io(file: &str, doing: &str, error: io::Error) -> Self {
        let what = format!("{doing}: {error}");
        Self { file: file.to_owned(), at: None, what, source: Some(Arc::new(error)) }
    }

    /// Where in the file; nowhere, where it could not be read at all.
    pub fn location(&self) -> Option<Location> {
        self.at
    }

    /// Whether there is no such file: the usual case before the first lock.
    pub fn is_missing(&self) -> bool {
        self.source.as_ref().is_some_and(|error| error.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(at) = self.at {
            write!(f, ":{}:{}", at.line, at.column)?;
        }
        write!(f, ": {}", self.what)
    }
}

impl std::error::Error for LockError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|error| &**error as _)
    }
}
