//! What is said on a tape: messages that pass, and what is beside them.

use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::Recorder;
use super::facts::Fact;
use super::state::{Item, Shared};
use crate::message::{Direction, JsonRpcMessage};
#[cfg(feature = "secret")]
use crate::tape::Redact;
use crate::tape::entry::whole_micros;
use crate::tape::{Entry, EntryKind, Snapshot};

/// Bytes of a refused frame that are recorded.
const REFUSED: usize = 64 << 10;

impl Recorder {
    /// Records what somebody notes, at its time. Where the tape says that it is redacted, secrets are masked in it, as in
    /// a [`snapshot`](Self::snapshot).
    pub fn annotate(&self, text: impl Into<String>) {
        self.keep_masked(Entry::new(EntryKind::Note, Direction::ToClient, text.into()));
    }

    /// Keeps state from outside of the session, at its time. Where the tape says that it is
    /// [redacted](crate::tape::Tape::redaction), what is known here of secrets is masked in it: then it can be looked
    /// at, and not be put back. A layer says so once it stands in a stack: what is kept before that is masked by
    /// [`RecordLayer::snapshot`](crate::layer::RecordLayer::snapshot). What is more than the queue takes is lost and
    /// counted.
    ///
    /// ```
    /// use shadowcat::tape::{self, Recorder, RecorderOptions, Snapshot, Tape, lines};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let path = std::env::temp_dir().join(format!("shadowcat-snapshot-{}.jsonl", std::process::id()));
    /// let tape = Tape::new()?;
    /// let recorder = Recorder::start(lines::Writer::create(&path, &tape)?, tape, RecorderOptions::new())?;
    /// let kept = Snapshot::environment("server", [("TZ", "UTC")]);
    /// recorder.snapshot(&kept);
    /// recorder.finish().await?;
    ///
    /// let entry = tape::open(&path)?.next().expect("there is one")?;
    /// assert_eq!(Snapshot::read(&entry)?, Some(kept));
    /// # std::fs::remove_file(path)?;
    /// # Ok(()) }
    /// ```
    pub fn snapshot(&self, snapshot: &Snapshot) {
        self.keep_masked(snapshot.entry());
    }

    fn keep_masked(&self, entry: Entry) {
        if self.is_recording() {
            self.keep(masked(entry, self.tape().redaction.as_deref()));
        }
    }

    /// The same of an entry that is made already.
    pub(crate) fn keep(&self, entry: Entry) {
        self.say(entry);
    }

    /// Records what was refused before it became a message: its bytes, of more than 64 KiB the beginning, and why, as the
    /// text of an end. Where the tape says that it is redacted, secrets are masked in both, as in a
    /// [`snapshot`](Self::snapshot); of what is longer only why it was refused is recorded then, as a secret may be cut in
    /// two by its end.
    pub fn refused(&self, direction: Direction, bytes: impl Into<Bytes>, why: &str) {
        if !self.is_recording() {
            return;
        }
        let (mut bytes, redaction) = (bytes.into(), self.tape().redaction);
        let mut why = why.to_owned();
        if redaction.is_some() && bytes.len() > REFUSED {
            let _ = write!(why, "; its {} bytes are not recorded", bytes.len());
            bytes.clear();
        }
        let masked = |bytes| {
            let entry = Entry::new(EntryKind::Refused, direction, bytes);
            self::masked(entry, redaction.as_deref()).bytes
        };
        let why = masked(why.into());
        self.refused_in(None, direction, masked(bytes), &String::from_utf8_lossy(&why));
    }

    /// The same, in that session.
    pub(crate) fn refused_in(
        &self,
        session: Option<&str>,
        direction: Direction,
        mut bytes: Bytes,
        why: &str,
    ) {
        if !self.is_recording() {
            return;
        }
        bytes.truncate(REFUSED);
        let (call, session) = (self.shared.next_call(), session.map(Arc::<str>::from));
        for (kind, direction, bytes) in [
            (EntryKind::Refused, direction, Bytes::copy_from_slice(&bytes)),
            (EntryKind::End, Direction::ToClient, why.to_owned().into()),
        ] {
            let mut entry = Entry::new(kind, direction, bytes).call(call);
            entry.session.clone_from(&session);
            self.say(entry);
        }
    }

