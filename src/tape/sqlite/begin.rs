//! Beginning a tape, and going on with one.

use std::io;
use std::path::Path;

use rusqlite::{Connection, ErrorCode};

use super::failed::failed;
use super::find;
use super::guard::Guard;
use super::insert::add;
use super::known::Known;
use super::open::{self, For, to_wal};
use super::options::Options;
use super::writer::Writer;
use crate::tape::rotating::Before;
use crate::tape::{Tape, TapeError, TapeId, name};

/// Bytes of the log of a writer, about, until it is written back into the file: at each time the disk is waited for, and the
/// traffic feels it.
const LOG: u32 = 16 << 20;

impl Writer {
    /// Makes the file, with mode 0600, and a tape in it.
    ///
    /// # Errors
    ///
    /// It exists, or cannot be made.
    pub fn create(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        Self::create_with(path, tape, &Options::new())
    }

    /// Makes the file, and a tape in it that is sealed and bound as the options say.
    ///
    /// ```
    /// # #[cfg(feature = "encryption")] {
    /// use shadowcat::tape::{Key, OpenOptions, Sink, Tape, sqlite};
    ///
    /// # let path = std::env::temp_dir().join(format!("shadowcat-sealed-{}.db", std::process::id()));
    /// let key = Key::new([7; 32]); // in earnest: random, and kept where the tape is not
    /// let options = sqlite::Options::new().encrypt(key.clone());
    /// sqlite::Writer::create_with(&path, &Tape::new()?, &options)?.finish()?;
    ///
    /// assert!(sqlite::Reader::open(&path).unwrap_err().is_key());
    /// assert_eq!(sqlite::Reader::open_with(&path, &OpenOptions::new().key(key))?.count(), 0);
    /// # std::fs::remove_file(&path)?;
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`create`](Self::create); the operating system has no random bytes to give.
    pub fn create_with(path: impl AsRef<Path>, tape: &Tape, options: &Options) -> Result<Self, TapeError> {
        Self::create_after(path.as_ref(), tape, options, Before::default())
    }

    /// A part of a tape, after others.
    pub(in crate::tape) fn create_after(
        path: &Path,
        tape: &Tape,
        options: &Options,
        before: Before,
    ) -> Result<Self, TapeError> {
        open::create(path, |db| Self::begin(db, path, tape, options, before))
    }

    /// Begins another tape in a file of tapes.
    ///
    /// # Errors
    ///
    /// It is no such file, others may read or write it, or it holds this tape already.
    pub fn add_to(path: impl AsRef<Path>, tape: &Tape) -> Result<Self, TapeError> {
        Self::add_to_with(path, tape, &Options::new())
    }

    /// Begins another tape in a file of tapes, sealed and bound as the options say, whatever the others are.
    ///
    /// # Errors
    ///
    /// As [`add_to`](Self::add_to); the operating system has no random bytes to give.
    pub fn add_to_with(path: impl AsRef<Path>, tape: &Tape, options: &Options) -> Result<Self, TapeError> {
        let path = path.as_ref();
        Self::begin(open::open(path, For::Writing)?, path, tape, options, Before::default())
    }

    /// Goes on with a tape.
    ///
    /// # Errors
    ///
    /// As [`add_to`](Self::add_to); there is no such tape; it needs a key. That somebody else goes on with it too is told
    /// by [`commit`](crate::tape::Sink::commit), to whoever writes second.
    pub fn resume(path: impl AsRef<Path>, id: &TapeId) -> Result<Self, TapeError> {
        Self::resume_with(path, id, &Options::new())
    }

    /// Goes on with a tape, with its keys: it stays sealed and bound as it is.
    ///
    /// # Errors
    ///
    /// As [`resume`](Self::resume); a key is missing or wrong, or the tape does not end as it was left. What stands before
    /// its end is not looked at: [`verify`](fn@super::verify) does.
    pub fn resume_with(path: impl AsRef<Path>, id: &TapeId, options: &Options) -> Result<Self, TapeError> {
        Self::go_on(path.as_ref(), Some(id), options)
    }

    /// Goes on with the only tape of a file.
    pub(in crate::tape) fn resume_only(path: &Path, options: &Options) -> Result<Self, TapeError> {
        Self::go_on(path, None, options)
    }

    fn go_on(path: &Path, id: Option<&TapeId>, options: &Options) -> Result<Self, TapeError> {
        let db = open::open(path, For::Writing)?;
        let found = find::tape(&db, path, id)?;
        let (number, before) = (found.number, found.title.before());
        let (guard, tape) = Guard::resume(&db, path, found, options)?;
        let reached = find::reached(&db, path, number, before)?;
        let mut writer = Self::new(db, path, number, tape, before, guard)?;
        writer.synchronous(options.durable)?;
        (writer.frames, writer.at) = (reached.frames, reached.at);
        writer.size = find::size(&writer.db).map_err(|error| failed(path, error))?;
        Ok(writer)
    }

    fn begin(
        db: Connection,
        path: &Path,
        tape: &Tape,
        options: &Options,
        before: Before,
    ) -> Result<Self, TapeError> {
        name::check_title(tape, path)?;
        let guard = Guard::new(options, &tape.id, &before);
        let mut guard = guard.map_err(|error| TapeError::io(path.display(), error))?;
        let number =
            add(&db, tape, &before, &mut guard).map_err(|error| match error.sqlite_error_code() {
                Some(ErrorCode::ConstraintViolation) => {
                    let exists = io::Error::new(io::ErrorKind::AlreadyExists, "it holds such a tape already");
                    TapeError::io(path.display(), exists)
                }
                _ => failed(path, error),
            })?;
        let full = || TapeError::damaged(path.display(), "no other tape fits behind the last of it");
        let number = number.ok_or_else(full)?;
        let writer = Self::new(db, path, number, tape.clone(), before, guard)?;
        writer.synchronous(options.durable)?;
        Ok(writer)
    }

    fn new(
        db: Connection,
        path: &Path,
        number: i64,
        tape: Tape,
        before: Before,
        guard: Guard,
    ) -> Result<Self, TapeError> {
        // It is already, but for one that could not be when it was migrated.
        to_wal(&db);
        let set = || -> rusqlite::Result<()> {
            db.pragma_update(None, "temp_store", "memory")?;
            // Looked up for each row; what a row names is written before it.
            db.pragma_update(None, "foreign_keys", false)?;
            // What is removed is not to be found in the file's free pages.
            db.pragma_update(None, "secure_delete", true)?;
            let pages = LOG / db.pragma_query_value(None, "page_size", |row| row.get::<_, u32>(0))?.max(1);
            db.pragma_update(None, "wal_autocheckpoint", pages)
        };
        set().map_err(|error| failed(path, error))?;
        let Before { frames, at, .. } = before;
        Ok(Self {
            db,
            path: path.to_owned(),
            number,
            tape,
            changed: false,
            before,
            frames,
            at,
            size: 0,
            waiting: Vec::new(),
            bytes: 0,
            due: None,
            known: Known::default(),
            guard,
            ended: false,
        })
    }
}
