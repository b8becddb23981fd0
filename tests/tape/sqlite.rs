//! Tapes in SQLite: found by name, several in a file, and files that a stranger made.

#![cfg(feature = "sqlite")]

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use shadowcat::Direction;
use shadowcat::tape::sqlite::{self, Reader, Writer};
use shadowcat::tape::{
    self, Component, Edge, Entry, EntryKind, Filter, Outcome, Rotate, Sink, Source, Tape, TapeId,
};

use crate::taped::{Folder, entries, note, ping, read, tape, write};

fn message(direction: Direction, kind: EntryKind, text: &str) -> Entry {
    Entry::new(kind, direction, text.to_owned())
}

fn exchange(call: u64, tool: &str) -> [Entry; 3] {
    let request =
        format!(r#"{{"jsonrpc":"2.0","id":{call},"method":"tools/call","params":{{"name":"{tool}"}}}}"#);
    let response = format!(r#"{{"jsonrpc":"2.0","id":{call},"result":{{}}}}"#);
    [
        message(Direction::ToUpstream, EntryKind::Request, &request)
            .call(call)
            .session(format!("s-{}", call % 2)),
        message(Direction::ToClient, EntryKind::Response, &response)
            .call(call)
            .session(format!("s-{}", call % 2)),
        message(Direction::ToClient, EntryKind::End, "").call(call).outcome(Outcome::Answered),
    ]
}

fn weather(path: &Path) -> Vec<Entry> {
    let mut all = vec![ping(1)];
    all.extend((2..40).flat_map(|call| exchange(call, if call % 3 == 0 { "get_weather" } else { "echo" })));
    all.push(note("done"));
    write(Writer::create(path, &tape()).unwrap(), &all);
    all
}

#[test]
fn entries_are_found_by_method_tool_session_and_words_with_their_answers() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let all = weather(&path);
    let found = |filter: Filter| {
        let (entries, error) = read(Reader::open(&path).unwrap().filter(filter));
        assert!(error.is_none(), "{error:?}");
        entries
    };
    let of = |is_weather: bool| (2..40).filter(move |call| (call % 3 == 0) == is_weather);
    let calls =
        |tool: &str| of(tool == "get_weather").flat_map(|call| exchange(call, tool)).collect::<Vec<_>>();
    assert_eq!(found(Filter::new()), all);
    assert_eq!(found(Filter::new().tool("get_weather")), calls("get_weather"));
    assert_eq!(found(Filter::new().search("WEATHER tools")), calls("get_weather"));
    assert_eq!(found(Filter::new().search("\" OR ( NEAR *")), []);
    assert_eq!(found(Filter::new().method("ping")), [ping(1)]);
    assert_eq!(found(Filter::new().method("ping").tool("echo")), []);
    let of_session: Vec<_> =
        all.iter().filter(|entry| entry.session.as_deref() == Some("s-0")).cloned().collect();
    assert_eq!(found(Filter::new().session("s-0")), of_session);
    let both: Vec<_> =
        calls("echo").into_iter().filter(|entry| entry.session.as_deref() == Some("s-0")).collect();
    assert_eq!(found(Filter::new().tool("echo").session("s-0")), both);
}

#[test]
fn a_file_holds_many_tapes() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let (one, two) = (tape(), Tape::of(TapeId::from_text("t-2"), tape().created).session("s-2"));
    let mut writer = Writer::create(&path, &one).unwrap();
    let mut other = Writer::add_to(&path, &two).unwrap();
    for number in 1..=100 {
        writer.append(&ping(number)).unwrap();
        other.append(&note("x")).unwrap();
    }
    drop((writer, other));
    assert_eq!(sqlite::tapes(&path).unwrap(), [one.id.clone(), two.id.clone()]);
    assert_eq!(Reader::open_tape(&path, &one.id).unwrap().filter_map(Result::ok).next(), Some(ping(1)));
    let second = Reader::open_tape(&path, &two.id).unwrap();
    assert_eq!(second.tape(), &two);
    assert_eq!(second.count(), 100);
    let error = tape::open(&path).err().unwrap().to_string();
    assert!(error.ends_with(&format!("say which by `OpenOptions::tape`: {}, {}", one.id, two.id)), "{error}");
    assert!(
        Reader::open_tape(&path, &TapeId::from_text("t-3")).unwrap_err().to_string().contains("no tape t-3")
    );
    assert!(Writer::add_to(&path, &one).unwrap_err().is_exists());
    assert!(Writer::create(&path, &one).unwrap_err().is_exists());
}

