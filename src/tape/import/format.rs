//! Which format a file has.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::log_line;
use crate::file;
use crate::message::members;
use crate::protocol::peek;
use crate::tape::{MAX_FRAME_BYTES, TapeError, found, text};

/// A format of another recorder's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// One JSON document of the `mcp-cassette` that is on PyPI.
    McpCassetteJson,
    /// JSON Lines of the `mcp-cassette` that is on npm.
    McpCassetteLines,
    /// JSON Lines of `mcpsnoop`.
    Mcpsnoop,
    /// A message per line, by itself or with when and which way.
    Log,
}

impl Format {
    /// By what is in the file; `None` if it is none of these.
    ///
    /// ```
    /// use shadowcat::tape::import::Format;
    ///
    /// # let path = std::env::temp_dir().join(format!("shadowcat-format-{}", std::process::id()));
    /// std::fs::write(&path, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n")?;
    /// assert_eq!(Format::of(&path)?, Some(Format::Log));
    /// # std::fs::remove_file(&path)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The file cannot be read.
    pub fn of(path: impl AsRef<Path>) -> Result<Option<Self>, TapeError> {
        let path = path.as_ref();
        let failed = |error| TapeError::io(path.display(), error);
        if found::is_database(path).map_err(failed)? {
            return Ok(None);
        }
        let line = first_line(path).map_err(failed)?;
        let line = line.trim_ascii();
        if text::is_json(line) {
            return Ok(Self::of_line(line));
        }
        Ok(begins_a_cassette(line, path)?.then_some(Self::McpCassetteJson))
    }

    /// Of what is JSON.
    fn of_line(line: &[u8]) -> Option<Self> {
        let has = |keys: &[&str]| keys.iter().all(|key| members(line).any(|member| member.is(key)));
        if has(&["format_version", "messages"]) {
            return Some(Self::McpCassetteJson);
        }
        if has(&["cassetteVersion"]) && peek::text(line, "type").ok().flatten().as_deref() == Some("header") {
            return Some(Self::McpCassetteLines);
        }
        if has(&["session_id", "server_label", "seq", "ts", "direction"]) {
            return Some(Self::Mcpsnoop);
        }
        let is_ours = has(&["tape_id"]) || has(&["version", "frames"]);
        (!is_ours && log_line::is_one(line)).then_some(Self::Log)
    }
}

/// The first line that is not empty.
fn first_line(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut input = BufReader::new(file::read(path)?.take(MAX_FRAME_BYTES as u64));
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 && line.trim_ascii().is_empty() {
        line.clear();
    }
    Ok(line)
}

/// Laid out for people, as it is written, the version is the first member.
fn begins_a_cassette(line: &[u8], path: &Path) -> Result<bool, TapeError> {
    if !line.starts_with(b"{") {
        return Ok(false);
    }
    let mut start = Vec::new();
    let read = file::read(path).and_then(|file| file.take(4096).read_to_end(&mut start));
    read.map_err(|error| TapeError::io(path.display(), error))?;
    let rest = start.trim_ascii_start().strip_prefix(b"{").unwrap_or_default();
    Ok(rest.trim_ascii_start().starts_with(b"\"format_version\""))
}
