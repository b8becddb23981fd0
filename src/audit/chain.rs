//! Records on their way into a file, each bound to the one before.

use std::io::{self, Write};

use sha2::{Digest, Sha256};

use super::Record;
use super::key::{Key, hex};
use super::line::{Link, seal};

/// What stands at the end of a file and is no whole line.
#[derive(Clone, Debug, Default)]
pub(super) struct Torn {
    bytes: usize,
    digest: Sha256,
}

impl Torn {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut torn = Self::default();
        torn.add(bytes);
        torn
    }

    pub(super) fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len();
        self.digest.update(bytes);
    }

    /// How the record that follows tells of it: as the last members of its line.
    pub(super) fn told(&self) -> String {
        let digest = hex(&self.digest.clone().finalize().into());
        format!(r#","torn_bytes":{},"torn_sha256":"{digest}""#, self.bytes)
    }
}

/// The end of a chain. What could not be written waits and is tried again, after a record that tells what of it the
/// file has already.
#[derive(Debug)]
pub(super) struct Chain<W> {
    pub(super) out: W,
    key: Option<Key>,
    last: Link,
    torn: Option<Torn>,
    waiting: Vec<String>,
}

impl<W: Write> Chain<W> {
    pub(super) fn new(out: W, last: Link, torn: Option<Torn>, key: Option<Key>) -> Self {
        Self { out, key, last, torn, waiting: Vec::new() }
    }

    /// The last record that is written.
    pub(super) fn last(&self) -> Link {
        self.last
    }

    /// The file ends in the middle of a line.
    pub(super) fn is_torn(&self) -> bool {
        self.torn.is_some()
    }

    /// Records that are not written.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// To be written with the next [`flush`](Self::flush): the members of a record.
    pub(super) fn push(&mut self, members: String) {
        self.waiting.push(members);
    }

    /// Before all that waits.
    pub(super) fn push_first(&mut self, members: String) {
        self.waiting.insert(0, members);
    }

    /// Bytes that the next flush writes, about.
    pub(super) fn size(&self) -> u64 {
        self.waiting.iter().map(|members| members.len() as u64 + 200).sum()
    }

    /// Writes what waits; how many bytes, and how many records besides a recovery's.
    ///
    /// # Errors
    ///
    /// Something is not written; the next flush tries it again.
    pub(super) fn flush(&mut self) -> (u64, usize, io::Result<()>) {
        let (mut text, mut ends, mut tip) = (Vec::new(), Vec::new(), self.last);
        let recovery = self.torn.as_ref().map(|torn| format!("{}{}", recovered(), torn.told()));
        if recovery.is_some() {
            text.push(b'\n');
        }
        for members in recovery.iter().chain(&self.waiting) {
            tip = seal(&mut text, tip, members.as_bytes(), self.key.as_ref());
            ends.push((text.len(), tip));
        }
        let (written, outcome) = write(&mut self.out, &text);
        let records = self.settle(&text, &ends, written, recovery.is_some());
        (written as u64, records, outcome)
    }

    /// So many bytes of the text are in the file.
    fn settle(&mut self, text: &[u8], ends: &[(usize, Link)], written: usize, recovers: bool) -> usize {
        // A line that lacks nothing but its LF is read as a whole one.
        let whole = ends.iter().take_while(|(end, _)| *end <= written + 1).count();
        let end = match whole.checked_sub(1) {
            Some(last) => {
                self.last = ends[last].1;
                self.torn = None;
                ends[last].0
            }
            None => 0,
        };
        if end > written {
            self.torn = Some(Torn::default());
        } else if end < written {
            self.tear(&text[end..written]);
        }
        let records = whole.saturating_sub(usize::from(recovers));
        self.waiting.drain(..records);
        records
    }
}

impl<W> Chain<W> {
    /// So much of what could not be written whole is in the file.
    fn tear(&mut self, bytes: &[u8]) {
        match &mut self.torn {
            // The line lacked nothing but the LF that these begin with.
            Some(torn) if torn.bytes == 0 => self.torn = (bytes.len() > 1).then(|| Torn::of(&bytes[1..])),
            Some(torn) => torn.add(bytes),
            None => self.torn = Some(Torn::of(bytes)),
        }
    }
}

fn recovered() -> String {
    Record::new("recovered").members()
}

/// How much was written, whether it was all or not.
fn write(out: &mut impl Write, text: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while written < text.len() {
        match out.write(&text[written..]) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::walk::Walk;

    /// A disk with so much room.
    struct Disk {
        bytes: Vec<u8>,
        room: usize,
    }

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fits = bytes.len().min(self.room - self.bytes.len());
            self.bytes.extend_from_slice(&bytes[..fits]);
            if fits == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(fits) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn walked(bytes: &[u8]) -> (u64, u64) {
        let mut walk = Walk::new(None, Some(Link::START));
        let mut wrong = |line, problem| panic!("{line}: {problem}");
        for (at, line) in bytes.strip_suffix(b"\n").unwrap().split(|byte| *byte == b'\n').enumerate() {
            walk.line(at as u64 + 1, line, &mut wrong);
        }
        assert!(walk.end(0, b"", &mut wrong).is_none());
        (walk.told.records, walk.told.recoveries)
    }

    /// The disk is full at every byte, gets a little room, is full again, and has room at last.
    #[test]
    fn a_disk_that_is_full_at_any_byte_costs_no_record() {
        for first in 0..1200 {
            for more in [0, 1, 2, 40, 300, 420, 421, 430] {
                let disk = Disk { bytes: Vec::new(), room: first };
                let mut chain = Chain::new(disk, Link::START, None, None);
                (0..3).for_each(|_| chain.push(Record::note("a note").members()));
                if chain.flush().2.is_err() {
                    chain.out.room += more;
                    let _ = chain.flush();
                    chain.out.room = usize::MAX;
                    chain.flush().2.unwrap();
                }
                assert!(chain.waiting.is_empty() && !chain.is_torn());
                let (records, recoveries) = walked(&chain.out.bytes);
                assert_eq!(records, 3 + recoveries, "{first} and {more}");
            }
        }
    }
}