#[test]
fn a_component_is_kept_with_its_policy() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let component =
        Component::new("fetch").uri("oci://x/fetch:1").digest("sha256:0").policy("version: 1").tool("fetch");
    let title = tape().component(component);
    let mut writer = Writer::create(&path, &title).unwrap();
    let loaded =
        Entry::new(EntryKind::Component, Direction::ToClient, "{}").component("fetch").edge(Edge::Upstream);
    writer.append(&loaded).unwrap();
    writer.finish().unwrap();
    let db = Connection::open(&path).unwrap();
    let sql = "SELECT policy FROM recordings WHERE message_type = 'component' AND component_id = 'fetch'";
    assert_eq!(db.query_row(sql, [], |row| row.get::<_, Vec<u8>>(0)).unwrap(), b"version: 1");
    assert_eq!(
        db.query_row("SELECT uri FROM components", [], |row| row.get::<_, String>(0)).unwrap(),
        "oci://x/fetch:1"
    );
    let shown = db.query_row("SELECT kind FROM frames", [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(shown, "component");
    assert_eq!(Reader::open(&path).unwrap().tape(), &title);
}

#[test]
fn what_waits_is_due_and_is_read_when_it_was_committed() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let mut writer = Writer::create(&path, &tape()).unwrap().durable(true).unwrap();
    assert!(writer.due().is_none());
    writer.append(&ping(1)).unwrap();
    assert!(writer.due().is_some());
    writer.commit().unwrap();
    assert!(writer.due().is_none());
    assert_eq!(entries(&path), [ping(1)]);
    for number in 2..=400 {
        writer.append(&ping(number)).unwrap();
    }
    // At most 64 wait.
    assert!(entries(&path).len() >= 400 - 64);
    assert_eq!(writer.frames(), 400);
}

