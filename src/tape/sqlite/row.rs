//! An entry as a row.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Row;
use rusqlite::types::{Type, ValueRef};

use super::place;
use crate::tape::{Edge, Entry, EntryKind, MAX_NAME_BYTES, Outcome, frame, name};

/// What [`read`] needs, in its order.
pub(super) const COLUMNS: &str = "id, message, message_type, direction, edge, elapsed_ns, timestamp, session_id, \
    component_id, call, outcome, synthetic";
/// The same, and what else is bound in a row that is sealed or has a MAC, and the MAC.
pub(super) const CHECKED: &str = "id, message, message_type, direction, edge, elapsed_ns, timestamp, session_id, \
    component_id, call, outcome, synthetic, policy, (SELECT method FROM names WHERE names.id = name), \
    (SELECT tool FROM names WHERE names.id = name), mac";
/// Where these stand, in the order in which they are bound.
pub(super) const BOUND: RangeInclusive<usize> = 2..=14;
pub(super) const MAC: usize = 15;

/// Since 1970.
pub(super) fn micros(time: SystemTime) -> i64 {
    let micros = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    i64::try_from(micros).unwrap_or(i64::MAX)
}

pub(super) fn from_micros(micros: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

/// The `id` of a row, and the entry.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<(i64, Entry)> {
    let kind = word(row, 2, EntryKind::from_word)?;
    let direction = word(row, 3, frame::direction)?;
    let mut entry = Entry::new(kind, direction, row.get::<_, Vec<u8>>(1)?);
    entry.edge = word(row, 4, Edge::from_word)?;
    entry.at = Duration::from_nanos(u64::try_from(row.get::<_, i64>(5)?).unwrap_or(0));
    if let Some(timestamp) = row.get::<_, Option<i64>>(6)? {
        entry = entry.wall(from_micros(timestamp));
    }
    entry.session = some_text(row, 7)?.map(Into::into);
    entry.component = some_text(row, 8)?.map(Into::into);
    entry.call = row.get::<_, Option<i64>>(9)?.map(i64::cast_unsigned);
    if row.get_ref(10)? != ValueRef::Null {
        entry.outcome = Some(word(row, 10, Outcome::from_word)?);
    }
    entry.synthetic = row.get(11)?;
    Ok((row.get(0)?, entry))
}

fn word<T>(row: &Row<'_>, at: usize, from: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let word = text(row, at)?;
    from(word).ok_or_else(|| unfit(at, format!("unknown word {word:?}")))
}

/// A name: of a few bytes in the file, SQLite makes as many in memory as a hostile file says, for each row anew.
pub(super) fn text<'a>(row: &'a Row<'_>, at: usize) -> rusqlite::Result<&'a str> {
    let text = row.get_ref(at)?.as_str().map_err(|error| unfit(at, error))?;
    if text.len() > MAX_NAME_BYTES {
        return Err(unfit(at, format!("a name of more than {MAX_NAME_BYTES} bytes")));
    }
    Ok(text)
}

pub(super) fn some_text<'a>(row: &'a Row<'_>, at: usize) -> rusqlite::Result<Option<&'a str>> {
    if row.get_ref(at)? == ValueRef::Null { Ok(None) } else { text(row, at).map(Some) }
}

pub(super) fn unfit(at: usize, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(at, Type::Text, why.into())
}

/// The number of a tape.
pub(super) fn tape(row: &Row<'_>, at: usize) -> rusqlite::Result<i64> {
    let number = row.get(at)?;
    if !place::is_tape(number) {
        return Err(unfit(at, format!("no tape has the number {number}")));
    }
    Ok(number)
}

/// What an entry is found by: its own method, and the tool of a call.
pub(super) fn name(entry: &Entry) -> Option<(String, String)> {
    let is_asked = matches!(entry.kind, EntryKind::Request | EntryKind::Notification);
    is_asked.then(|| name::of(&name::message(entry)?)).flatten()
}
