//! What was said, kept: entries, what is known of a whole tape, and files that hold them.
//!
//! A [`Tape`] is what is known of a recording, an [`Entry`] is one thing that was said: the exact bytes, when, which
//! way, at which edge. A [`Sink`] writes them and a [`Source`] reads them again, one at a time: a tape is never in
//! memory as a whole. Neither is asynchronous; a [`Recorder`] gives a sink a thread of its own.
//!
//! | format | for | |
//! |---|---|---|
//! | [`lines`] | recording; watching a recording as it grows | JSON Lines, appended to, repaired after a crash |
//! | [`json`] | reading and editing by people, tests, version control | one JSON document |
//! | `sqlite` (feature `sqlite`) | many sessions in one file, questions by method, tool, session | indexed, searched |
//!
//! JSON Lines can be compressed (feature `zstd`), encrypted (feature `encryption`) and bound by a chain so that nobody
//! changes them unnoticed: see [`lines::Options`]. So can tapes in SQLite, except that they are not compressed, and that
//! what indexes need is not encrypted: see `sqlite::Options`. What is asked of a tape before it is read, and who is told,
//! [`OpenOptions`] say.
//!
//! Each writer alone writes one file, which grows for as long as something is recorded: [`Rotating`] writes a tape of any
//! format to several, begins a new one at 1 GiB or what else [`Rotate`] says, and forgets the oldest where it is told to.
//! Files and tapes of sessions that have ended nobody removes but the application; in SQLite by `sqlite::forget`.
//!
//! The exact bytes of every entry survive every format, also bytes that are no JSON and no text. [`copy`] brings a
//! tape from one into another, [`open`] finds out what a file is. A file is made with mode 0600 and never over
//! another; it is opened as what a stranger may have written: links are not followed, what is damaged, foreign or too
//! large is an error that says where.
//!
//! What can be done with tapes, each reading one entry after the other:
//!
//! | | |
//! |---|---|
//! | [`list()`] | what tapes a file or a folder holds |
//! | [`Show`] | a tape as text |
//! | [`Filter`] | some of its entries: by method, tool, session, time, how calls ended |
//! | [`Stats`] | counts, and how long calls took |
//! | [`diff()`] | what differs between two tapes, call by call |
//! | [`merge()`], [`Split`] | several tapes as one, and one as several |
//! | `Redact` (feature `secret`) | a tape without the secrets in it |
//! | [`Mocks`] | rules that answer as a tape did |
//!
//! ```
//! use std::time::Duration;
//! use shadowcat::tape::{self, Entry, Sink, Tape, json, lines};
//! use shadowcat::{Direction, JsonRpcMessage};
//!
//! # let folder = std::env::temp_dir().join(format!("shadowcat-tape-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! let ping = JsonRpcMessage::request(1, "ping", "{}")?;
//! let mut tape = lines::Writer::create(folder.join("a.jsonl"), &Tape::new()?.transport("stdio"))?;
//! tape.append(&Entry::message(&ping, Direction::ToUpstream).at(Duration::from_millis(3)))?;
//! tape.commit()?;
//!
//! let mut from = tape::open(folder.join("a.jsonl"))?;
//! let mut to = json::Writer::create(folder.join("a.json"), from.tape())?;
//! assert_eq!(tape::copy(&mut *from, &mut to)?.entries, 1);
//!
//! let entry = tape::open(folder.join("a.json"))?.next().unwrap()?;
//! assert_eq!(entry.bytes, ping.bytes());
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod advice;
mod appender;
mod asked;
mod call;
mod compare;
mod component;
mod copy;
mod diff;
mod entry;
mod error;
#[cfg(feature = "secret")]
mod escapes;
pub(crate) mod exchange;
pub mod export;
pub(crate) mod failure;
mod filter;
pub(crate) mod found;
mod frame;
mod head;
pub mod import;
pub mod json;
pub(crate) mod kept;
mod keys;
pub mod lines;
mod list;
pub(crate) mod mask;
mod merge;
mod mocks;
mod name;
mod object;
mod open_options;
mod opening;
mod pack;
pub(crate) mod places;
pub(crate) mod profile;
mod recorder;
#[cfg(feature = "secret")]
mod redact;
mod rotating;
pub(crate) mod running;
mod show;
mod snapshot;
mod split;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod stats;
mod store;
mod tape_id;
mod text;
mod time;
mod title;
mod until_torn;
mod version;
mod word;

pub use crate::histogram::Histogram;
pub use crate::key::Key;
pub use crate::shown::Payload;
pub use compare::{Change, Comparison, Difference};
pub use component::Component;
pub use copy::{Copied, copy, open, open_with};
pub use diff::{CallChange, CallDiff, CallPart, Diff, diff};
pub use entry::{Edge, Entry, EntryKind, Outcome};
pub use error::TapeError;
pub use filter::{Filter, Filtered};
pub use list::{Listed, Listing, list, list_with};
pub use merge::{Merged, merge};
pub use mocks::Mocks;
pub use open_options::OpenOptions;
pub use opening::{Opening, Purpose};
pub use recorder::{Exchange, Overflow, Recorder, RecorderOptions, RecorderStats};
pub(crate) use recorder::{Room, Watched, learn_of, next_recorder_id};
#[cfg(feature = "secret")]
#[cfg_attr(docsrs, doc(cfg(feature = "secret")))]
pub use redact::{Redact, Redacted};
pub use rotating::{PartFormat, Rotate, Rotating};
pub use show::Show;
pub use snapshot::{Snapshot, SnapshotKind};
pub use split::{Cut, Split};
pub use stats::{CallStats, Stats};
pub use store::{Sink, Source};
pub use tape_id::TapeId;
pub use title::{Json, Tape};

/// The version of the formats in text; a reader takes every `1.x`.
pub const VERSION: &str = "1.0";

/// Bytes of one frame as it stands in a file, by default: what a reader takes into memory at once.
pub const MAX_FRAME_BYTES: usize = 64 << 20;

/// Bytes of the name of a tape, a session or a component, in every format: a longer one is neither written nor read.
pub const MAX_NAME_BYTES: usize = 4 << 10;