#[cfg(unix)]
#[test]
fn a_file_is_for_its_owner_only_with_all_that_stands_beside_it() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    let folder = Folder::new();
    let path = folder.path("a.db");
    let mut writer = Writer::create(&path, &tape()).unwrap();
    writer.append(&ping(1)).unwrap();
    writer.commit().unwrap();
    let mut seen = 0;
    for entry in fs::read_dir(folder.path("")).unwrap() {
        assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o777, 0o600);
        seen += 1;
    }
    assert!(seen >= 2, "the file and its log");
    drop(writer);
    std::os::unix::fs::symlink(&path, folder.path("link")).unwrap();
    assert!(tape::open(folder.path("link")).err().unwrap().to_string().contains("symbolic link"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(Writer::resume(&path, &tape().id).unwrap_err().to_string().contains("0600"));
}

#[test]
fn a_database_of_something_else_is_refused_and_left_alone() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let db = Connection::open(&path).unwrap();
    db.execute_batch("CREATE TABLE recordings (id INTEGER PRIMARY KEY); INSERT INTO recordings VALUES (1)")
        .unwrap();
    drop(db);
    make_private(&path);
    let before = fs::read(&path).unwrap();
    for error in [
        tape::open(&path).err().unwrap(),
        Writer::add_to(&path, &tape()).unwrap_err(),
        sqlite::migrate(&path).unwrap_err(),
    ] {
        assert!(error.is_foreign() && error.to_string().contains("something else"), "{error}");
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn what_is_no_tape_is_refused_and_nothing_is_made_beside_it() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let db = Connection::open(folder.path("live.db")).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = wal; CREATE TABLE t (x); PRAGMA wal_checkpoint; INSERT INTO t VALUES (1)",
    )
    .unwrap();
    let foreign = fs::read(folder.path("live.db")).unwrap();
    drop(db);
    fs::remove_file(folder.path("live.db")).unwrap();
    let (else_, none) = ("something else", "no SQLite database");
    let short = &foreign[..99];
    let garbage = "no database ".repeat(1000);
    for (bytes, why) in [
        (&*foreign, else_),
        (&foreign[..5000], else_),
        (&foreign[..100], else_),
        (short, none),
        (garbage.as_bytes(), none),
        (b"", "it is"),
    ] {
        fs::write(&path, bytes).unwrap();
        make_private(&path);
        for error in [
            Reader::open(&path).unwrap_err(),
            Writer::add_to(&path, &tape()).unwrap_err(),
            sqlite::forget(&path, &Rotate::new()).unwrap_err(),
        ] {
            assert!(error.is_foreign() && error.to_string().contains(why), "{} bytes: {error}", bytes.len());
        }
        assert!(tape::open(&path).is_err() && sqlite::migrate(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(fs::read_dir(folder.path("")).unwrap().count(), 1, "{} bytes", bytes.len());
    }
}

#[test]
fn a_tape_that_was_cut_off_is_damaged() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    weather(&path);
    let whole = fs::read(&path).unwrap();
    for bytes in [100, 4096, whole.len() / 2] {
        fs::write(&path, &whole[..bytes]).unwrap();
        for error in [tape::open(&path).err().unwrap(), Writer::add_to(&path, &tape()).unwrap_err()] {
            assert!(error.is_damaged(), "{bytes} bytes: {error}");
        }
    }
}

#[test]
fn a_schema_with_anything_more_or_less_is_refused() {
    let folder = Folder::new();
    for (at, sql) in [
        "CREATE TRIGGER t AFTER INSERT ON recordings BEGIN DELETE FROM tapes; END",
        "CREATE VIEW v AS SELECT load_extension('x')",
        "CREATE TABLE more (x)",
        "DROP VIEW frames",
        "DROP VIEW frames; CREATE VIEW frames AS SELECT randomblob(1000000000) AS content",
        "DROP INDEX components_by_tape",
        "CREATE INDEX i ON recordings (abs(id))",
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path(&format!("{at}.db"));
        weather(&path);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        for error in [tape::open(&path).err().unwrap(), Writer::add_to(&path, &tape()).unwrap_err()] {
            assert!(error.is_damaged() && error.to_string().contains("do not trust"), "{sql}: {error}");
        }
    }
}

#[test]
fn values_of_other_types_are_damage() {
    let folder = Folder::new();
    for (at, sql) in [
        "UPDATE recordings SET message = 7 WHERE frame = 9",
        "UPDATE recordings SET message_type = 'spell' WHERE frame = 9",
        "UPDATE recordings SET direction = NULL WHERE frame = 9",
        "UPDATE recordings SET elapsed_ns = 'soon' WHERE frame = 9",
        "UPDATE recordings SET call = 1.5 WHERE frame = 9",
        "DELETE FROM recordings WHERE frame = 9",
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path(&format!("{at}.db"));
        let all = weather(&path);
        Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let (entries, error) = read(tape::open(&path).unwrap());
        let error = error.unwrap_or_else(|| panic!("{sql} was not noticed"));
        assert!(error.is_damaged(), "{sql}: {error}");
        assert_eq!(entries, all[..8], "{sql}");
    }
}

#[test]
fn versions_that_are_not_ours_are_told_and_older_ones_migrated_on_demand() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    weather(&path);
    let set =
        |version: u32| Connection::open(&path).unwrap().pragma_update(None, "user_version", version).unwrap();
    set(99);
    let error = tape::open(&path).err().unwrap();
    assert!(error.is_version() && error.to_string().contains("use a later one"), "{error}");
    set(0);
    assert!(tape::open(&path).err().unwrap().is_foreign());

    let old = folder.path("old.db");
    let db = Connection::open(&old).unwrap();
    db.execute_batch(
        "CREATE TABLE recordings (
    id INTEGER PRIMARY KEY,
    session_id TEXT,
    timestamp INTEGER,
    message_type TEXT,
    message BLOB,
    component_id TEXT,
    policy BLOB
);
        INSERT INTO recordings VALUES (3, 's', 1000000, 'component_init', '{}', 'c', NULL),
            (7, 's', 1000500, 'tool_call', '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}', NULL, NULL)",
    )
    .unwrap();
    db.pragma_update(None, "application_id", 0x5343_6174).unwrap();
    db.pragma_update(None, "user_version", 1).unwrap();
    drop(db);
    make_private(&old);
    let before = fs::read(&old).unwrap();
    let error = tape::open(&old).err().unwrap();
    assert!(error.is_version() && error.to_string().contains("migrate"), "{error}");
    assert!(Writer::add_to(&old, &tape()).unwrap_err().is_version());
    assert_eq!(fs::read(&old).unwrap(), before);
    assert_eq!(sqlite::migrate(&old).unwrap(), 1);
    assert_eq!(sqlite::migrate(&old).unwrap(), 2);
    let found = entries(&old);
    assert_eq!((found[0].kind, found[0].component.as_deref()), (EntryKind::Component, Some("c")));
    assert_eq!(found[1].bytes, r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    assert_eq!((found[1].kind, found[1].at.as_micros()), (EntryKind::Request, 500));
    let mut writer = Writer::add_to(&old, &tape()).unwrap();
    writer.append(&ping(1)).unwrap();
    writer.finish().unwrap();
}

