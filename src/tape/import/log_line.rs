//! A line of a log: a message, and what is said around it.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::clock::since_epoch;
use crate::message::{Direction, members};
use crate::protocol::peek;
use crate::tape::head::get;
use crate::tape::{text as json_text, time};

const MESSAGE: [&str; 10] =
    ["message", "msg", "line", "raw", "data", "payload", "frame", "content", "body", "text"];
const WAY: [&str; 4] = ["direction", "dir", "sender", "from"];
const SINCE: [&str; 4] = ["t_ms", "timestamp_ms", "elapsed_ms", "t"];
const WALL: [&str; 3] = ["ts", "time", "timestamp"];
const SESSION: [&str; 2] = ["session", "session_id"];

/// What a line says.
pub(super) struct LogLine {
    pub(super) bytes: Bytes,
    pub(super) way: Option<Way>,
    pub(super) when: Option<When>,
    pub(super) session: Option<Arc<str>>,
}

pub(super) enum Way {
    Said(Direction),
    /// Nobody said it; the word that tells what it is.
    Note(&'static str),
}

pub(super) enum When {
    /// Since the log began.
    Since(Duration),
    /// Since 1970.
    Wall(Duration),
}

/// Whether a line that is JSON is one of a log.
pub(super) fn is_one(line: &[u8]) -> bool {
    LogLine::find(line).is_ok_and(|found| found.way.is_some() || is_message(&found.bytes))
}

impl LogLine {
    /// In what is JSON.
    pub(super) fn find(line: &[u8]) -> Result<Self, Cow<'static, str>> {
        if line.first() != Some(&b'{') || is_message(line) {
            return Ok(Self { bytes: Bytes::copy_from_slice(line), way: None, when: None, session: None });
        }
        let (_, message) = first(line, &MESSAGE)?.ok_or("a line without a message")?;
        let session = first(line, &SESSION)?.map(|(key, value)| text(key, value)).transpose()?;
        Ok(Self {
            bytes: bytes(message)?,
            way: way(line)?,
            when: when(line)?,
            session: session.map(Arc::from),
        })
    }
}

/// By its look; whether it is a good one is found out later.
fn is_message(json: &[u8]) -> bool {
    members(json).any(|member| member.is("jsonrpc"))
}

/// The first of these keys that is there.
fn first<'a>(
    line: &'a [u8],
    keys: &[&'static str],
) -> Result<Option<(&'static str, &'a [u8])>, Cow<'static, str>> {
    for key in keys {
        if let Some(value) = get(line, key)? {
            return Ok(Some((key, value)));
        }
    }
    Ok(None)
}

fn text<'a>(key: &str, value: &'a [u8]) -> Result<Cow<'a, str>, Cow<'static, str>> {
    peek::string(value).map_err(|_| format!("{key} is no text").into())
}

/// A text is the message as it was; anything else is JSON inside JSON.
fn bytes(message: &[u8]) -> Result<Bytes, Cow<'static, str>> {
    if message.first() != Some(&b'"') {
        return Ok(json_text::compact(message).into());
    }
    Ok(text("the message", message)?.into_owned().into())
}

fn way(line: &[u8]) -> Result<Option<Way>, Cow<'static, str>> {
    let Some((key, value)) = first(line, &WAY)? else { return Ok(None) };
    let word = text(key, value)?;
    let plain = word.to_ascii_lowercase().replace('-', "_");
    Ok(Some(match plain.as_str() {
        "client_to_server" | "client_to_server_raw" | "c2s" | "client" => Way::Said(Direction::ToUpstream),
        "server_to_client" | "server_to_client_raw" | "s2c" | "server" => Way::Said(Direction::ToClient),
        "note" => Way::Note("note"),
        "meta" => Way::Note("meta"),
        "stderr" => Way::Note("stderr"),
        _ => return Err(format!("{key} is {word:?}: say `client_to_server` or `server_to_client`").into()),
    }))
}

fn when(line: &[u8]) -> Result<Option<When>, Cow<'static, str>> {
    let no_time = |key: &str| Cow::from(format!("{key} is no time"));
    if let Some((key, value)) = first(line, &SINCE)? {
        let since = time::from_millis(value).ok_or_else(|| no_time(key))?;
        return Ok(Some(When::Since(since)));
    }
    let Some((key, value)) = first(line, &WALL)? else { return Ok(None) };
    let since = match value.first() {
        Some(b'"') => since_epoch(&text(key, value)?),
        _ => time::from_millis(value).map(|since| {
            /// Seconds since 1970 that no clock shows: milliseconds, then.
            const TOO_MANY: Duration = Duration::from_secs(100_000_000);
            if since < TOO_MANY { since.saturating_mul(1000) } else { since }
        }),
    };
    Ok(Some(When::Wall(since.ok_or_else(|| no_time(key))?)))
}
