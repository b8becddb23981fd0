//! The text of a file, however it is packed.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take};
use std::path::Path;

#[cfg(feature = "encryption")]
use super::unseal::{End, Unseal};
#[cfg(feature = "zstd")]
use super::unzip::Unzip;
use super::{ZSTD, begins_sealed};
use crate::key::Key;
use crate::tape::TapeError;

/// A file, or the part of it that is whole.
type Bytes = BufReader<Take<File>>;

/// The text of a file.
#[derive(Debug)]
pub(in crate::tape) enum Input {
    Plain(Bytes),
    #[cfg(feature = "zstd")]
    Zipped(Box<Unzip<Bytes>>),
    #[cfg(feature = "encryption")]
    Sealed(Box<Unseal<Bytes>>),
    #[cfg(all(feature = "zstd", feature = "encryption"))]
    SealedZipped(Box<Unzip<Unseal<Bytes>>>),
}

/// How a file ends, to go on with it.
#[derive(Debug)]
pub(in crate::tape) struct Ending {
    /// Where whole pieces end; of plain text, the file.
    pub(in crate::tape) whole: u64,
    pub(in crate::tape) is_zipped: bool,
    #[cfg(feature = "encryption")]
    pub(in crate::tape) sealed: Option<End>,
}

impl Ending {
    pub(in crate::tape) fn is_sealed(&self) -> bool {
        #[cfg(feature = "encryption")]
        return self.sealed.is_some();
        #[cfg(not(feature = "encryption"))]
        false
    }

    /// Whether the file is anything but text.
    pub(in crate::tape) fn is_packed(&self) -> bool {
        self.is_zipped || self.is_sealed()
    }
}

impl Input {
    /// From the beginning, up to so many bytes of the file.
    pub(in crate::tape) fn open(
        mut file: File,
        path: &Path,
        key: Option<&Key>,
        upto: u64,
    ) -> Result<Self, TapeError> {
        let failed = |error| TapeError::io(path.display(), error);
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        let mut input = BufReader::with_capacity(64 << 10, file.take(upto));
        let beginning = input.fill_buf().map_err(failed)?;
        if beginning.starts_with(ZSTD) {
            return zipped(input, path);
        }
        if begins_sealed(beginning) {
            return sealed(input, path, key);
        }
        Ok(Self::Plain(input))
    }

    /// Only with its key it can be read, and changed: then its end is told, or missing.
    pub(in crate::tape) fn is_sealed(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            #[cfg(feature = "zstd")]
            Self::Zipped(_) => false,
            #[cfg(feature = "encryption")]
            Self::Sealed(_) => true,
            #[cfg(all(feature = "zstd", feature = "encryption"))]
            Self::SealedZipped(_) => true,
        }
    }

    fn get_mut(&mut self) -> &mut dyn BufRead {
        match self {
            Self::Plain(input) => input,
            #[cfg(feature = "zstd")]
            Self::Zipped(input) => input,
            #[cfg(feature = "encryption")]
            Self::Sealed(input) => input,
            #[cfg(all(feature = "zstd", feature = "encryption"))]
            Self::SealedZipped(input) => input,
        }
    }

    fn ending(&self, length: u64) -> Ending {
        let plain = Ending {
            whole: length,
            is_zipped: false,
            #[cfg(feature = "encryption")]
            sealed: None,
        };
        match self {
            Self::Plain(_) => plain,
            #[cfg(feature = "zstd")]
            Self::Zipped(input) => Ending { whole: input.whole(), is_zipped: true, ..plain },
            #[cfg(feature = "encryption")]
            Self::Sealed(input) => Ending { whole: input.whole(), sealed: Some(input.end()), ..plain },
            #[cfg(all(feature = "zstd", feature = "encryption"))]
            Self::SealedZipped(input) => Ending {
                whole: input.get_ref().whole(),
                is_zipped: true,
                sealed: Some(input.get_ref().end()),
            },
        }
    }
}

/// Goes through a packed file to see where it ends.
pub(in crate::tape) fn ending(file: &File, path: &Path, key: Option<&Key>) -> Result<Ending, TapeError> {
    let failed = |error| TapeError::io(path.display(), error);
    let copy = file.try_clone().map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    let mut input = Input::open(copy, path, key, length)?;
    if matches!(input, Input::Plain(_)) {
        return Ok(input.ending(length));
    }
    match io::copy(&mut input, &mut io::sink()) {
        Err(error) if !is_torn(&error) => Err(TapeError::reading(path, error)),
        _ => Ok(input.ending(length)),
    }
}

#[cfg(feature = "zstd")]
fn zipped(input: Bytes, path: &Path) -> Result<Input, TapeError> {
    let input = Unzip::new(input).map_err(|error| TapeError::io(path.display(), error))?;
    Ok(Input::Zipped(Box::new(input)))
}

#[cfg(not(feature = "zstd"))]
fn zipped(_: Bytes, path: &Path) -> Result<Input, TapeError> {
    Err(TapeError::version(path, "a compressed tape needs the feature `zstd` of shadowcat"))
}

#[cfg(feature = "encryption")]
fn sealed(input: Bytes, path: &Path, key: Option<&Key>) -> Result<Input, TapeError> {
    let input = Unseal::open(input, path, key)?;
    if !input.is_zstd() {
        return Ok(Input::Sealed(Box::new(input)));
    }
    #[cfg(feature = "zstd")]
    {
        let input = Unzip::new(input).map_err(|error| TapeError::io(path.display(), error))?;
        Ok(Input::SealedZipped(Box::new(input)))
    }
    #[cfg(not(feature = "zstd"))]
    Err(TapeError::version(path, "a compressed tape needs the feature `zstd` of shadowcat"))
}

#[cfg(not(feature = "encryption"))]
fn sealed(_: Bytes, path: &Path, _: Option<&Key>) -> Result<Input, TapeError> {
    Err(TapeError::version(path, "an encrypted tape needs the feature `encryption` of shadowcat"))
}

impl BufRead for Input {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.get_mut().fill_buf()
    }

    fn consume(&mut self, bytes: usize) {
        self.get_mut().consume(bytes);
    }
}

impl Read for Input {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.get_mut().read(out)
    }
}

/// Reads by way of the buffer.
#[cfg(any(feature = "zstd", feature = "encryption"))]
pub(super) fn read_from(input: &mut impl BufRead, mut out: &mut [u8]) -> io::Result<usize> {
    let ready = input.fill_buf()?;
    let read = ready.len().min(out.len());
    io::Write::write_all(&mut out, &ready[..read])?;
    input.consume(read);
    Ok(read)
}

/// The file ends in the middle of a piece.
#[cfg(any(feature = "zstd", feature = "encryption"))]
pub(super) fn torn(place: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, place)
}

#[cfg(any(feature = "zstd", feature = "encryption"))]
pub(super) fn damaged(why: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why.to_string())
}

/// By its kind: no file fails so.
pub(in crate::tape) fn is_torn(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
}