/// As another program makes it, that knows the table and nothing of us.
fn unmarked(path: &Path, table: &str) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(table).unwrap();
    make_private(path);
    db
}

const TABLE: &str = "create table if not exists recordings (id INTEGER PRIMARY KEY, session_id TEXT,
    timestamp INTEGER, message_type TEXT , message BLOB, component_id TEXT, policy BLOB)";

#[test]
fn a_table_that_another_program_made_is_taken_on_demand_only() {
    let folder = Folder::new();
    let path = folder.path("recordings.db");
    let db = unmarked(&path, TABLE);
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"fetch"}}"#;
    let list = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
    for (at, kind, message, component) in [
        (1_000_000, "component_init", "{}", Some("fetch")),
        (1_000_500, "tool_call", call, None),
        (1_000_900, "tool_list_request", list, None),
        (1_001_000, "response", r#"{"jsonrpc":"2.0","id":2,"result":{}}"#, None),
        (1_002_000, "something_else", "?", None),
    ] {
        let sql = "INSERT INTO recordings (session_id, timestamp, message_type, message, component_id)
            VALUES ('s', ?, ?, CAST(? AS BLOB), ?)";
        db.execute(sql, rusqlite::params![at, kind, message, component]).unwrap();
    }
    drop(db);
    let before = fs::read(&path).unwrap();
    let error = tape::open(&path).err().unwrap();
    assert!(error.is_foreign() && error.to_string().contains("migrate"), "{error}");
    assert!(Writer::add_to(&path, &tape()).unwrap_err().is_foreign());
    assert_eq!(fs::read(&path).unwrap(), before);

    assert_eq!(sqlite::migrate(&path).unwrap(), 0);
    assert_eq!(sqlite::migrate(&path).unwrap(), 2);
    use EntryKind::{Component, Note, Request, Response};
    let found = entries(&path);
    let kinds: Vec<_> = found.iter().map(|entry| entry.kind).collect();
    assert_eq!(kinds, [Component, Request, Request, Response, Note]);
    assert_eq!((found[1].bytes.as_ref(), found[1].direction), (call.as_bytes(), Direction::ToUpstream));
    assert_eq!((found[3].at.as_micros(), found[3].direction), (1000, Direction::ToClient));
    assert_eq!(found[0].component.as_deref(), Some("fetch"));
    for (filter, count) in [
        (Filter::new().tool("fetch"), 1),
        (Filter::new().method("tools/list"), 2),
        (Filter::new().search("fetch"), 1),
        (Filter::new().session("s"), 5),
    ] {
        let found = Reader::open(&path).unwrap().filter(filter.clone());
        assert_eq!(found.collect::<Result<Vec<_>, _>>().unwrap().len(), count, "{filter:?}");
    }
    let mut writer = Writer::add_to(&path, &tape()).unwrap();
    writer.append(&ping(1)).unwrap();
    writer.finish().unwrap();
    assert_eq!(sqlite::tapes(&path).unwrap().len(), 2);
}

