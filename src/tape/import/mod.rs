//! Reading what other recorders wrote.
//!
//! | [`Format`] | written by | known from |
//! |---|---|---|
//! | [`McpCassetteJson`](Format::McpCassetteJson) | `mcp-cassette` of PyPI (EeHeng Chen), `NAME.mcp.json` | `mcp_cassette/cassette.py` of 0.4.0 in the package, of `v0.3.2` at `cheneeheng/mcp-cassette`; `format_version` 1 to 3 |
//! | [`McpCassetteLines`](Format::McpCassetteLines) | `mcp-cassette` of npm (Hoang Le), `NAME.cassette.jsonl` | `docs/cassette-format-v2.md` and `src/cassette.ts` of `v0.4.0` at `ivermin1123/mcp-cassette`; `cassetteVersion` 1 and 2 |
//! | [`Mcpsnoop`](Format::Mcpsnoop) | `mcpsnoop`, the logs in its `sessions` folder | `internal/proxy/frame.go` of `v0.18.0` at `kerlenton/mcpsnoop` |
//! | [`Log`](Format::Log) | anybody who writes one JSON-RPC message per line | |
//!
//! [`open`] finds out which it is; [`copy`](super::copy) makes a tape of it. What those formats do not know stays
//! unknown: the edge is the client's, and times are as exact as they were kept. A message that stood in JSON is its
//! tokens without the space between them, as after [`json`](super::json); a line that is no message becomes an entry of
//! the kind [`Refused`](super::EntryKind::Refused), what a server wrote to its standard error a
//! [`Note`](super::EntryKind::Note) that begins with `stderr: `, and a gap in numbers that are to have none
//! [`Lost`](super::EntryKind::Lost). A client's request gets a [`call`](super::Entry::call), and the response with its
//! id the same; to which call a server's question or notification belongs, these formats do not know. HTTP's status codes and headers are not kept.
//!
//! A file is read a line, or an element, at a time, and each is held to [`MAX_FRAME_BYTES`](super::MAX_FRAME_BYTES).
//!
//! # Logs
//!
//! A line is the message itself, or an object with
//!
//! - the message in `message`, `msg`, `line`, `raw`, `data`, `payload`, `frame`, `content`, `body` or
//!   `text`, as JSON or as a text,
//! - its direction in `direction`, `dir`, `sender` or `from`: `client_to_server`, `c2s` or `client`, and
//!   `server_to_client`, `s2c` or `server`, in any case and with `-` for `_`; or `note`, `stderr`, `meta`, which makes a
//!   note,
//! - when, in `t_ms`, `timestamp_ms`, `elapsed_ms` or `t` as milliseconds since the log began, or in `ts`, `time` or
//!   `timestamp` as a time of day, as RFC 3339 or in seconds or milliseconds since 1970,
//! - its session in `session` or `session_id`.
//!
//! Only the message is needed. Without a direction, the method tells who sent a message: what only servers say goes to
//! the client, a response the other way than the request with its id.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use shadowcat::tape::{self, EntryKind, import, json};
//!
//! # let folder = std::env::temp_dir().join(format!("shadowcat-import-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! let log = concat!(
//!     r#"{"t_ms":0.5,"dir":"c2s","line":"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"}"#, "\n",
//!     r#"{"t_ms":2.25,"dir":"s2c","line":"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}"}"#, "\n",
//! );
//! std::fs::write(folder.join("log.jsonl"), log)?;
//!
//! let mut log = import::open(folder.join("log.jsonl"))?;
//! let mut to = json::Writer::create(folder.join("tape.json"), log.tape())?;
//! assert_eq!(tape::copy(&mut *log, &mut to)?.entries, 2);
//!
//! let answer = tape::open(folder.join("tape.json"))?.last().unwrap()?;
//! assert_eq!((answer.kind, answer.call), (EntryKind::Response, Some(1)));
//! assert_eq!(answer.at, Duration::from_micros(2250));
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod calls;
mod cassette;
mod clock;
mod document;
mod format;
mod lines;
mod log;
mod log_line;
mod snoop;

use std::path::Path;

pub use format::Format;

use super::found::Found;
use super::{OpenOptions, Source, TapeError};

/// Opens what another recorder wrote, by what is in the file. A tape of our own is opened too.
///
/// # Errors
///
/// It cannot be read, or is of no format that is known; say which it is with [`open_as`].
pub fn open(path: impl AsRef<Path>) -> Result<Box<dyn Source>, TapeError> {
    open_with(path, &OpenOptions::new())
}

/// Opens what another recorder wrote, or a tape of our own with its keys, if it may be read. A check is asked about what
/// the file says of its session, which may be little: see the table above.
///
/// ```
/// use shadowcat::tape::{OpenOptions, import};
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-import-with-{}.jsonl", std::process::id()));
/// std::fs::write(&path, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n")?;
/// let options = OpenOptions::new()
///     .check(|tape| if tape.software.is_some() { Ok(()) } else { Err("nobody knows who wrote it".to_owned()) })
///     .on_open(|opening| println!("{opening}")); // or into an audit log
/// assert!(import::open_with(&path, &options).err().unwrap().is_refused());
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`open`]; a key is missing, wrong, or of no use for this format; it may not be read.
pub fn open_with(path: impl AsRef<Path>, options: &OpenOptions) -> Result<Box<dyn Source>, TapeError> {
    let path = path.as_ref();
    let find = |found: Found| match Format::in_found(&found, path)? {
        Some(format) => read_as(found, path, format, options),
        None => super::copy::find(found, path, options),
    };
    options.guard(path, find, |source| source.tape())
}

/// Opens what another recorder wrote, of which the format is known.
///
/// # Errors
///
/// It cannot be read, is of another format, or of a version of it that is not known.
pub fn open_as(path: impl AsRef<Path>, format: Format) -> Result<Box<dyn Source>, TapeError> {
    open_as_with(path, format, &OpenOptions::new())
}

/// Opens what another recorder wrote, of which the format is known, if it may be read.
///
/// ```
/// use shadowcat::tape::OpenOptions;
/// use shadowcat::tape::import::{self, Format};
///
/// # let path = std::env::temp_dir().join(format!("shadowcat-import-as-{}.jsonl", std::process::id()));
/// std::fs::write(&path, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n")?;
/// let options = OpenOptions::new().on_open(|opening| println!("{opening}")); // or into an audit log
/// assert_eq!(import::open_as_with(&path, Format::Log, &options)?.count(), 1);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`open_as`]; a key is of no use here; it may not be read.
pub fn open_as_with(
    path: impl AsRef<Path>,
    format: Format,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, TapeError> {
    let path = path.as_ref();
    options.guard(path, |found| read_as(found, path, format, options), |source| source.tape())
}

/// There are no keys to what others write.
fn read_as(
    found: Found,
    path: &Path,
    format: Format,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, TapeError> {
    options.needs_no_key(path)?;
    let file = found.file(path)?;
    Ok(match format {
        Format::McpCassetteJson => Box::new(document::Reader::of(file, path)?),
        Format::McpCassetteLines => Box::new(lines::Reader::<cassette::Cassette>::of(file, path)?),
        Format::Mcpsnoop => Box::new(lines::Reader::<snoop::Snoop>::of(file, path)?),
        Format::Log => Box::new(lines::Reader::<log::Log>::of(file, path)?),
    })
}
