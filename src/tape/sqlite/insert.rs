//! An entry, and what is known of a tape, as they are written.

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::bound::Bound;
use super::guard::Guard;
use super::known::Known;
use super::{place, row};
use crate::tape::rotating::Before;
use crate::tape::{Entry, EntryKind, Outcome, Tape, frame, time};

/// After so many entries those who wait for a processor go first: the thread of a recorder has a low priority, which says
/// who gets more time, not who gets it first.
const TURN: usize = 8;

/// A tape without entries: all that is known of it, or nothing. `None` where no number is left.
pub(super) fn add(
    db: &Connection,
    tape: &Tape,
    before: &Before,
    guard: &mut Guard,
) -> rusqlite::Result<Option<i64>> {
    let all = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let sql = "INSERT INTO tapes (tape_id, created_at, metadata) VALUES (?, 0, '{}')";
    all.execute(sql, params![tape.id.as_str()])?;
    let number = all.last_insert_rowid();
    if !place::is_tape(number) {
        return Ok(None);
    }
    title(&all, number, tape, before, guard)?;
    guard.end(&all, number, 0, false)?;
    all.commit()?;
    Ok(Some(number))
}

/// Writes what is known of the tape.
pub(super) fn title(
    db: &Connection,
    number: i64,
    tape: &Tape,
    before: &Before,
    guard: &mut Guard,
) -> rusqlite::Result<()> {
    guard.title(tape, before)?.write(db, number)?;
    db.execute("DELETE FROM components WHERE tape = ?", [number])?;
    if guard.is_sealed() {
        return Ok(());
    }
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

/// Where entries are written, and what is known there.
pub(super) struct Place<'a> {
    pub(super) db: &'a Connection,
    pub(super) tape: i64,
    pub(super) title: &'a Tape,
    pub(super) known: &'a mut Known,
    pub(super) guard: &'a mut Guard,
}

/// Writes entries, the first of which has that number.
pub(super) fn insert(place: Place<'_>, first: i64, entries: &[Entry]) -> rusqlite::Result<()> {
    let Place { db, tape, title, known, guard } = place;
    let sql = "INSERT INTO recordings (id, session_id, timestamp, message_type, component_id, elapsed_ns, direction,
        edge, call, outcome, synthetic, name, policy, mac, message)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let mut insert = db.prepare_cached(sql)?;
    for (at, (entry, frame)) in entries.iter().zip(first..).enumerate() {
        let id = place::id(tape, frame);
        let name = known.stands(db, tape, id, entry, guard.hides_names())?;
        let policy = policy(entry, title).filter(|_| !guard.is_sealed()).map(str::as_bytes);
        let (message, mac) = if guard.is_none() {
            (entry.bytes[..].into(), None)
        } else {
            guard.row(frame, &bound(db, frame, entry, policy, name)?, &entry.bytes)?
        };
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
            policy,
            mac,
            &*message,
        ])?;
        if at % TURN == TURN - 1 {
            std::thread::yield_now();
        }
    }
    Ok(())
}

/// What is bound in a row beside the message: the columns of [`row::BOUND`].
fn bound(
    db: &Connection,
    frame: i64,
    entry: &Entry,
    policy: Option<&[u8]>,
    name: Option<i64>,
) -> rusqlite::Result<Bound> {
    let mut bound = Bound::default();
    bound.number(Some(frame));
    bound.text(Some(entry.kind.as_str()));
    bound.text(Some(frame::direction_word(entry.direction)));
    bound.text(Some(entry.edge.as_str()));
    bound.number(Some(time::nanos(entry.at).cast_signed()));
    bound.number(entry.wall.map(row::micros));
    bound.text(entry.session.as_deref());
    bound.text(entry.component.as_deref());
    bound.number(entry.call.map(u64::cast_signed));
    bound.text(entry.outcome.map(Outcome::as_str));
    bound.number(Some(entry.synthetic.into()));
    bound.blob(policy);
    let Some(name) = name else {
        (0..2).for_each(|_| bound.number(None));
        return Ok(bound);
    };
    let mut words = db.prepare_cached("SELECT method, tool FROM names WHERE id = ?")?;
    words.query_row([name], |row| {
        bound.value(row.get_ref(0)?);
        bound.value(row.get_ref(1)?);
        Ok(())
    })?;
    Ok(bound)
}

/// Of the component that was loaded.
fn policy<'a>(entry: &Entry, tape: &'a Tape) -> Option<&'a str> {
    let id = entry.component.as_deref().filter(|_| entry.kind == EntryKind::Component)?;
    tape.components.iter().find(|component| &*component.id == id)?.policy.as_deref()
}
