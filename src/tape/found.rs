//! Opening a file of which it is not yet known what it is.
//!
//! The POSIX locks by which SQLite keeps others out belong to the process: closing *any* descriptor of a file drops them
//! all, those of a tape that is being written too. SQLite keeps account of its own descriptors, not of ours. So what may
//! be a database in use is opened by SQLite alone, also only to look at it; what cannot be one says by its first bytes
//! what it is.

use std::fs::{File, Metadata};
use std::io::{self, Seek};
use std::path::Path;

use super::TapeError;
use crate::file;

/// What the first bytes of a database say.
pub(super) const DATABASE: &[u8] = b"SQLite format 3\0";

/// The application and the version that a database names.
pub(super) type Mark = (u32, u32);

/// A file that may be read, and was looked at.
pub(super) enum Found {
    File(File),
    /// Only SQLite opens it.
    Database(#[cfg_attr(not(feature = "sqlite"), allow(dead_code, reason = "nobody asks"))] Mark),
}

impl Found {
    pub(super) fn read(path: &Path) -> Result<Self, TapeError> {
        Self::open(path, file::facts, file::read)
    }

    fn open(
        path: &Path,
        facts: fn(&Path) -> io::Result<Metadata>,
        open: fn(&Path) -> io::Result<File>,
    ) -> Result<Self, TapeError> {
        let failed = |error| TapeError::io(path.display(), error);
        if is_empty(path) {
            facts(path).map_err(failed)?;
            return Err(TapeError::foreign(path, "it is empty"));
        }
        let found = match look(path, open) {
            Ok(Self::Database(mark)) => facts(path).map(|_| Self::Database(mark)),
            found => found,
        };
        found.map_err(failed)
    }

    /// Whether it is a file of ours: what others own or may read or write is none.
    pub(super) fn private(&self, path: &Path) -> io::Result<()> {
        match self {
            Self::File(file) => file::private(&file.metadata()?),
            Self::Database(_) => file::private_facts(path).map(|_| ()),
        }
    }

    /// To be opened once more, when the first is done with.
    pub(super) fn again(&self) -> io::Result<Self> {
        match self {
            Self::File(file) => file.try_clone().map(Self::File),
            Self::Database(mark) => Ok(Self::Database(*mark)),
        }
    }

    /// Where nothing but a database is looked for.
    #[cfg(feature = "sqlite")]
    pub(super) fn database(self, path: &Path) -> Result<Mark, TapeError> {
        match self {
            Self::Database(mark) => Ok(mark),
            Self::File(_) => Err(TapeError::foreign(path, "it is no SQLite database")),
        }
    }

    /// Where a database is none of what is looked for.
    pub(super) fn file(self, path: &Path) -> Result<File, TapeError> {
        match self {
            Self::File(file) => Ok(file),
            Self::Database(_) => Err(TapeError::foreign(path, "it is an SQLite database")),
        }
    }
}

/// Opens what is no database to read.
pub(crate) fn read(path: &Path) -> Result<File, TapeError> {
    Found::read(path)?.file(path)
}

/// Opens a file of ours that is no database to append to.
pub(super) fn append(path: &Path) -> Result<File, TapeError> {
    Found::open(path, file::private_facts, file::append)?.file(path)
}

/// And one that is empty: of a name that no database is given.
pub(super) fn append_or_empty(path: &Path) -> Result<File, TapeError> {
    if is_empty(path) {
        return file::append(path).map_err(|error| TapeError::io(path.display(), error));
    }
    append(path)
}

/// It is no tape, or becomes one just now: SQLite may have it open to make its tables in it.
fn is_empty(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|facts| facts.is_file() && facts.len() == 0)
}

/// SQLite is asked about what may be in use, before it is opened by ourselves, and about what says that it is a database.
#[cfg(feature = "sqlite")]
fn look(path: &Path, open: fn(&Path) -> io::Result<File>) -> io::Result<Found> {
    use super::sqlite::{mark, may_be_in_use};
    let in_use = if may_be_in_use(path) { mark(path)? } else { None };
    if let Some(mark) = in_use {
        return Ok(Found::Database(mark));
    }
    let file = open(path)?;
    let mark = if begins(&file, DATABASE)? { mark(path)? } else { None };
    Ok(mark.map_or(Found::File(file), Found::Database))
}

/// Without SQLite, nothing in this crate has such locks.
#[cfg(not(feature = "sqlite"))]
fn look(path: &Path, open: fn(&Path) -> io::Result<File>) -> io::Result<Found> {
    open(path).map(Found::File)
}

/// Whether these are its first bytes. It is at its beginning again afterwards.
#[cfg(feature = "sqlite")]
fn begins(file: &File, with: &[u8]) -> io::Result<bool> {
    use io::Read;
    let mut first = Vec::new();
    file.take(with.len() as u64).read_to_end(&mut first)?;
    rewind(file)?;
    Ok(first == with)
}

/// Whoever has it too finds it at its beginning.
pub(super) fn rewind(mut file: &File) -> io::Result<()> {
    file.rewind()
}

