//! What a writer knows of the names, calls and sessions of its tape.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::{place, row};
use crate::tape::{Edge, Entry, EntryKind};

/// Of so many names, calls and sessions it is remembered where they stand.
const REMEMBERED: usize = 10_000;

/// And of so many bytes of names, which peers choose.
const NAME_BYTES: usize = 4 << 20;

/// What is in the file already.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By method and tool.
    names: HashMap<(String, String), i64>,
    name_bytes: usize,
    /// The name of each call.
    calls: HashMap<u64, i64>,
    sessions: HashMap<Arc<str>, i64>,
    /// The block in which a name, and a session, was met last.
    name_blocks: HashMap<i64, i64>,
    session_blocks: HashMap<i64, i64>,
}

impl Known {
    /// Notes where an entry stands, and tells under which name, unless names are hidden.
    pub(super) fn stands(
        &mut self,
        db: &Connection,
        tape: i64,
        id: i64,
        entry: &Entry,
        hides_names: bool,
    ) -> rusqlite::Result<Option<i64>> {
        if let Some(session) = &entry.session {
            let session = self.session(db, tape, session)?;
            let add = "INSERT OR IGNORE INTO session_blocks VALUES (?, ?)";
            stand(db, add, &mut self.session_blocks, session, id)?;
        }
        if hides_names {
            return Ok(None);
        }
        let name = self.name(db, entry)?;
        name.map_or(Ok(()), |name| self.stand(db, name, id))?;
        Ok(name)
    }

    /// Notes where a name stands.
    pub(super) fn stand(&mut self, db: &Connection, name: i64, id: i64) -> rusqlite::Result<()> {
        stand(db, "INSERT OR IGNORE INTO name_blocks VALUES (?, ?)", &mut self.name_blocks, name, id)
    }

    /// Of the entry itself, or of the call that it answers or ends.
    pub(super) fn name(&mut self, db: &Connection, entry: &Entry) -> rusqlite::Result<Option<i64>> {
        let Some(name) = row::name(entry) else { return Ok(self.name_of_call(entry)) };
        let number = self.number(db, name)?;
        if let Some(call) = entry.call.filter(|_| entry.kind == EntryKind::Request) {
            make_room(&mut self.calls);
            // A question of the server belongs to the call, and does not name it.
            self.calls.entry(call).or_insert(number);
        }
        Ok(Some(number))
    }

    fn name_of_call(&mut self, entry: &Entry) -> Option<i64> {
        let is_of_call = matches!(entry.kind, EntryKind::Response | EntryKind::End);
        let call = entry.call.filter(|_| is_of_call)?;
        // The client's comes last.
        let is_last = entry.kind == EntryKind::End && entry.edge == Edge::Client;
        if is_last { self.calls.remove(&call) } else { self.calls.get(&call).copied() }
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

    fn session(&mut self, db: &Connection, tape: i64, session: &Arc<str>) -> rusqlite::Result<i64> {
        if let Some(number) = self.sessions.get(session) {
            return Ok(*number);
        }
        let add = "INSERT OR IGNORE INTO sessions (tape, session_id) VALUES (?, ?)";
        db.prepare_cached(add)?.execute(params![tape, &**session])?;
        let find = "SELECT id FROM sessions WHERE tape = ? AND session_id = ?";
        let number = db.prepare_cached(find)?.query_row(params![tape, &**session], |row| row.get(0))?;
        make_room(&mut self.sessions);
        self.sessions.insert(session.clone(), number);
        Ok(number)
    }
}

/// Notes a block of what stands in it, once.
fn stand(
    db: &Connection,
    add: &str,
    blocks: &mut HashMap<i64, i64>,
    what: i64,
    id: i64,
) -> rusqlite::Result<()> {
    let block = place::block(id);
    if blocks.get(&what) == Some(&block) {
        return Ok(());
    }
    db.prepare_cached(add)?.execute([what, block])?;
    make_room(blocks);
    blocks.insert(what, block);
    Ok(())
}

fn make_room<K, V>(known: &mut HashMap<K, V>) {
    if known.len() >= REMEMBERED {
        known.clear();
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
