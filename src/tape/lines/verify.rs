//! Whether a tape is what its recorder wrote.

use std::path::Path;

use super::Reader;
use crate::key::{Hash, hex};
use crate::tape::{OpenOptions, Source, TapeError, TapeId};

/// What was found in a tape whose chain holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verified {
    /// How many entries it has.
    pub entries: u64,
    /// It is there from its beginning on. Else older parts are missing, as when they are not kept.
    pub begins: bool,
    /// Its recorder finished it, and nothing was cut off or put behind that. Else it is still being recorded, the
    /// recorder was killed, the end was cut off, or somebody added to it.
    pub ends: bool,
    /// The last MAC, in hexadecimal digits: that of [`Writer::chain_tip`](super::Writer::chain_tip), if nothing was cut
    /// off since.
    pub tip: String,
}

/// Goes through a tape that was recorded with a [chain](super::Options::chain): the files of a rotated tape in their
/// order, or just the one. Every line is as it was written, and none was put in, left out or moved, or else the error
/// names the first that is not.
///
/// What is cut off at the end leaves a shorter chain that holds: then the tape does not [end](Verified::ends). Of a
/// tape that was finished and gone on with later, it may have been cut off behind the first end; whoever must know
/// that too keeps the [tip](super::Writer::chain_tip) in another place.
///
/// ```
/// use shadowcat::tape::{Entry, EntryKind, Key, OpenOptions, Sink, Tape, lines};
/// use shadowcat::Direction;
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-verify-{}.jsonl", std::process::id()));
/// let key = Key::new([7; 32]); // in earnest: random, and kept where the tape is not
/// let mut tape = lines::Writer::create_with(&path, &Tape::new()?, &lines::Options::new().chain(key.clone()))?;
/// tape.append(&Entry::new(EntryKind::Note, Direction::ToClient, "all is well"))?;
/// tape.finish()?;
///
/// let options = OpenOptions::new().chain(key);
/// assert!(lines::verify([&path], &options)?.ends);
///
/// let text = std::fs::read_to_string(&path)?.replace("well", "lost");
/// std::fs::write(&path, text)?;
/// let error = lines::verify([&path], &options).unwrap_err();
/// assert!(error.is_damaged() && error.to_string().contains(".jsonl:2: "));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// A file cannot be read, or the chain does not hold; the options name no key of a chain.
pub fn verify(
    paths: impl IntoIterator<Item = impl AsRef<Path>>,
    options: &OpenOptions,
) -> Result<Verified, TapeError> {
    verify_parts(paths, |path| Reader::open_with(path, options))
}

/// A part of a tape that is read with the key of its chain.
pub(in crate::tape) trait Chained: Source {
    /// The MAC that it follows, where there is the key of a chain.
    fn began(&self) -> Option<Hash>;

    /// The last MAC, once all was read.
    fn tip(&self) -> Option<Hash>;

    /// Whether its recorder has ended it, once all was read.
    fn is_ended(&self) -> bool;

    /// What names its first row or line.
    fn first(path: &Path) -> String;
}

impl Chained for Reader {
    fn began(&self) -> Option<Hash> {
        self.chain_began()
    }

    fn tip(&self) -> Option<Hash> {
        self.chain_tip()
    }

    fn is_ended(&self) -> bool {
        self.is_finished()
    }

    fn first(path: &Path) -> String {
        format!("{}:1", path.display())
    }
}

/// As [`verify`], of any format.
pub(in crate::tape) fn verify_parts<R: Chained>(
    paths: impl IntoIterator<Item = impl AsRef<Path>>,
    open: impl Fn(&Path) -> Result<R, TapeError>,
) -> Result<Verified, TapeError> {
    let mut found = Verified { entries: 0, begins: true, ends: false, tip: String::new() };
    let mut last: Option<(Hash, TapeId)> = None;
    for path in paths {
        let path = path.as_ref();
        let mut part = open(path)?;
        let begin = part.began().ok_or_else(|| TapeError::key(path, "the key of its chain is missing"))?;
        match &last {
            None => found.begins = begin == Hash::default(),
            Some((tip, id)) if (*tip, id) != (begin, &part.tape().id) => {
                let why = "its chain does not follow that of the file before it: a part is missing, was cut off, or is \
                           in the wrong place";
                return Err(TapeError::damaged(R::first(path), why));
            }
            Some(_) => {}
        }
        let (entries, is_torn) = count(&mut part)?;
        found.entries += entries;
        // What has no end of its own and no MAC behind the end, anybody may have put there.
        found.ends = part.is_ended() && !is_torn;
        last = part.tip().zip(Some(part.tape().id.clone()));
    }
    found.tip = last.map(|(tip, _)| hex(&tip)).unwrap_or_default();
    Ok(found)
}

/// Up to where a crash tore it, and whether one did.
fn count(part: &mut impl Source) -> Result<(u64, bool), TapeError> {
    let mut entries = 0;
    for entry in part {
        match entry {
            Err(error) if error.is_torn() => return Ok((entries, true)),
            entry => entries += entry.map(|_| 1)?,
        }
    }
    Ok((entries, false))
}
