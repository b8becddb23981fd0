//! One tape as several.

use std::collections::HashMap;
use std::collections::hash_map::Entry as Slot;
use std::sync::Arc;
use std::time::Duration;

use super::{Entry, Sink, Source, Tape, TapeError};

/// Sessions that are written at once.
const SESSIONS: usize = 256;

/// Where a tape is cut. Entries keep their times and the numbers of their calls; [`merge`](super::merge()) makes one tape
/// of the parts again.
///
/// ```
/// use std::time::Duration;
/// use shadowcat::tape::{Entry, EntryKind, Sink, Source, Split, Tape, lines};
/// use shadowcat::Direction;
///
/// # let folder = std::env::temp_dir().join(format!("shadowcat-split-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// let mut tape = lines::Writer::create(folder.join("day.jsonl"), &Tape::new()?)?;
/// for hour in 0..24 {
///     let entry = Entry::new(EntryKind::Note, Direction::ToClient, "the bell");
///     tape.append(&entry.at(Duration::from_secs(hour * 3600)))?;
/// }
/// tape.finish()?;
///
/// let cut = Split::by_time(Duration::from_secs(8 * 3600)).run(
///     lines::Reader::open(folder.join("day.jsonl"))?,
///     |part, number| Ok(Box::new(lines::Writer::create(folder.join(format!("{number}.jsonl")), part)?)),
/// )?;
/// assert_eq!(cut.parts, 3);
/// assert_eq!(lines::Reader::open(folder.join("2.jsonl"))?.tape().part, Some(2));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Split(By);

/// What was cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cut {
    /// How many parts there are.
    pub parts: u32,
    /// The tape ended in the middle, as after a crash; all before that is in the parts.
    pub torn: bool,
}

#[derive(Clone, Debug)]
enum By {
    Session,
    Bytes(u64),
    Time(Duration),
}

impl Split {
    /// A part for each session, and one for what belongs to none: at most 256.
    pub fn by_session() -> Self {
        Self(By::Session)
    }

    /// Parts whose messages have at most so many bytes, unless a single one has more.
    pub fn by_bytes(bytes: u64) -> Self {
        Self(By::Bytes(bytes))
    }

    /// Parts that take so long.
    pub fn by_time(time: Duration) -> Self {
        Self(By::Time(time))
    }

    /// Cuts what is left of a tape. `make` makes the sink of each part: it is told what is known of the part, its session
    /// for instance, and its number from 1. There are none of a tape without entries.
    ///
    /// # Errors
    ///
    /// The tape cannot be read further, except that it ends in the middle; it has too many sessions; a part cannot be made
    /// or written.
    pub fn run(
        &self,
        mut tape: impl Source,
        mut make: impl FnMut(&Tape, u32) -> Result<Box<dyn Sink>, TapeError>,
    ) -> Result<Cut, TapeError> {
        let mut parts = Parts { by: &self.0, open: HashMap::new(), made: 0, bytes: 0, began: Duration::ZERO };
        let stopped = loop {
            let entry = match tape.next() {
                Some(Ok(entry)) => entry,
                Some(Err(error)) => break Some(error),
                None => break None,
            };
            if parts.is_full(&entry) {
                parts.finish(tape.tape())?;
            }
            parts.sink(&entry, tape.tape(), &mut make)?.append(&entry)?;
            parts.bytes += entry.bytes.len() as u64;
        };
        // What was read has its ends, whatever became of the rest.
        parts.finish(tape.tape())?;
        match stopped {
            Some(error) if !error.is_torn() => Err(error),
            stopped => Ok(Cut { parts: parts.made, torn: stopped.is_some() }),
        }
    }
}

/// The number of a part, and where it is written to.
type Part = (u32, Box<dyn Sink>);

/// The parts that are being written: one, or one for each session.
struct Parts<'a> {
    by: &'a By,
    open: HashMap<Option<Arc<str>>, Part>,
    made: u32,
    bytes: u64,
    began: Duration,
}

impl Parts<'_> {
    fn is_full(&self, entry: &Entry) -> bool {
        !self.open.is_empty()
            && match self.by {
                By::Session => false,
                By::Bytes(most) => self.bytes + entry.bytes.len() as u64 > *most,
                By::Time(time) => entry.at.saturating_sub(self.began) >= *time,
            }
    }

    fn sink(
        &mut self,
        entry: &Entry,
        tape: &Tape,
        make: &mut impl FnMut(&Tape, u32) -> Result<Box<dyn Sink>, TapeError>,
    ) -> Result<&mut Box<dyn Sink>, TapeError> {
        let session = entry.session.clone().filter(|_| matches!(self.by, By::Session));
        let sessions = self.open.len();
        match self.open.entry(session) {
            Slot::Occupied(part) => Ok(&mut part.into_mut().1),
            Slot::Vacant(_) if sessions >= SESSIONS => {
                let why = format!("more than {SESSIONS} sessions; filter them by name instead");
                Err(TapeError::io(&tape.id, std::io::Error::other(why)))
            }
            Slot::Vacant(slot) => {
                self.made += 1;
                (self.bytes, self.began) = (0, entry.at);
                let sink = make(&title(self.by, tape, slot.key(), self.made), self.made)?;
                Ok(&mut slot.insert((self.made, sink)).1)
            }
        }
    }

    fn finish(&mut self, tape: &Tape) -> Result<(), TapeError> {
        for (session, (number, mut sink)) in std::mem::take(&mut self.open) {
            sink.update(&title(self.by, tape, &session, number))?;
            sink.finish()?;
        }
        Ok(())
    }
}

/// What is known of a part. A number says that it follows others in time, which sessions do not.
fn title(by: &By, tape: &Tape, session: &Option<Arc<str>>, number: u32) -> Tape {
    let mut title = tape.clone();
    match by {
        By::Session => title.session = session.clone().or(title.session),
        By::Bytes(_) | By::Time(_) => title.part = Some(number),
    }
    title
}
