//! What to do about a file that cannot be opened, made or written.

use std::fs::{self, Metadata};
use std::io::{Error, ErrorKind};
use std::path::Path;

/// The end of a sentence that has told what and where; empty where there is nothing to advise.
pub(super) fn advice(place: &Path, error: &Error) -> String {
    match error.kind() {
        ErrorKind::AlreadyExists => "; name another file, or remove it".to_owned(),
        ErrorKind::NotFound if folder(place).is_dir() => {
            "; `tape::list` tells what tapes there are in its folder".to_owned()
        }
        ErrorKind::NotFound => format!("; there is no folder {}, make it first", folder(place).display()),
        ErrorKind::PermissionDenied => whose(place),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            "; make room, and try again".to_owned()
        }
        ErrorKind::ReadOnlyFilesystem => "; name a file on a disk that can be written to".to_owned(),
        _ if place.is_dir() => "; name a file: `tape::list` tells what tapes there are in it".to_owned(),
        _ => String::new(),
    }
}

fn folder(place: &Path) -> &Path {
    place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The file, or the folder where there is no file yet or it cannot be looked into.
fn whose(place: &Path) -> String {
    let file = fs::symlink_metadata(place).map(|facts| ("it", facts));
    let found = file.or_else(|_| fs::symlink_metadata(folder(place)).map(|facts| ("its folder", facts)));
    let Ok((what, facts)) = found else { return String::new() };
    format!("; {what} {}: open it as one who may, or have that changed", owned(&facts))
}

#[cfg(unix)]
fn owned(facts: &Metadata) -> String {
    use std::os::unix::fs::MetadataExt;
    format!("belongs to user {} and has mode {:04o}", facts.uid(), facts.mode() & 0o7777)
}

#[cfg(not(unix))]
fn owned(facts: &Metadata) -> String {
    format!("is {}", if facts.permissions().readonly() { "read-only" } else { "not for this user" })
}