#[test]
fn a_table_that_is_another_is_not_taken() {
    let folder = Folder::new();
    let column = TABLE.replace("policy BLOB", "policy BLOB, more TEXT");
    let check = TABLE.replace("message BLOB", "message BLOB CHECK (length(message) < 9)");
    let index = format!("{TABLE}; CREATE INDEX mine ON recordings (timestamp)");
    let view = format!("{TABLE}; CREATE VIEW frames AS SELECT 1");
    let marked = format!("{TABLE}; PRAGMA user_version = 1");
    let theirs = format!("{TABLE}; PRAGMA application_id = 7");
    let nothing = "PRAGMA journal_mode = wal".to_owned();
    for (at, table) in [column, check, index, view, marked, theirs, nothing].iter().enumerate() {
        let path = folder.path(&format!("{at}.db"));
        drop(unmarked(&path, table));
        let before = fs::read(&path).unwrap();
        let error = sqlite::migrate(&path).unwrap_err();
        assert!(error.is_foreign() || before.is_empty(), "{table}: {error}");
        assert_eq!(fs::read(&path).unwrap(), before, "{table}");
    }
}

/// Counted in nanoseconds, before 1970 or behind 9999, as no number: another program wrote them.
#[test]
fn times_that_no_tape_has_are_taken_over_as_what_can_be_read() {
    let folder = Folder::new();
    let last = 9_223_372_036_854_775;
    for (at, (first, second, passed)) in [
        ("1795214500000000000", "1795214500000000500", 500),
        ("253402300800000000", "253402300800000001", 1),
        ("-5", "-1", 4),
        ("-62167219200000001", "0", last),
        ("-9223372036854775808", "9223372036854775807", last),
        ("'soon'", "1.5", 0),
        ("x'00'", "NULL", 0),
        ("7", "'later'", 0),
    ]
    .into_iter()
    .enumerate()
    {
        let path = folder.path(&format!("{at}.db"));
        let rows =
            format!("INSERT INTO recordings (timestamp, message) VALUES ({first}, '1'), ({second}, '2')");
        drop(unmarked(&path, &format!("{TABLE}; {rows}")));
        assert_eq!(sqlite::migrate(&path).unwrap(), 0, "{first}");
        let found = entries(&path);
        assert_eq!((found.len(), found[1].at.as_micros()), (2, passed.min(last)), "{first}");
        let began = Reader::open(&path).unwrap().tape().created;
        assert!(began >= std::time::UNIX_EPOCH, "{first}");
        let text = folder.path(&format!("{at}.jsonl"));
        let mut copy = tape::lines::Writer::create(&text, &tape()).unwrap();
        found.iter().for_each(|entry| copy.append(entry).unwrap());
        copy.finish().unwrap();
        assert_eq!(entries(&text), found, "{first}");
    }
}

#[test]
fn a_table_with_a_row_that_no_reader_takes_stays_as_it_was() {
    let folder = Folder::new();
    let mut files = 0;
    for version in [0, 1] {
        for value in ["x'00'", "printf('%4097d', 7)", "CAST(x'ff' AS TEXT)"] {
            for column in ["session_id", "component_id"] {
                files += 1;
                let path = folder.path(&format!("{files}.db"));
                let rows = format!(
                    "INSERT INTO recordings (timestamp) VALUES (1); INSERT INTO recordings ({column}) VALUES ({value})"
                );
                let first = "CREATE TABLE recordings (
    id INTEGER PRIMARY KEY,
    session_id TEXT,
    timestamp INTEGER,
    message_type TEXT,
    message BLOB,
    component_id TEXT,
    policy BLOB
)";
                let marked = "PRAGMA user_version = 1; PRAGMA application_id = 0x53436174";
                let table = if version == 0 { TABLE.to_owned() } else { format!("{marked}; {first}") };
                drop(unmarked(&path, &format!("{table}; {rows}")));
                let before = fs::read(&path).unwrap();
                let error = sqlite::migrate(&path).unwrap_err();
                let why = format!("row 2 of `recordings`: {column}: ");
                assert!(error.is_damaged() && error.to_string().contains(&why), "{value}: {error}");
                assert!(fs::read(&path).unwrap() == before, "{value}");
            }
        }
    }
}

#[test]
fn what_could_not_be_begun_is_not_in_the_way() {
    let folder = Folder::new();
    for (at, suffix) in ["journal", "wal"].into_iter().enumerate() {
        let path = folder.path(&format!("{at}.db"));
        let obstacle = folder.path(&format!("{at}.db-{suffix}"));
        fs::create_dir(&obstacle).unwrap();
        assert!(Writer::create(&path, &tape()).unwrap_err().is_io());
        assert!(!path.exists(), "{suffix}");
        fs::remove_dir(&obstacle).unwrap();
        Writer::create(&path, &tape()).unwrap().finish().unwrap();
    }
}

