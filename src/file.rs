//! Files that are only ours: nobody else reads them, and nobody leads us to another by a link.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

const LINK: &str = "it is a symbolic link; name the file itself";

/// Makes a file that only its owner may read and write.
///
/// # Errors
///
/// There is something of that name, a link included.
pub(crate) fn create_new(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// Opens a regular file to read. A link is not followed, and nothing that blocks is waited for.
pub(crate) fn read(path: &Path) -> io::Result<File> {
    open(path, OpenOptions::new().read(true)).map(|(file, _)| file)
}

/// Opens a file of ours to append to: what others own or may read or write is none.
pub(crate) fn append(path: &Path) -> io::Result<File> {
    let (file, facts) = open(path, OpenOptions::new().read(true).append(true))?;
    private(&facts)?;
    Ok(file)
}

/// What is known of a regular file that is not opened. A link is not followed.
pub(crate) fn facts(path: &Path) -> io::Result<Metadata> {
    let facts = std::fs::symlink_metadata(path)?;
    if facts.is_symlink() { Err(refused(LINK)) } else { regular(facts) }
}

/// What is known of a file of ours that is not opened: what others own or may read or write is none.
pub(crate) fn private_facts(path: &Path) -> io::Result<Metadata> {
    let facts = facts(path)?;
    private(&facts)?;
    Ok(facts)
}

/// Why the system would not open a file, if it would not.
#[cfg(all(feature = "sqlite", unix))]
pub(crate) fn denied(path: &Path, to_write: bool) -> Option<io::Error> {
    use rustix::fs::{Access, access};
    let wanted = if to_write { Access::READ_OK | Access::WRITE_OK } else { Access::READ_OK };
    access(path, wanted).err().map(Into::into)
}

#[cfg(all(feature = "sqlite", not(unix)))]
pub(crate) fn denied(path: &Path, to_write: bool) -> Option<io::Error> {
    OpenOptions::new().read(true).write(to_write).open(path).err()
}

/// A regular file, and what is known of it.
fn open(path: &Path, options: &mut OpenOptions) -> io::Result<(File, Metadata)> {
    #[cfg(unix)]
    {
        use rustix::fs::OFlags;
        // Without NONBLOCK, a pipe would be waited for.
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        std::os::unix::fs::OpenOptionsExt::custom_flags(options, flags.cast_signed());
    }
    let file = options.open(path).map_err(|error| explained(path, error))?;
    let facts = regular(file.metadata()?)?;
    Ok((file, facts))
}

fn regular(facts: Metadata) -> io::Result<Metadata> {
    if !facts.is_file() {
        return Err(refused(if facts.is_dir() { "it is a directory" } else { "it is no regular file" }));
    }
    Ok(facts)
}

/// "Too many levels of symbolic links" is what NOFOLLOW says.
fn explained(path: &Path, error: io::Error) -> io::Error {
    match std::fs::symlink_metadata(path) {
        Ok(facts) if facts.is_symlink() => refused(LINK),
        Ok(facts) if facts.is_dir() => refused("it is a directory"),
        _ => error,
    }
}

/// Whether these are of a file of ours: what others own or may read or write is none.
#[cfg(unix)]
pub(crate) fn private(facts: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    if facts.uid() != rustix::process::geteuid().as_raw() {
        return Err(refused("it belongs to another user"));
    }
    if facts.mode() & 0o077 != 0 {
        return Err(refused("others may read or write it; its mode must be 0600"));
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn private(_: &Metadata) -> io::Result<()> {
    Ok(())
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}
