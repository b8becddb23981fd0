//! Where the next entry is that a filter asks for.

use std::collections::{HashSet, VecDeque};

use rusqlite::types::{Value, ValueRef};
use rusqlite::{Connection, Result, Row, params_from_iter};

use super::place;
use crate::tape::Filter;

/// So many blocks are looked for at once, at most: each costs eight bytes.
const BLOCKS: usize = 1 << 16;
/// A filter that is for more names than this is for so much that all can be read.
const NAMES: usize = 10_000;

/// The frames of a tape that are by themselves what a filter asks for, by name or session. An index tells the blocks.
#[derive(Debug)]
pub(super) struct Wanted {
    filter: Filter,
    tape: i64,
    /// `None` where no index helps.
    search: Option<Search>,
    /// Frames of a block, and further blocks, that are not passed yet.
    frames: VecDeque<i64>,
    blocks: VecDeque<i64>,
    /// The block from which on more are looked for; `None` where there are no more.
    from: Option<i64>,
}

/// How blocks are found, and what is looked for in them.
#[derive(Debug)]
struct Search {
    blocks: String,
    values: Vec<Value>,
    by: By,
}

#[derive(Debug)]
enum By {
    Names(HashSet<i64>),
    Session(String),
}

impl Wanted {
    pub(super) fn of(db: &Connection, tape: i64, filter: &Filter) -> Result<Self> {
        let search = match Search::names(db, filter)? {
            None => Search::session(tape, filter),
            by_name => by_name,
        };
        let (frames, blocks, from) = (VecDeque::new(), VecDeque::new(), Some(*place::blocks(tape).start()));
        Ok(Self { filter: filter.clone(), tape, search, frames, blocks, from })
    }

    pub(super) fn is_for(&self, filter: &Filter) -> bool {
        self.filter == *filter
    }

    /// The first frame behind `at`, or [`place::PAST`] where there is none; `None` where no index tells.
    pub(super) fn next(&mut self, db: &Connection, at: i64) -> Result<Option<i64>> {
        let Some(search) = &self.search else { return Ok(None) };
        let next = place::block(place::id(self.tape, at + 1));
        loop {
            while let Some(frame) = self.frames.front() {
                if *frame > at {
                    return Ok(Some(*frame));
                }
                self.frames.pop_front();
            }
            match self.blocks.pop_front() {
                Some(block) if block < next => {}
                Some(block) => self.frames = search.frames(db, block)?,
                None => {
                    let Some(from) = self.from else { return Ok(Some(place::PAST)) };
                    self.blocks = search.blocks(db, from.max(next), *place::blocks(self.tape).end())?;
                    let is_all = self.blocks.len() < BLOCKS;
                    self.from = self.blocks.back().filter(|_| !is_all).map(|last| last + 1);
                }
            }
        }
    }
}

impl Search {
    fn names(db: &Connection, filter: &Filter) -> Result<Option<Self>> {
        let Some((names, values)) = names(filter) else { return Ok(None) };
        let sql = format!("{names} LIMIT {}", NAMES + 1);
        let mut select = db.prepare(&sql)?;
        let found = select.query_map(params_from_iter(&values), |row| row.get(0))?;
        let found: HashSet<i64> = found.collect::<Result<_>>()?;
        let blocks = format!("SELECT DISTINCT block FROM name_blocks WHERE name IN ({names})");
        Ok((found.len() <= NAMES).then_some(Self { blocks, values, by: By::Names(found) }))
    }

    /// The session is asked of each entry by itself: what begins a call may be of another.
    fn session(tape: i64, filter: &Filter) -> Option<Self> {
        let session = filter.session.clone().filter(|_| !filter.is_about_calls())?;
        let blocks = "SELECT block FROM session_blocks
            WHERE session = (SELECT id FROM sessions WHERE tape = ? AND session_id = ?)";
        let values = vec![Value::Integer(tape), Value::Text(session.clone())];
        Some(Self { blocks: blocks.to_owned(), values, by: By::Session(session) })
    }

    fn sql(&self) -> String {
        format!("{} AND block BETWEEN ? AND ? ORDER BY block LIMIT {BLOCKS}", self.blocks)
    }

