//! Writing what other recorders' tools read.
//!
//! A [`Writer`] is a [`Sink`](super::Sink) for the formats that [`import`](super::import) knows by name; its page says
//! from where they are known:
//!
//! | | for | a message is written |
//! |---|---|---|
//! | [`Writer::mcp_cassette_json`] | `mcp-cassette` of PyPI, from 0.2 on (`format_version` 2) | as JSON, laid out |
//! | [`Writer::mcp_cassette_lines`] | `mcp-cassette` of npm, from 0.3 on (`cassetteVersion` 2) | as it is, if a line holds it |
//! | [`Writer::mcpsnoop`] | `mcpsnoop export`, `check`, `diff` and `open` | as it is, if a line holds it |
//!
//! They know messages and lines that are none, of one session at one edge, so that is what is written: entries of
//! another edge, ends of calls, components and notes are passed and [counted](Writer::skipped), and a second session is
//! an error; only `mcpsnoop` has sessions, losses and what was written to standard error. Times are cut to the
//! millisecond in cassettes and to the microsecond for `mcpsnoop`. Of bytes that are no text, what is not UTF-8 is
//! replaced. A tape that must come back as it was is [copied](super::copy) to one of our own formats.
//!
//! There is none for the MCP Inspector: up to 2.3.0 it downloads its history in a shape that is documented nowhere, and
//! reads none back. Its plans (`docs/inspector-roadmap-2026-h2.md`, 3.4 and 4.2) have such a format.
//!
//! ```
//! use shadowcat::tape::{self, Entry, Sink, Tape, export, import, lines};
//! use shadowcat::{Direction, JsonRpcMessage};
//!
//! # let folder = std::env::temp_dir().join(format!("shadowcat-export-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! let ping = JsonRpcMessage::request(1, "ping", "{}")?;
//! let mut tape = lines::Writer::create(folder.join("a.jsonl"), &Tape::new()?.transport("stdio"))?;
//! tape.append(&Entry::message(&ping, Direction::ToUpstream))?;
//! tape.finish()?;
//!
//! let mut from = tape::open(folder.join("a.jsonl"))?;
//! let mut to = export::Writer::mcp_cassette_lines(folder.join("a.cassette.jsonl"), from.tape())?;
//! tape::copy(&mut *from, &mut to)?;
//! assert_eq!((to.written(), to.skipped()), (1, 0));
//!
//! let again = import::open(folder.join("a.cassette.jsonl"))?.next().unwrap()?;
//! assert_eq!(again.bytes, ping.bytes());
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod line;
mod shape;
mod writer;

pub use writer::Writer;