#[test]
fn of_two_who_go_on_with_one_tape_the_second_is_told_and_nothing_is_lost() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    drop(Writer::create(&path, &tape()).unwrap());
    let mut first = Writer::resume(&path, &tape().id).unwrap();
    let mut second = Writer::resume(&path, &tape().id).unwrap();
    first.append(&ping(1)).unwrap();
    first.commit().unwrap();
    second.append(&note("x")).unwrap();
    for _ in 0..2 {
        let error = second.commit().unwrap_err();
        assert!(error.is_busy() && error.to_string().contains("somebody else"), "{error}");
    }
    first.append(&ping(2)).unwrap();
    first.finish().unwrap();
    drop((first, second));
    assert_eq!(entries(&path), [ping(1), ping(2)]);
    let mut next = Writer::resume(&path, &tape().id).unwrap();
    next.append(&ping(3)).unwrap();
    next.finish().unwrap();
    assert_eq!(entries(&path).len(), 3);
}

#[test]
fn a_number_that_no_recorder_comes_to_is_not_gone_on_from() {
    let folder = Folder::new();
    for (at, number) in [(1_u64 << 40) - 1, (1 << 39) + 1].into_iter().enumerate() {
        let path = folder.path(&format!("{at}.db"));
        let mut writer = Writer::create(&path, &tape()).unwrap();
        writer.append(&ping(1)).unwrap();
        writer.finish().unwrap();
        drop(writer);
        let id = (1_i64 << 40) + number.cast_signed();
        let db = Connection::open(&path).unwrap();
        db.execute("UPDATE recordings SET id = ?", [id]).unwrap();
        db.execute("UPDATE ends SET frame = ?", [number.cast_signed()]).unwrap();
        drop(db);
        let error = Writer::resume(&path, &tape().id).unwrap_err();
        assert!(error.is_damaged() && error.to_string().contains("no recorder"), "{error}");
        let db = Connection::open(&path).unwrap();
        db.execute_batch("DELETE FROM recordings; UPDATE ends SET frame = 0; UPDATE tapes SET metadata = json_set(metadata, '$.frames_before', 9223372036854775807)").unwrap();
        let error = Writer::resume(&path, &tape().id).unwrap_err();
        assert!(error.is_damaged() && error.to_string().contains("no recorder"), "{error}");
    }
}

#[test]
fn a_number_that_no_tape_has_is_damage_and_none_is_begun_behind_it() {
    let folder = Folder::new();
    let begin = |path: &Path| Writer::add_to(path, &Tape::of(TapeId::from_text("next"), tape().created));
    for (at, number) in [0, -1, 1 << 23, i64::MAX].into_iter().enumerate() {
        let path = folder.path(&format!("{at}.db"));
        drop(weather(&path));
        let change = format!("PRAGMA foreign_keys = off; UPDATE tapes SET id = {number}");
        Connection::open(&path).unwrap().execute_batch(&change).unwrap();
        let errors = [
            Reader::open(&path).unwrap_err(),
            Writer::resume(&path, &tape().id).unwrap_err(),
            sqlite::forget(&path, &Rotate::new().keep_files(1)).unwrap_err(),
        ];
        for error in errors {
            assert!(error.is_damaged() && error.to_string().contains("no tape has the number"), "{error}");
        }
        let id = (1 << 23) - 1;
        if number >= id {
            assert!(begin(&path).is_err());
        }
    }
    let path = folder.path("full.db");
    drop(Writer::create(&path, &tape()).unwrap());
    let change = format!("PRAGMA foreign_keys = off; UPDATE tapes SET id = {}", (1 << 23) - 2);
    Connection::open(&path).unwrap().execute_batch(&change).unwrap();
    let error = begin(&path).unwrap_err();
    assert!(error.to_string().contains("no other tape fits"), "{error}");
    assert_eq!(sqlite::tapes(&path).unwrap(), [tape().id], "nothing is left of it");
}