    fn blocks(&self, db: &Connection, from: i64, to: i64) -> Result<VecDeque<i64>> {
        let bounds = [Value::Integer(from), Value::Integer(to)];
        let mut select = db.prepare_cached(&self.sql())?;
        select.query_map(params_from_iter(self.values.iter().chain(&bounds)), |row| row.get(0))?.collect()
    }

    fn frames(&self, db: &Connection, block: i64) -> Result<VecDeque<i64>> {
        let column = match self.by {
            By::Names(_) => "name",
            By::Session(_) => "session_id",
        };
        let rows = place::rows_of_block(block);
        let sql = format!("SELECT id, {column} FROM recordings WHERE id BETWEEN ? AND ? ORDER BY id");
        let mut select = db.prepare_cached(&sql)?;
        let mut found = select.query([rows.start(), rows.end()])?;
        let mut frames = VecDeque::new();
        while let Some(row) = found.next()? {
            if self.is_about(row)? {
                frames.push_back(place::frame(row.get(0)?));
            }
        }
        Ok(frames)
    }

    fn is_about(&self, row: &Row<'_>) -> Result<bool> {
        Ok(match (&self.by, row.get_ref(1)?) {
            (By::Names(names), ValueRef::Integer(name)) => names.contains(&name),
            (By::Session(session), ValueRef::Text(text)) => session.as_bytes() == text,
            _ => false,
        })
    }
}

/// What finds the ids of the names that a filter asks for.
fn names(filter: &Filter) -> Option<(String, Vec<Value>)> {
    // As texts, so that nothing in them is syntax.
    let words: Vec<String> = filter.words.iter().map(|word| format!("\"{word}\"")).collect();
    let resources = "('resources/read', 'resources/subscribe', 'resources/unsubscribe')";
    let parts = [
        (filter.method.clone(), "method = ?".to_owned()),
        (filter.tool.clone(), "tool = ?".to_owned()),
        (filter.resource.clone(), format!("? IS NOT NULL AND method IN {resources}")),
        (
            (!words.is_empty()).then(|| words.join(" ")),
            "id IN (SELECT rowid FROM names_search WHERE names_search MATCH ?)".to_owned(),
        ),
    ];
    let asked: Vec<_> = parts.into_iter().filter_map(|(value, sql)| Some((value?, sql))).collect();
    if asked.is_empty() {
        return None;
    }
    let conditions: Vec<&str> = asked.iter().map(|(_, sql)| sql.as_str()).collect();
    let sql = format!("SELECT id FROM names WHERE {}", conditions.join(" AND "));
    Some((sql, asked.into_iter().map(|(value, _)| Value::Text(value)).collect()))
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::super::schema;
    use super::*;

    /// How SQLite goes about a question.
    fn plan(db: &Connection, sql: &str, values: &[Value]) -> String {
        let mut explain = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let steps = explain.query_map(params_from_iter(values), |row| row.get::<_, String>(3)).unwrap();
        steps.collect::<Result<Vec<_>>>().unwrap().join("\n")
    }

    #[test]
    fn what_is_asked_for_is_found_by_an_index() {
        let mut db = Connection::open_in_memory().unwrap();
        schema::bring_to(&mut db, 0, schema::VERSION).unwrap();
        let by_name = "SEARCH name_blocks USING PRIMARY KEY (name=? AND block>? AND block<?)";
        let by_session = "SEARCH session_blocks USING PRIMARY KEY (session=? AND block>? AND block<?)";
        for (filter, step) in [
            (Filter::new().method("ping"), by_name),
            (Filter::new().tool("get_weather"), by_name),
            (Filter::new().method("tools/call").tool("get_weather"), by_name),
            (Filter::new().search("weather"), by_name),
            (Filter::new().session("s-1"), by_session),
        ] {
            let search = Wanted::of(&db, 1, &filter).unwrap().search.unwrap();
            let values: Vec<_> = search.values.iter().cloned().chain([0, 0].map(Value::Integer)).collect();
            let plan = plan(&db, &search.sql(), &values);
            assert!(plan.contains(step) && !plan.contains("SCAN name_blocks"), "{filter:?}:\n{plan}");
        }
        let frames = "SELECT id, name FROM recordings WHERE id BETWEEN ? AND ? ORDER BY id";
        let plan = plan(&db, frames, &[0, 0].map(Value::Integer));
        assert_eq!(plan, "SEARCH recordings USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)");
    }
}
