//! What was said, kept: entries, what is known of a whole tape, and files that hold them.
//!
//! A [`Tape`] is what is known of a recording, an [`Entry`] is one thing that was said: the exact bytes, when, which
//! way, at which edge. A [`Sink`] writes them and a [`Source`] reads them again, one at a time: a tape is never in
//! memory as a whole. There is nothing asynchronous here; a recorder gives a sink a thread of its own.
//!
//! | format | for | |
//! |---|---|---|
//! | [`lines`] | recording; watching a recording as it grows | JSON Lines, appended to, repaired after a crash |
//! | [`json`] | reading and editing by people, tests, version control | one JSON document |
//! | `sqlite` (feature `sqlite`) | many sessions in one file, questions by method, tool, session | indexed, searched |
//!
//! The exact bytes of every entry survive every format, also bytes that are no JSON and no text. [`copy`] brings a
//! tape from one into another, [`open`] finds out what a file is. A file is made with mode 0600 and never over
//! another; it is opened as what a stranger may have written: links are not followed, what is damaged, foreign or too
//! large is an error that says where.
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

mod appender;
mod compare;
mod component;
mod copy;
mod entry;
mod error;
pub mod export;
mod frame;
mod head;
pub mod import;
pub mod json;
pub mod lines;
mod object;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod store;
mod tape_id;
mod text;
mod time;
mod title;
mod version;
mod word;

pub use compare::{Change, Comparison, Difference};
pub use component::Component;
pub use copy::{Copied, copy, open};
pub use entry::{Edge, Entry, EntryKind, Outcome};
pub use error::TapeError;
pub use store::{Sink, Source};
pub use tape_id::TapeId;
pub use title::{Json, Tape};

/// The version of the formats in text; a reader takes every `1.x`.
pub const VERSION: &str = "1.0";

/// Bytes of one frame as it stands in a file, by default: what a reader takes into memory at once.
pub const MAX_FRAME_BYTES: usize = 64 << 20;