#[test]
fn what_stands_in_many_blocks_is_found_by_method_tool_words_and_session() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let mut writer = Writer::create(&path, &tape()).unwrap();
    let is_rare = |number: u64| number.is_multiple_of(1000) || (600..603).contains(&number);
    for number in 1..=3000 {
        let [rare, ..] = exchange(number, "rare_tool");
        let entry = if is_rare(number) { rare } else { ping(number) };
        writer.append(&entry.call(number).session(if is_rare(number) { "rare" } else { "usual" })).unwrap();
    }
    writer.finish().unwrap();
    let wanted: Vec<u64> = (1..=3000).filter(|number| is_rare(*number)).collect();
    for filter in [
        Filter::new().method("tools/call"),
        Filter::new().tool("rare_tool"),
        Filter::new().search("rare"),
        Filter::new().session("rare"),
    ] {
        let found = Reader::open(&path).unwrap().filter(filter.clone());
        let found: Vec<_> = found.map(|entry| entry.unwrap().call.unwrap()).collect();
        assert_eq!(found, wanted, "{filter:?}");
    }
    assert_eq!(Reader::open(&path).unwrap().filter(Filter::new().session("nobody")).count(), 0);
}

#[test]
fn names_that_are_very_long_are_neither_written_nor_read() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let long = "n".repeat(4097);
    let mut writer = Writer::create(&path, &tape()).unwrap();
    assert!(writer.append(&note("x").session(long.as_str())).unwrap_err().is_too_large());
    assert!(writer.append(&note("x").component(long.as_str())).unwrap_err().is_too_large());
    writer.append(&note("x").session(&long[1..]).component(&long[1..])).unwrap();
    writer.finish().unwrap();
    assert_eq!(entries(&path).len(), 1);
    let other = Tape::of(TapeId::from_text(&long), tape().created);
    assert!(Writer::create(folder.path("b.db"), &other).unwrap_err().is_too_large());
    let other = tape().component(Component::new(long.as_str()));
    assert!(Writer::create(folder.path("b.db"), &other).unwrap_err().is_too_large());
    assert!(writer.update(&other).unwrap_err().is_too_large());
    assert!(!folder.path("b.db").exists());
    drop(writer);
    for column in ["session_id", "component_id", "message_type"] {
        let copy = folder.path(&format!("{column}.db"));
        fs::copy(&path, &copy).unwrap();
        let db = Connection::open(&copy).unwrap();
        db.execute(&format!("UPDATE recordings SET {column} = ?"), [&long]).unwrap();
        drop(db);
        let (found, error) = read(Reader::open(&copy).unwrap());
        let error = error.unwrap();
        assert!(found.is_empty() && error.is_damaged() && error.to_string().len() < 500, "{column}: {error}");
    }
    for (at, change) in [
        "metadata = json_set(metadata, '$.components', json_array(json_object('id', ?)))",
        "session_id = ?",
        "tape_id = ?",
    ]
    .into_iter()
    .enumerate()
    {
        let copy = folder.path(&format!("{at}.db"));
        fs::copy(&path, &copy).unwrap();
        let db = Connection::open(&copy).unwrap();
        db.execute(&format!("UPDATE tapes SET {change}"), [&long]).unwrap();
        drop(db);
        let error = Reader::open(&copy).unwrap_err();
        assert!(error.is_damaged() && error.to_string().len() < 500, "{change}: {error}");
    }
    Connection::open(&path).unwrap().execute("UPDATE tapes SET tape_id = ?", [&long]).unwrap();
    assert!(sqlite::tapes(&path).unwrap_err().is_damaged());
}

