//! Files that are whole, and that only their owner reads.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::lock_read::MAX_BYTES;

pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no file"));
    }
    let mut text = Vec::new();
    file.take(MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
    match text.len() > MAX_BYTES {
        true => Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 64 MiB")),
        false => Ok(text),
    }
}

/// Beside it first, and then renamed: whoever reads sees the one before or this one.
pub(super) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let beside = Beside::new(path)?;
    let mut file = beside.create()?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&beside.0, path)?;
    #[cfg(unix)]
    if let Some(folder) = beside.0.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// A file of our own, gone if it is not renamed.
struct Beside(PathBuf);

impl Beside {
    fn new(path: &Path) -> io::Result<Self> {
        let no_name = || io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().ok_or_else(no_name)?);
        name.push(format!(".{:016x}", getrandom::u64().map_err(io::Error::other)?));
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok(Self(folder.unwrap_or(Path::new(".")).join(name)))
    }

    /// One that was there, or a link, is not opened.
    fn create(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&self.0)
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        _ = fs::remove_file(&self.0);
    }
}
