//! Tables and their versions.

use rusqlite::{Connection, Result};

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

/// What was recorded in the first version becomes a tape. It had no direction; calls went to the server.
const SECOND: &str = "
CREATE TABLE tapes (
    id INTEGER PRIMARY KEY,
    tape_id TEXT NOT NULL UNIQUE,
    session_id TEXT,
    created_at INTEGER NOT NULL,
    metadata TEXT NOT NULL
);
CREATE TABLE sessions (
    tape INTEGER NOT NULL REFERENCES tapes(id),
    session_id TEXT NOT NULL,
    PRIMARY KEY (tape, session_id)
) WITHOUT ROWID;
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
ALTER TABLE recordings ADD COLUMN tape INTEGER REFERENCES tapes(id);
ALTER TABLE recordings ADD COLUMN frame INTEGER;
ALTER TABLE recordings ADD COLUMN elapsed_ns INTEGER;
ALTER TABLE recordings ADD COLUMN direction TEXT;
ALTER TABLE recordings ADD COLUMN edge TEXT;
ALTER TABLE recordings ADD COLUMN call INTEGER;
ALTER TABLE recordings ADD COLUMN outcome TEXT;
ALTER TABLE recordings ADD COLUMN synthetic INTEGER;
ALTER TABLE recordings ADD COLUMN name INTEGER REFERENCES names(id);
INSERT INTO tapes (id, tape_id, created_at, metadata)
    SELECT 1, 'recordings', coalesce(min(timestamp), 0), json_object('created_at',
        strftime('%Y-%m-%dT%H:%M:%SZ', coalesce(min(timestamp), 0) / 1000000, 'unixepoch'))
    FROM recordings HAVING count(*) > 0;
UPDATE recordings SET
    tape = 1,
    frame = numbered.number,
    elapsed_ns = max(0, coalesce(timestamp - (SELECT created_at FROM tapes), 0)) * 1000,
    direction = iif(message_type IN ('tool_call', 'tool_list_request', 'request'),
        'client_to_server', 'server_to_client'),
    edge = 'transport_in',
    synthetic = 0,
    message_type = CASE
        WHEN message_type IN ('tool_call', 'tool_list_request') THEN 'request'
        WHEN message_type = 'component_init' THEN 'component'
        WHEN message_type IN ('request', 'notification', 'response') THEN message_type
        ELSE 'note' END,
    message = coalesce(CAST(message AS BLOB), x'')
    FROM (SELECT id AS which, row_number() OVER (ORDER BY id) AS number FROM recordings) AS numbered
    WHERE numbered.which = recordings.id;
CREATE UNIQUE INDEX recordings_by_frame ON recordings (tape, frame);
CREATE INDEX recordings_by_name ON recordings (name, tape, frame) WHERE name IS NOT NULL;
CREATE INDEX recordings_by_session ON recordings (session_id, tape, frame) WHERE session_id IS NOT NULL;
CREATE VIEW frames AS
    SELECT tapes.tape_id, frame, elapsed_ns / 1e6 AS timestamp_ms, recordings.session_id, direction, edge,
        message_type AS kind, method, nullif(tool, '') AS tool, call, outcome, component_id, synthetic,
        CAST(message AS TEXT) AS content
    FROM recordings JOIN tapes ON tapes.id = recordings.tape LEFT JOIN names ON names.id = recordings.name
    ORDER BY recordings.tape, frame;
";

/// The table of another program is laid out as it wrote it.
const AS_OURS: [&str; 3] = [
    "ALTER TABLE recordings RENAME TO recordings_before;",
    FIRST,
    "INSERT INTO recordings SELECT id, session_id, timestamp, message_type, message, component_id, policy
        FROM recordings_before;
    DROP TABLE recordings_before;",
];

/// Leads an empty database, or one of an older version, to this version; all of it or nothing.
pub(super) fn bring_to(db: &mut Connection, from: u32, to: u32) -> Result<()> {
    take(db, STEPS.iter().take(to as usize).skip(from as usize), to)
}

/// Leads a database that [is the first](is_first) version but for its mark to this one.
pub(super) fn adopt(db: &mut Connection) -> Result<()> {
    take(db, AS_OURS.iter().chain(&STEPS[1..]), VERSION)
}

fn take<'a>(db: &mut Connection, steps: impl Iterator<Item = &'a &'a str>, to: u32) -> Result<()> {
    let all = db.transaction()?;
    for step in steps {
        all.execute_batch(step)?;
    }
    all.pragma_update(None, "application_id", MARK)?;
    all.pragma_update(None, "user_version", to)?;
    all.commit()
}

/// Whether the database has exactly the tables, indexes and views of this version, and nothing that could act.
pub(super) fn is_ours(db: &Connection, version: u32) -> Result<bool> {
    let mut model = Connection::open_in_memory()?;
    bring_to(&mut model, 0, version)?;
    Ok(objects(db)? == objects(&model)?)
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

/// SQLite's own begin with `sqlite_`.
fn objects(db: &Connection) -> Result<Vec<[String; 4]>> {
    let sql = "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema
        WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
    // One more than there are is enough to differ.
    let mut objects = db.prepare(&format!("{sql} LIMIT 100"))?;
    let object = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]);
    objects.query_map([], object)?.collect()
}
