//! An entry, and what is known of a tape, as they are written.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::known::Known;
use super::{place, row};
use crate::tape::object::{Object, Style};
use crate::tape::rotating::Before;
use crate::tape::{Entry, EntryKind, Outcome, Tape, frame, head, time};

/// After so many entries those who wait for a processor go first: the thread of a recorder has a low priority, which says
/// who gets more time, not who gets it first.
const TURN: usize = 8;

/// A tape without entries: all that is known of it, or nothing. `None` where no number is left.
pub(super) fn add(db: &Connection, tape: &Tape, before: &Before) -> rusqlite::Result<Option<i64>> {
    let all = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let sql = "INSERT INTO tapes (tape_id, session_id, created_at, metadata) VALUES (?, ?, 0, '{}')";
    all.execute(sql, params![tape.id.as_str(), tape.session.as_deref()])?;
    let number = all.last_insert_rowid();
    if !place::is_tape(number) {
        return Ok(None);
    }
    title(&all, number, tape, before)?;
    all.commit()?;
    Ok(Some(number))
}

/// Writes what is known of the tape.
pub(super) fn title(db: &Connection, number: i64, tape: &Tape, before: &Before) -> rusqlite::Result<()> {
    let mut metadata = Vec::new();
    let mut object = Object::new(&mut metadata, Style::Line);
    head::metadata(&mut object, tape);
    before.write(&mut object);
    object.end();
    let metadata = String::from_utf8_lossy(&metadata);
    let sql = "UPDATE tapes SET session_id = ?, created_at = ?, metadata = ? WHERE id = ?";
    db.execute(sql, params![tape.session.as_deref(), row::micros(tape.created), metadata, number])?;
    db.execute("DELETE FROM components WHERE tape = ?", [number])?;
    let mut add = db.prepare_cached("INSERT INTO components VALUES (?, ?, ?, ?, ?)")?;
    for part in &tape.components {
        add.execute(params![
            number,
            &*part.id,
            part.uri.as_deref(),
            part.digest.as_deref(),
            part.policy.as_deref()
        ])?;
    }
    Ok(())
}

/// Writes entries, the first of which has that number.
pub(super) fn insert(
    db: &Connection,
    tape: i64,
    first: i64,
    entries: &[Entry],
    known: &mut Known,
    title: &Tape,
) -> rusqlite::Result<()> {
    let sql = "INSERT INTO recordings (id, session_id, timestamp, message_type, component_id, elapsed_ns, direction,
        edge, call, outcome, synthetic, name, policy, message) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let mut insert = db.prepare_cached(sql)?;
    for (at, (entry, frame)) in entries.iter().zip(first..).enumerate() {
        let id = place::id(tape, frame);
        let name = known.stands(db, tape, id, entry)?;
        insert.execute(params![
            id,
            entry.session.as_deref(),
            entry.wall.map(row::micros),
            entry.kind.as_str(),
            entry.component.as_deref(),
            time::nanos(entry.at).cast_signed(),
            frame::direction_word(entry.direction),
            entry.edge.as_str(),
            entry.call.map(u64::cast_signed),
            entry.outcome.map(Outcome::as_str),
            entry.synthetic,
            name,
            policy(entry, title).map(str::as_bytes),
            &entry.bytes[..],
        ])?;
        if at % TURN == TURN - 1 {
            std::thread::yield_now();
        }
    }
    Ok(())
}

/// Of the component that was loaded.
fn policy<'a>(entry: &Entry, tape: &'a Tape) -> Option<&'a str> {
    let id = entry.component.as_deref().filter(|_| entry.kind == EntryKind::Component)?;
    tape.components.iter().find(|component| &*component.id == id)?.policy.as_deref()
}
