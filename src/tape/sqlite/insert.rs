//! An entry, and what is known of a tape, as they are written.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::row;
use crate::tape::object::{Object, Style};
use crate::tape::rotating::Before;
use crate::tape::{Edge, Entry, EntryKind, Outcome, Tape, frame, head, time};

/// Of so many names, calls and sessions it is remembered where they stand.
const REMEMBERED: usize = 10_000;

/// And of so many bytes of names, which peers choose.
const NAME_BYTES: usize = 4 << 20;

/// What is in the file already.
#[derive(Debug, Default)]
pub(super) struct Known {
    names: HashMap<(String, String), i64>,
    name_bytes: usize,
    calls: HashMap<u64, i64>,
    sessions: HashSet<Arc<str>>,
}

/// A tape without entries: all that is known of it, or nothing.
pub(super) fn add(db: &Connection, tape: &Tape, before: &Before) -> rusqlite::Result<i64> {
    let all = Transaction::new_unchecked(db, TransactionBehavior::Immediate)?;
    let sql = "INSERT INTO tapes (tape_id, session_id, created_at, metadata) VALUES (?, ?, 0, '{}')";
    all.execute(sql, params![tape.id.as_str(), tape.session.as_deref()])?;
    let number = all.last_insert_rowid();
    title(&all, number, tape, before)?;
    all.commit()?;
    Ok(number)
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

/// Writes one entry.
pub(super) fn insert(
    db: &Connection,
    tape: i64,
    number: u64,
    entry: &Entry,
    known: &mut Known,
    title: &Tape,
) -> rusqlite::Result<()> {
    let name = known.name(db, entry)?;
    known.session(db, tape, entry)?;
    let sql =
        "INSERT INTO recordings (tape, frame, message, message_type, direction, edge, elapsed_ns, timestamp,
        session_id, component_id, call, outcome, synthetic, name, policy)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    db.prepare_cached(sql)?.execute(params![
        tape,
        number.cast_signed(),
        &entry.bytes[..],
        entry.kind.as_str(),
        frame::direction_word(entry.direction),
        entry.edge.as_str(),
        time::nanos(entry.at).cast_signed(),
        entry.wall.map(row::micros),
        entry.session.as_deref(),
        entry.component.as_deref(),
        entry.call.map(u64::cast_signed),
        entry.outcome.map(Outcome::as_str),
        entry.synthetic,
        name,
        policy(entry, title).map(str::as_bytes),
    ])?;
    Ok(())
}

/// Of the component that was loaded.
fn policy<'a>(entry: &Entry, tape: &'a Tape) -> Option<&'a str> {
    let id = entry.component.as_deref().filter(|_| entry.kind == EntryKind::Component)?;
    tape.components.iter().find(|component| &*component.id == id)?.policy.as_deref()
}

impl Known {
    /// Of the entry itself, or of the call that it answers or ends.
    fn name(&mut self, db: &Connection, entry: &Entry) -> rusqlite::Result<Option<i64>> {
        let Some(name) = row::name(entry) else {
            let is_of_call = matches!(entry.kind, EntryKind::Response | EntryKind::End);
            let call = entry.call.filter(|_| is_of_call);
            return Ok(match entry.kind {
                // The client's comes last.
                EntryKind::End if entry.edge == Edge::Client => {
                    call.and_then(|call| self.calls.remove(&call))
                }
                _ => call.and_then(|call| self.calls.get(&call).copied()),
            });
        };
        let number = self.number(db, name)?;
        if let Some(call) = entry.call.filter(|_| entry.kind == EntryKind::Request) {
            if self.calls.len() >= REMEMBERED {
                self.calls.clear();
            }
            // A question of the server belongs to the call, and does not name it.
            self.calls.entry(call).or_insert(number);
        }
        Ok(Some(number))
    }

    fn number(&mut self, db: &Connection, name: (String, String)) -> rusqlite::Result<i64> {
        if let Some(number) = self.names.get(&name) {
            return Ok(*number);
        }
        let add = "INSERT OR IGNORE INTO names (method, tool) VALUES (?, ?)";
        let is_new = db.prepare_cached(add)?.execute(params![name.0, name.1])? > 0;
        let find = "SELECT id FROM names WHERE method = ? AND tool = ?";
        let number = db.prepare_cached(find)?.query_row(params![name.0, name.1], |row| row.get(0))?;
        if is_new {
            let index = "INSERT INTO names_search (rowid, method, tool) VALUES (?, ?, ?)";
            db.prepare_cached(index)?.execute(params![number, name.0, name.1])?;
        }
        self.remember(name, number);
        Ok(number)
    }

    fn remember(&mut self, name: (String, String), number: i64) {
        let bytes = name.0.len() + name.1.len();
        if self.names.len() >= REMEMBERED || self.name_bytes + bytes > NAME_BYTES {
            (self.names, self.name_bytes) = (HashMap::new(), 0);
        }
        self.name_bytes += bytes;
        self.names.insert(name, number);
    }

    fn session(&mut self, db: &Connection, tape: i64, entry: &Entry) -> rusqlite::Result<()> {
        let Some(session) = &entry.session else { return Ok(()) };
        if self.sessions.contains(session) {
            return Ok(());
        }
        db.prepare_cached("INSERT OR IGNORE INTO sessions VALUES (?, ?)")?
            .execute(params![tape, &**session])?;
        if self.sessions.len() >= REMEMBERED {
            self.sessions.clear();
        }
        self.sessions.insert(session.clone());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_any_length_take_only_so_much_memory() {
        let mut known = Known::default();
        for number in 0..10 {
            known.remember(("tools/call".to_owned(), number.to_string().repeat(1 << 20)), number);
            assert!(known.names.keys().map(|name| name.1.len()).sum::<usize>() <= NAME_BYTES);
        }
        assert_eq!(known.names.len(), 1, "of ten, three fit at a time");
    }
}
