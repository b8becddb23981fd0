//! Damage on purpose: messages that are written otherwise than they should be, to see what peers do then.
//!
//! A layer [marks](Damage::mark) a message; whatever writes it to a pipe or a connection does the damage there, and the
//! mark's [`Tally`] says so. A message that is not marked costs one look at its extensions. Where no bytes are written,
//! as between services in one process, nothing happens.
//!
//! | | lines (stdio, child, pipe) | HTTP, one document | HTTP, events | HTTP, request |
//! |---|---|---|---|---|
//! | [`Disconnect`](Damage::Disconnect) | the pipe ends in its place | the connection ends within the body | the stream breaks in its place | nothing is sent; the call fails |
//! | [`Truncate`](Damage::Truncate) | a line of its first bytes | a body of them | an event of them | a body of them |
//! | [`Corrupt`](Damage::Corrupt) | a line with other bytes | a body with other bytes | an event with other bytes | a body with other bytes |
//! | [`Repeat`](Damage::Repeat) | the same line again | as it should be | the same event again | the same request again |
//!
//! The framing stays whole: what comes before and after the message does not suffer. In a batch (2025-03-26) that is
//! answered by one document, every message is as it should be. On HTTP+SSE (2024-11-05) a request that is cut or corrupted is not sent if it is no JSON any more.
//! A client that takes up a broken stream again gets the message as it should be. Recorders that a message passes with its
//! mark have what is to be written more than once on their tapes, too, marked from the second time on: 64 copies, and a note of how
//! many more there are.
//!
//! ```
//! use std::sync::Arc;
//! use shadowcat::JsonRpcMessage;
//! use shadowcat::wire::fault::{Damage, Tally};
//! use shadowcat::wire::lines::Encoder;
//!
//! let tally = Arc::new(Tally::default());
//! let ping = Damage::Truncate(9).mark(JsonRpcMessage::request(1, "ping", "")?, &tally);
//! let mut lines = Encoder::new();
//! lines.push_mended(&ping);
//! assert_eq!(lines.len(), r#"{"jsonrpc"#.len() + 1);
//! assert_eq!(tally.done(), 1);
//! # Ok::<(), shadowcat::ParseError>(())
//! ```

use std::fmt;
use std::io;
use std::iter::repeat_n;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
#[cfg(feature = "tape")]
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

#[cfg(feature = "http")]
use crate::error::Error;
use crate::message::JsonRpcMessage;

/// At most so many copies are written.
const MOST_COPIES: usize = 10_000;
/// And so many bytes of them.
const MOST_BYTES: usize = 8 << 20;

/// What happens to a message where it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Damage {
    /// The connection breaks in its place.
    Disconnect,
    /// Only so many bytes of it are written.
    Truncate(usize),
    /// So many of its bytes are written as others; none becomes a line end.
    Corrupt(usize),
    /// It is written so many times more: at most 10,000 times, and 8 MiB.
    Repeat(usize),
}

/// What became of damaged messages.
#[derive(Debug, Default)]
pub struct Tally {
    done: AtomicU64,
    unharmed: AtomicU64,
}

impl Tally {
    /// Messages that were damaged.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Messages that were written as they should be, because their transport knows no such damage.
    pub fn unharmed(&self) -> u64 {
        self.unharmed.load(Ordering::Relaxed)
    }