#[cfg(test)]
#[cfg(feature = "sqlite")]
mod tests {
    use std::fs;

    use super::*;
    use crate::key::Key;
    use crate::tape::sqlite::{self, LOOKS};
    use crate::tape::{OpenOptions, Sink, Tape, TapeId, import, json, lines, list_with, open};

    /// How often SQLite is asked what a file is while this is done.
    fn looks(work: impl FnOnce()) -> u32 {
        LOOKS.set(0);
        work();
        LOOKS.get()
    }

    /// A folder with one file.
    fn folder(name: &str, bytes: &[u8]) -> (std::path::PathBuf, std::path::PathBuf) {
        let folder = std::env::temp_dir().join(format!("shadowcat-found-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("file");
        fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    /// A document of so many bytes.
    fn document(length: usize) -> Vec<u8> {
        let (folder, path) = folder(&format!("document-{length}"), b"");
        fs::remove_file(&path).unwrap();
        let tape = Tape::of(TapeId::from_text("t"), std::time::SystemTime::UNIX_EPOCH);
        json::Writer::create(&path, &tape).unwrap().finish().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        fs::remove_dir_all(folder).unwrap();
        assert!(bytes.len() <= length);
        bytes.resize(length, b' ');
        bytes
    }

    #[test]
    fn what_cannot_be_a_database_in_use_is_opened_without_sqlite() {
        let (folder, path) = folder("text", &document(513));
        assert_eq!(looks(|| assert_eq!(open(&path).unwrap().count(), 0)), 0);
        assert_eq!(looks(|| assert_eq!(json::Reader::open(&path).unwrap().count(), 0)), 0);
        assert_eq!(looks(|| assert_eq!(import::open(&path).unwrap().count(), 0)), 0);
        assert_eq!(looks(|| assert!(lines::Reader::open(&path).is_err())), 0);
        // As it would be if somebody wrote to it.
        fs::write(folder.join("file-wal"), "").unwrap();
        assert_eq!(looks(|| assert_eq!(open(&path).unwrap().count(), 0)), 1);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_file_is_looked_at_once_whatever_is_in_it_and_whatever_is_asked() {
        let log = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}}\n{}", " ".repeat(512));
        for (name, bytes) in [
            ("tape", document(512)),
            ("log", log.into_bytes()[..512].to_vec()),
            ("garbage", vec![b'x'; 1024]),
        ] {
            let (folder, path) = folder(name, &bytes);
            assert_eq!(looks(|| drop(import::open(&path))), 1, "{name}");
            assert_eq!(looks(|| drop(open(&path))), 1, "{name}");
            for options in [OpenOptions::new(), OpenOptions::new().chain(Key::new([7; 32]))] {
                let listed = || list_with(&folder, &options).unwrap().count();
                let expected = usize::from(name == "tape");
                assert_eq!(looks(|| assert_eq!(listed(), expected, "{name}")), 1, "{name}");
            }
            fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn what_is_empty_is_not_opened_and_a_database_is_asked_once() {
        let (folder, path) = folder("empty", b"");
        let opened = [
            open(&path).err(),
            lines::Reader::open(&path).err(),
            json::Reader::open(&path).err(),
            sqlite::Reader::open(&path).err(),
            import::open(&path).err(),
        ];
        for error in opened.map(Option::unwrap) {
            assert!(error.is_foreign() && error.to_string().ends_with("no tape: it is empty"), "{error}");
        }
        assert_eq!(list_with(&folder, &OpenOptions::new()).unwrap().count(), 0);
        fs::remove_file(&path).unwrap();
        let tape = Tape::new().unwrap();
        sqlite::Writer::create(&path, &tape).unwrap().finish().unwrap();
        let options = OpenOptions::new();
        assert_eq!(looks(|| drop(sqlite::Reader::open(&path).unwrap())), 1);
        assert_eq!(looks(|| drop(sqlite::Reader::open_with(&path, &options).unwrap())), 1);
        assert_eq!(looks(|| drop(sqlite::Reader::open_tape(&path, &tape.id).unwrap())), 1);
        assert_eq!(looks(|| drop(open(&path).unwrap())), 1);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn what_says_that_it_is_a_database_is_one_however_long_it_is() {
        let (folder, path) = folder("database", b"");
        fs::remove_file(&path).unwrap();
        sqlite::Writer::create(&path, &Tape::new().unwrap()).unwrap().finish().unwrap();
        let whole = fs::read(&path).unwrap();
        let cut = whole.len() - 7;
        for (bytes, is_one) in
            [(&whole[..], true), (&whole[..cut], true), (&whole[..101], true), (&whole[..99], false)]
        {
            fs::write(&path, bytes).unwrap();
            let found = Found::read(&path).unwrap();
            assert_eq!(matches!(found, Found::Database(_)), is_one, "{}", bytes.len());
        }
        fs::write(&path, [DATABASE, &[b'x'; 997]].concat()).unwrap();
        assert!(matches!(Found::read(&path).unwrap(), Found::File(_)), "it only says so");
        fs::remove_dir_all(folder).unwrap();
    }
}