    pub(crate) fn event(&self, kind: EntryKind, text: String, component: Option<Arc<str>>) {
        let mut entry = Entry::new(kind, Direction::ToClient, text);
        entry.component = component;
        self.say(entry);
    }
}

impl Shared {
    /// What is said, as it is queued. Where much waits, it may find no room; what does then has no block for itself alone.
    pub(super) fn entry(&self, message: &JsonRpcMessage, direction: Direction) -> Entry {
        Entry::message_on(message, direction, |bytes| match self.queue().is_pressed() {
            true => Bytes::copy_from_slice(bytes),
            false => self.state.arena.copy(bytes),
        })
    }

    /// Queues an entry: where it is `owed`, also beyond the bounds.
    pub(super) fn say(&self, mut entry: Entry, fact: Option<Fact>, owed: bool) {
        (entry.at, entry.wall) = self.time();
        let (item, bytes) = weighed(entry, fact);
        match owed {
            true => self.queue().force(item, bytes),
            false => self.queue().offer(item, bytes),
        };
    }

    /// Two at once, of the same time.
    pub(super) fn say_both(&self, first: (Entry, Option<Fact>), mut second: Entry, owed: bool) {
        let (mut first, fact) = first;
        (first.at, first.wall) = self.time();
        (second.at, second.wall) = (first.at, first.wall);
        self.queue().push_both([weighed(first, fact), weighed(second, None)], owed);
    }

    /// Of an entry that is said now.
    fn time(&self) -> (Duration, Option<SystemTime>) {
        (self.now(), Some(whole_micros(SystemTime::now())))
    }
}

/// An item for the queue, with what it takes.
fn weighed(entry: Entry, fact: Option<Fact>) -> (Item, usize) {
    let bytes = entry.bytes.len() + size_of::<Item>();
    (Item::Entry(entry, fact), bytes)
}

#[cfg(feature = "secret")]
fn masked(entry: Entry, profile: Option<&str>) -> Entry {
    match profile {
        Some(profile) => Redact::of_profile(profile).entry(entry),
        None => entry,
    }
}

#[cfg(not(feature = "secret"))]
fn masked(entry: Entry, _: Option<&str>) -> Entry {
    entry
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Instant;

    use super::*;
    use crate::tape::{RecorderOptions, Sink, Tape, TapeError};

    /// Takes nothing.
    struct Full;

    impl Sink for Full {
        fn append(&mut self, _: &Entry) -> Result<(), TapeError> {
            Err(TapeError::io("the tape", io::Error::other("no room")))
        }

        fn update(&mut self, _: &Tape) -> Result<(), TapeError> {
            Ok(())
        }

        fn commit(&mut self) -> Result<(), TapeError> {
            Ok(())
        }

        fn due(&self) -> Option<Instant> {
            None
        }

        fn finish(&mut self) -> Result<(), TapeError> {
            Ok(())
        }
    }

    #[test]
    fn messages_share_a_block_until_one_may_find_no_room() {
        let options = RecorderOptions::new().max_bytes(64 << 10);
        let recorder = Recorder::start(Full, Tape::new().unwrap(), options).unwrap();
        let ping = JsonRpcMessage::request(1, "ping", "{}").unwrap();
        let is_shared = || {
            let [one, two] = [(); 2].map(|()| recorder.shared.entry(&ping, Direction::ToUpstream).bytes);
            assert_eq!((&one, &two), (ping.bytes(), ping.bytes()));
            two.as_ptr() as usize == one.as_ptr() as usize + one.len()
        };
        assert!(is_shared());
        while !recorder.shared.queue().is_pressed() {
            drop(recorder.begin(&ping));
        }
        assert!(!is_shared());
    }
}
