//! The file of a log: opened so that nobody else can have put it there, and followed by the next.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, OFlags, flock};

use super::error::{OpenError, Why};

/// A file that this process alone appends to.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    size: u64,
    since: SystemTime,
    /// It has its number already, and the next file is not there yet.
    is_aside: bool,
}

impl LogFile {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let at = |why: Why| OpenError::new(path, why);
        let file = match create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => existing(path).map_err(at)?,
            made => made.map_err(Into::into).map_err(at)?,
        };
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|_| at(Why::Busy))?;
        // It may have been put aside between opening and locking.
        let named = fs::symlink_metadata(path).map_err(Into::into).map_err(at)?;
        let known = check(&file).map_err(at)?;
        if (named.dev(), named.ino()) != (known.dev(), known.ino()) {
            return Err(at(Why::Busy));
        }
        let since = known.created().unwrap_or_else(|_| SystemTime::now());
        Ok(Self { path: path.to_owned(), file, size: known.len(), since, is_aside: false })
    }

    /// The last bytes of it, at most so many, and where they begin.
    pub(super) fn end(&mut self, most: u64) -> io::Result<(u64, Vec<u8>)> {
        let start = self.size.saturating_sub(most);
        let mut end = Vec::new();
        self.file.seek(SeekFrom::Start(start))?;
        (&self.file).take(most).read_to_end(&mut end)?;
        Ok((start, end))
    }

    /// It is large enough, or old enough, that what comes next belongs into another.
    pub(super) fn is_full(&self, more: u64, max_bytes: u64, max_age: Option<Duration>) -> bool {
        let is_old = |most| self.since.elapsed().is_ok_and(|age| age >= most);
        self.size > 0 && (self.size.saturating_add(more) > max_bytes || max_age.is_some_and(is_old))
    }

    /// Puts it aside under the next number, and begins a new one in its place. Its number.
    pub(super) fn follow(&mut self) -> io::Result<u64> {
        let number = match (newest(&self.path)?, self.is_aside) {
            (number, true) => number,
            (number, false) => number + 1,
        };
        if !self.is_aside {
            self.file.sync_all()?;
            let aside = numbered(&self.path, number);
            if fs::symlink_metadata(&aside).is_ok() {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "the name of the full file is taken",
                ));
            }
            fs::rename(&self.path, aside)?;
            self.is_aside = true;
        }
        let file = create(&self.path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        (self.file, self.size, self.since, self.is_aside) = (file, 0, SystemTime::now(), false);
        self.sync_folder()?;
        Ok(number)
    }

    /// Removes all but so many of the full files; how many.
    pub(super) fn keep(&self, files: usize) -> io::Result<usize> {
        let mut numbers = numbers(&self.path)?;
        numbers.sort_unstable();
        let old = &numbers[..numbers.len().saturating_sub(files)];
        old.iter().try_for_each(|number| fs::remove_file(numbered(&self.path, *number)))?;
        Ok(old.len())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// A new name outlives a loss of power with its folder only.
    pub(super) fn sync_folder(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
    }
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The full file before the one at `path`, to read.
pub(super) fn before(path: &Path) -> Result<Option<(PathBuf, File)>, OpenError> {
    let number = newest(path).map_err(|error| OpenError::new(path, error))?;
    if number == 0 {
        return Ok(None);
    }
    let path = numbered(path, number);
    let file = existing(&path).map_err(|why| OpenError::new(&path, why))?;
    Ok(Some((path, file)))
}

/// The last bytes of a file.
pub(super) fn end_of(file: &mut File, most: u64) -> io::Result<(u64, Vec<u8>)> {
    let size = file.metadata()?.len();
    let start = size.saturating_sub(most);
    let mut end = Vec::new();
    file.seek(SeekFrom::Start(start))?;
    file.take(most).read_to_end(&mut end)?;
    Ok((start, end))
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    // A pipe in its place would be waited for.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
    options.read(true).append(true).custom_flags(flags.cast_signed()).mode(0o600);
    options
}

fn create(path: &Path) -> io::Result<File> {
    let file = options().create_new(true).open(path)?;
    // Whatever mask the process has.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

fn existing(path: &Path) -> Result<File, Why> {
    let file = options().open(path)?;
    check(&file)?;
    Ok(file)
}

fn check(file: &File) -> Result<Metadata, Why> {
    let known = file.metadata()?;
    let mode = known.mode() & 0o7777;
    match () {
        () if !known.is_file() => Err(Why::NoFile),
        () if known.uid() != rustix::process::geteuid().as_raw() => Err(Why::Foreign),
        () if known.nlink() != 1 => Err(Why::Linked),
        () if mode != 0o600 => Err(Why::Mode(mode)),
        () => Ok(known),
    }
}

pub(super) fn numbered(path: &Path, number: u64) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number:06}"));
    name.into()
}

fn newest(path: &Path) -> io::Result<u64> {
    Ok(numbers(path)?.into_iter().max().unwrap_or(0))
}

/// Of the full files beside the one at `path`.
pub(super) fn numbers(path: &Path) -> io::Result<Vec<u64>> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = path.file_name() else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let other = entry?.file_name();
        let digits = other.as_encoded_bytes().strip_prefix(name.as_encoded_bytes());
        let digits = digits.and_then(|rest| rest.strip_prefix(b".")).filter(|digits| digits.len() >= 6);
        let number = digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        found.extend(number.filter(|number| numbered(name.as_ref(), *number) == Path::new(&other)));
    }
    Ok(found)
}
