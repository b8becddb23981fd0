//! Tables and their versions.

use std::sync::OnceLock;

use rusqlite::{Connection, Result};

use super::migrate;

/// Says that the file is ours: "SCat".
pub(super) const MARK: u32 = 0x5343_6174;

/// What leads from each version to the next. What stands here is never changed.
const STEPS: [&str; 2] = [FIRST, SECOND];

/// The version of what is made now.
pub(super) const VERSION: u32 = STEPS.len() as u32;

const FIRST: &str = "
CREATE TABLE recordings (
    id INTEGER PRIMARY KEY,
    session_id TEXT,
    timestamp INTEGER,
    message_type TEXT,
    message BLOB,
    component_id TEXT,
    policy BLOB
);
";

/// What was recorded in the first version becomes a tape, which [`migrate::take_over`] makes of it. Nothing in a row is in an index, since each
/// would cost as much as the row: a frame is found by its `id`, and where a name or a session is by the blocks of 64
/// frames that it is in. The message comes last, as what stands behind one of many pages is read through all of them.
const SECOND: &str = "
ALTER TABLE recordings RENAME TO recordings_before;
CREATE TABLE recordings (
    id INTEGER PRIMARY KEY,
    session_id TEXT,
    timestamp INTEGER,
    message_type TEXT,
    component_id TEXT,
    elapsed_ns INTEGER,
    direction TEXT,
    edge TEXT,
    call INTEGER,
    outcome TEXT,
    synthetic INTEGER,
    name INTEGER REFERENCES names(id),
    policy BLOB,
    mac BLOB,
    message BLOB,
    tape INTEGER AS (id >> 40),
    frame INTEGER AS (id & 1099511627775)
);
CREATE TABLE tapes (
    id INTEGER PRIMARY KEY,
    tape_id TEXT NOT NULL UNIQUE,
    session_id TEXT,
    created_at INTEGER NOT NULL,
    metadata TEXT NOT NULL,
    head BLOB,
    sealed BLOB
);
CREATE TABLE ends (
    tape INTEGER PRIMARY KEY REFERENCES tapes(id),
    frame INTEGER NOT NULL
);
CREATE TABLE chains (
    tape INTEGER NOT NULL REFERENCES tapes(id),
    of TEXT NOT NULL,
    title BLOB NOT NULL,
    tip BLOB NOT NULL,
    finished INTEGER NOT NULL,
    mac BLOB NOT NULL,
    PRIMARY KEY (tape, of)
) WITHOUT ROWID;
CREATE TABLE sessions (
    id INTEGER PRIMARY KEY,
    tape INTEGER NOT NULL REFERENCES tapes(id),
    session_id TEXT NOT NULL,
    UNIQUE (tape, session_id)
);
CREATE TABLE components (
    tape INTEGER NOT NULL REFERENCES tapes(id),
    component_id TEXT NOT NULL,
    uri TEXT,
    digest TEXT,
    policy TEXT
);
CREATE INDEX components_by_tape ON components (tape);
CREATE TABLE names (
    id INTEGER PRIMARY KEY,
    method TEXT NOT NULL,
    tool TEXT NOT NULL,
    UNIQUE (method, tool)
);
CREATE VIRTUAL TABLE names_search USING fts5(method, tool);
CREATE TABLE name_blocks (
    name INTEGER NOT NULL REFERENCES names(id),
    block INTEGER NOT NULL,
    PRIMARY KEY (name, block)
) WITHOUT ROWID;
CREATE TABLE session_blocks (
    session INTEGER NOT NULL REFERENCES sessions(id),
    block INTEGER NOT NULL,
    PRIMARY KEY (session, block)
) WITHOUT ROWID;
CREATE VIEW frames AS
    SELECT tapes.tape_id, frame, elapsed_ns / 1e6 AS timestamp_ms, recordings.session_id, direction, edge,
        message_type AS kind, method, nullif(tool, '') AS tool, call, outcome, component_id, synthetic,
        iif(head IS NULL, CAST(message AS TEXT), NULL) AS content
    FROM recordings JOIN tapes ON tapes.id = recordings.tape LEFT JOIN names ON names.id = recordings.name
    ORDER BY recordings.id;
";

/// Leads an empty database, or one of an older version, to this version; all of it or nothing.
pub(super) fn bring_to(db: &mut Connection, from: u32, to: u32) -> Result<()> {
    let all = db.transaction()?;
    for (step, version) in STEPS.iter().zip(1..=to).skip(from as usize) {
        all.execute_batch(step)?;
        if version == 2 {
            migrate::take_over(&all)?;
        }
    }
    all.pragma_update(None, "application_id", MARK)?;
    all.pragma_update(None, "user_version", to)?;
    all.commit()
}

/// Whether the database has exactly the tables, indexes and views of this version, and nothing that could act.
pub(super) fn is_ours(db: &Connection, version: u32) -> Result<bool> {
    static PRESENT: OnceLock<Vec<Object>> = OnceLock::new();
    if version != VERSION {
        return Ok(objects(db)? == model(version)?);
    }
    let present = match PRESENT.get() {
        Some(present) => present,
        None => {
            let present = model(version)?;
            PRESENT.get_or_init(|| present)
        }
    };
    Ok(objects(db)? == *present)
}

/// What a database of this version has.
fn model(version: u32) -> Result<Vec<Object>> {
    let mut model = Connection::open_in_memory()?;
    bring_to(&mut model, 0, version)?;
    objects(&model)
}

/// Whether the database has the table of the first version and nothing else, however it was laid out.
pub(super) fn is_first(db: &Connection) -> Result<bool> {
    let objects = objects(db)?;
    let [[kind, name, _, sql]] = objects.as_slice() else { return Ok(false) };
    Ok(kind == "table" && name == "recordings" && words(sql) == words(FIRST))
}

/// Without what is of no meaning.
fn words(sql: &str) -> String {
    let sql = sql.trim().trim_end_matches(';').to_ascii_lowercase();
    let sql = ["(", ")", ","].iter().fold(sql, |sql, sign| sql.replace(sign, &format!(" {sign} ")));
    sql.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Its type, its name, that of its table, and how it was made.
type Object = [String; 4];

/// SQLite's own begin with `sqlite_`.
fn objects(db: &Connection) -> Result<Vec<Object>> {
    let sql = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema
        WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    // One more than there are is enough to differ.
    let mut objects = db.prepare(&format!("{sql} LIMIT 100"))?;
    let object = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
    objects.query_map([], object)?.collect()
}
