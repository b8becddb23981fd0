//! Which format a file has.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::log_line;
use crate::message::members;
use crate::protocol::peek;
use crate::tape::found::{Found, rewind};
use crate::tape::{MAX_FRAME_BYTES, TapeError, text};

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
        match Found::read(path) {
            Ok(found) => Self::in_found(&found, path),
            // It is empty.
            Err(error) if error.is_foreign() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Of a file that was looked at. It is at its beginning again afterwards.
    pub(super) fn in_found(found: &Found, path: &Path) -> Result<Option<Self>, TapeError> {
        match found {
            Found::File(file) => Self::in_file(file).map_err(|error| TapeError::io(path.display(), error)),
            Found::Database(_) => Ok(None),
        }
    }

    fn in_file(file: &File) -> std::io::Result<Option<Self>> {
        let line = first_line(file)?;
        let line = line.trim_ascii();
        if text::is_json(line) {
            return Ok(Self::of_line(line));
        }
        Ok(begins_a_cassette(line, file)?.then_some(Self::McpCassetteJson))
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
fn first_line(file: &File) -> std::io::Result<Vec<u8>> {
    let mut input = BufReader::new(file.take(MAX_FRAME_BYTES as u64));
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 && line.trim_ascii().is_empty() {
        line.clear();
    }
    rewind(file)?;
    Ok(line)
}

/// Laid out for people, as it is written, the version is the first member.
fn begins_a_cassette(line: &[u8], file: &File) -> std::io::Result<bool> {
    if !line.starts_with(b"{") {
        return Ok(false);
    }
    let mut start = Vec::new();
    file.take(4096).read_to_end(&mut start)?;
    rewind(file)?;
    let rest = start.trim_ascii_start().strip_prefix(b"{").unwrap_or_default();
    Ok(rest.trim_ascii_start().starts_with(b"\"format_version\""))
}