fn make_private(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

/// A file of three tapes: an hour ago, ten minutes ago, now. The first is the largest.
fn three(path: &Path) -> [TapeId; 3] {
    let tapes = [("old", 3600, 3000), ("young", 600, 30), ("new", 0, 30)];
    tapes.map(|(name, age, entries)| {
        let began = std::time::SystemTime::now() - std::time::Duration::from_secs(age);
        let title = Tape::of(TapeId::from_text(name), began).component(Component::new("c"));
        let mut writer = match path.exists() {
            true => Writer::add_to(path, &title).unwrap(),
            false => Writer::create(path, &title).unwrap(),
        };
        for number in 1..=entries {
            let note = note(&format!("secret of {name} {number} {}", "x".repeat(1000)));
            writer.append(&note.wall(began).session(name)).unwrap();
        }
        writer.finish().unwrap();
        title.id
    })
}

#[test]
fn old_tapes_are_forgotten_by_age_number_and_bytes_and_the_file_shrinks() {
    use std::time::Duration;
    let keeps = [
        (Rotate::new(), 0),
        (Rotate::new().keep_for(Duration::from_secs(1800)), 1),
        (Rotate::new().keep_for(Duration::ZERO), 2),
        (Rotate::new().keep_files(2), 1),
        (Rotate::new().keep_files(1), 2),
        (Rotate::new().keep_bytes(70_000), 1),
        (Rotate::new().keep_bytes(10), 2),
    ];
    for (keep, gone) in keeps {
        let folder = Folder::new();
        let path = folder.path("a.db");
        let tapes = three(&path);
        let before = fs::metadata(&path).unwrap().len();
        assert_eq!(sqlite::forget(&path, &keep).unwrap(), tapes[..gone], "{keep:?}");
        assert_eq!(sqlite::tapes(&path).unwrap(), tapes[gone..], "{keep:?}");
        assert_eq!(sqlite::forget(&path, &keep).unwrap(), [], "{keep:?}");
        for tape in &tapes[gone..] {
            assert!(Reader::open_tape(&path, tape).unwrap().all(|entry| entry.is_ok()));
        }
        let file = fs::read(&path).unwrap();
        for tape in &tapes[..gone] {
            let secret = format!("secret of {tape} ");
            assert!(!file.windows(secret.len()).any(|bytes| bytes == secret.as_bytes()), "{keep:?}");
            assert!(file.len() < before as usize / 10, "{keep:?}: {} of {before}", file.len());
        }
        let mut writer = Writer::resume(&path, &tapes[2]).unwrap();
        writer.append(&note("and on")).unwrap();
        writer.finish().unwrap();
        let all = Connection::open(&path).unwrap();
        let count = |sql: &str| all.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("SELECT count(*) FROM sessions") as usize, 3 - gone, "{keep:?}");
        assert_eq!(count("SELECT count(*) FROM components") as usize, 3 - gone, "{keep:?}");
        let check = all.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0)).unwrap();
        assert_eq!(check, "ok");
    }
}

/// The first of two tapes is old, the second goes on: the number of what is removed is given again.
#[test]
fn who_has_a_tape_that_was_removed_is_told_and_meets_no_other() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let new = |entries: u64| {
        let tape = Tape::of(TapeId::random().unwrap(), tape().created);
        let mut writer = Writer::add_to(&path, &tape).unwrap();
        (1..=entries).for_each(|number| writer.append(&ping(number)).unwrap());
        writer.commit().unwrap();
        (tape, writer)
    };
    drop(Writer::create(&path, &tape()).unwrap());
    let (kept, mut going_on) = new(1);
    let (gone, mut stale) = new(2);
    let mut at_the_end = Reader::open_tape(&path, &gone.id).unwrap();
    assert!(at_the_end.by_ref().take(2).all(|entry| entry.is_ok()));
    let mut filtered = Reader::open_tape(&path, &gone.id).unwrap().filter(Filter::new().method("ping"));
    let mut reader = Reader::open_tape(&path, &gone.id).unwrap();
    going_on.append(&ping(2).at(std::time::Duration::from_secs(60))).unwrap();
    going_on.commit().unwrap();
    let removed = sqlite::forget(&path, &Rotate::new().keep_files(1)).unwrap();
    assert!(removed.contains(&gone.id) && !removed.contains(&kept.id));
    stale.append(&ping(3)).unwrap();
    assert!(stale.commit().unwrap_err().is_removed());

    let (other, writer) = new(2);
    let error = stale.commit().unwrap_err();
    assert!(error.is_removed() && error.to_string().contains("was removed"), "{error}");
    stale.update(&gone.clone().session("s-stale")).unwrap();
    drop((stale, writer));
    for next in [reader.next(), at_the_end.next(), filtered.next()] {
        assert!(next.unwrap().unwrap_err().is_removed());
    }
    let (entries, error) = read(Reader::open_tape(&path, &other.id).unwrap());
    assert!(error.is_none() && entries == [ping(1), ping(2)], "{error:?}");
    assert_eq!(Reader::open_tape(&path, &other.id).unwrap().tape().session, None);
}