    /// One more that cannot be damaged so.
    pub(crate) fn spare(&self) {
        self.unharmed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Rides beside a message that is to be damaged.
#[derive(Clone)]
pub(crate) struct Mark {
    damage: Damage,
    tally: Arc<Tally>,
    #[cfg(feature = "tape")]
    watchers: Arc<Mutex<Vec<Watcher>>>,
}

/// Who is told how many copies were made, and how.
#[cfg(feature = "tape")]
type Watcher = (u64, Box<dyn Fn(usize) + Send + Sync>);

impl Damage {
    /// The message, to be damaged so where it is written. The last mark counts.
    pub fn mark(self, mut message: JsonRpcMessage, tally: &Arc<Tally>) -> JsonRpcMessage {
        message.extensions_mut().insert(Mark::new(self, tally.clone()));
        message
    }
}

/// The mark of a message that has one.
pub(crate) fn of(message: &JsonRpcMessage) -> Option<&Mark> {
    message.extensions().get()
}

/// The message is written as it should be, where it cannot be otherwise.
pub(crate) fn spare(message: &JsonRpcMessage) {
    of(message).into_iter().for_each(|mark| mark.tally.spare());
}

/// The message as it should be.
#[cfg(feature = "http")]
pub(crate) fn healed(mut message: JsonRpcMessage) -> JsonRpcMessage {
    if of(&message).is_some() {
        message.extensions_mut().remove::<Mark>();
    }
    message
}

impl Mark {
    fn new(damage: Damage, tally: Arc<Tally>) -> Self {
        Self {
            damage,
            tally,
            #[cfg(feature = "tape")]
            watchers: Arc::default(),
        }
    }

    /// Tells `who` how many copies were made, when they are. Only what `who` said last counts: a message may be sent again.
    #[cfg(feature = "tape")]
    pub(crate) fn watch_copies(&self, who: u64, told: impl Fn(usize) + Send + Sync + 'static) {
        if let Damage::Repeat(_) = self.damage {
            let mut watchers = self.watchers();
            watchers.retain(|(other, _)| *other != who);
            watchers.push((who, Box::new(told)));
        }
    }

    #[cfg(feature = "tape")]
    fn watchers(&self) -> MutexGuard<'_, Vec<Watcher>> {
        self.watchers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(feature = "tape")]
    fn tell(&self, copies: usize) {
        self.watchers().iter().for_each(|(_, told)| told(copies));
    }

    #[cfg(not(feature = "tape"))]
    fn tell(&self, _: usize) {}

    /// What is written in the place of `frame`; `None` where the connection breaks.
    pub(crate) fn frames(&self, frame: &Bytes) -> Option<impl Iterator<Item = Bytes> + use<>> {
        self.tally.done.fetch_add(1, Ordering::Relaxed);
        let (frame, times) = match self.damage {
            Damage::Disconnect => return None,
            Damage::Truncate(to) => (frame.slice(..to.min(frame.len())), 1),
            Damage::Corrupt(bytes) => (corrupted(frame, bytes), 1),
            Damage::Repeat(more) => {
                let room = MOST_COPIES.min(MOST_BYTES / frame.len().max(1));
                let copies = more.min(room);
                self.tell(copies);
                (frame.clone(), 1 + copies)
            }
        };
        Some(repeat_n(frame, times))
    }

    /// The same where only one document can be written.
    #[cfg(feature = "http")]
    pub(crate) fn document(&self, document: &Bytes) -> Option<Bytes> {
        if let Damage::Repeat(_) = self.damage {
            self.tally.spare();
            return Some(document.clone());
        }
        self.frames(document).map(|mut frames| frames.next().unwrap_or_default())
    }
}

/// What a connection that broke on purpose fails with.
#[cfg(feature = "http")]
pub(crate) fn broken() -> Error {
    Error::io("writing a message", torn())
}

pub(crate) fn torn() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "the connection was broken on purpose")
}

/// Other bytes at places by chance: any but line ends.
fn corrupted(frame: &Bytes, bytes: usize) -> Bytes {
    let mut out = frame.to_vec();
    for at in fastrand::choose_multiple(0..out.len(), bytes) {
        let other = |byte: &u8| !matches!(byte, b'\r' | b'\n') && *byte != frame[at];
        out[at] = std::iter::repeat_with(|| fastrand::u8(..)).find(other).unwrap_or(b'?');
    }
    out.into()
}

impl fmt::Debug for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mark").field(&self.damage).finish()
    }
}
