//! Tapes in SQLite that are encrypted or bound by a chain: what is in their files, and what is noticed of changes.

#![cfg(all(feature = "sqlite", feature = "encryption"))]

use std::fs;
use std::path::Path;

use rusqlite::Connection;
use shadowcat::Direction;
use shadowcat::tape::sqlite::{self, Options, Reader, Writer};
use shadowcat::tape::{
    self, Comparison, Component, Entry, EntryKind, Filter, Key, OpenOptions, Payload, Rotate, Rotating, Show,
    Sink, Source, Split, Stats, Tape, TapeError, TapeId, lines,
};

use crate::taped::{Folder, assert_is_sound, note, ping, read, tape};

fn key() -> Key {
    Key::new([7; 32])
}

fn chain_key() -> Key {
    Key::new([8; 32])
}

fn with_key() -> OpenOptions {
    OpenOptions::new().key(key())
}

fn with_chain() -> OpenOptions {
    OpenOptions::new().chain(chain_key())
}

fn sealed() -> Options {
    Options::new().encrypt(key())
}

fn bound() -> Options {
    Options::new().chain(chain_key())
}

/// Encrypted, with hidden names, bound, and both, with what opens them.
fn ways() -> [(Options, OpenOptions); 4] {
    [
        (sealed(), with_key()),
        (sealed().hide_names(true), with_key()),
        (bound(), with_chain()),
        (sealed().chain(chain_key()), with_key().chain(chain_key())),
    ]
}

fn call(number: u64, tool: &str) -> Entry {
    let text = format!(
        r#"{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{"name":"{tool}","arguments":{{"a":"hunter2"}}}}}}"#
    );
    Entry::new(EntryKind::Request, Direction::ToUpstream, text).call(number).session("s-1")
}

fn title() -> Tape {
    let component = Component::new("c").uri("oci://hunter2").policy("storage: hunter2");
    tape().component(component).label("team", "hunter2")
}

/// Ten entries, committed by twos: of every second the tool is `f`, of the others `g`.
fn entries() -> Vec<Entry> {
    let component = Entry::new(EntryKind::Component, Direction::ToClient, "loaded hunter2").component("c");
    let calls = (1..=9).map(|number| call(number, if number % 2 == 0 { "f" } else { "g" }));
    calls.chain([component]).collect()
}

fn record(path: &Path, options: &Options) {
    let mut writer = Writer::create_with(path, &title(), options).unwrap();
    for (number, entry) in entries().iter().enumerate() {
        writer.append(entry).unwrap();
        if number % 2 == 1 {
            writer.commit().unwrap();
        }
    }
    writer.finish().unwrap();
}

fn found(path: &Path, open: &OpenOptions) -> (Vec<Entry>, Option<TapeError>) {
    match tape::open_with(path, open) {
        Ok(source) => read(source),
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// The file as it was recorded, and changed as anybody can.
fn changed(path: &Path, whole: &[u8], sql: &str) {
    fs::write(path, whole).unwrap();
    change(path, sql);
}

/// Writes to the file as anybody can.
fn change(path: &Path, sql: &str) {
    let changed = Connection::open(path).unwrap().execute_batch(sql);
    changed.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn all_bytes(folder: &Folder) -> Vec<u8> {
    let mut all = Vec::new();
    for file in fs::read_dir(folder.path("")).unwrap() {
        all.extend(fs::read(file.unwrap().path()).unwrap());
    }
    all
}

fn holds(bytes: &[u8], text: &str) -> bool {
    memchr::memmem::find(bytes, text.as_bytes()).is_some()
}

#[test]
fn what_was_written_is_read_with_its_keys_and_gone_on_with() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let path = folder.path("a.db");
        record(&path, &options);
        let (all, error) = found(&path, &open);
        assert!(error.is_none() && all == entries(), "{options:?}: {error:?}");
        assert_eq!(*tape::open_with(&path, &open).unwrap().tape(), title(), "{options:?}");

        let mut writer = Writer::resume_with(&path, &title().id, &options).unwrap();
        assert_eq!((writer.frames(), writer.tape()), (10, &title()));
        writer.update(&title().label("more", "known")).unwrap();
        writer.append(&ping(11)).unwrap();
        writer.finish().unwrap();
        drop(writer);
        let mut source = tape::open_with(&path, &open).unwrap();
        assert_eq!(source.tape().labels.len(), 2);
        let (all, error) = read(&mut source);
        assert!(error.is_none(), "{options:?}: {error:?}");
        assert_eq!((all.len(), &all[10]), (11, &ping(11)));
        assert_is_sound(&path);
    }
}

/// Neither in the file, nor in its log, nor in pages that are free again.
#[test]
fn what_is_encrypted_is_nowhere_in_the_bytes() {
    for hides in [false, true] {
        let folder = Folder::new();
        let path = folder.path("a.db");
        let mut writer = Writer::create_with(&path, &title(), &sealed().hide_names(hides)).unwrap();
        for number in 0..500 {
            writer.append(&call(number, "get_weather")).unwrap();
        }
        entries().iter().skip(9).for_each(|entry| writer.append(entry).unwrap());
        writer.update(&title().label("more", "hunter2")).unwrap();
        writer.commit().unwrap();
        let log = all_bytes(&folder);
        writer.finish().unwrap();
        drop(writer);
        sqlite::forget(&path, &Rotate::new().keep_files(1)).unwrap();
        let whole = all_bytes(&folder);
        for bytes in [&log, &whole] {
            assert!(bytes.len() > 100_000 && holds(bytes, "s-1"));
            assert!(!holds(bytes, "hunter2") && !holds(bytes, "jsonrpc"));
            assert_eq!(holds(bytes, "get_weather") || holds(bytes, "tools/call"), !hides);
        }
    }
    let folder = Folder::new();
    record(&folder.path("a.db"), &bound());
    assert!(holds(&all_bytes(&folder), "hunter2"), "what is bound is in clear");
}

#[test]
fn keys_that_are_missing_wrong_or_too_many_are_told() {
    let folder = Folder::new();
    let (plain, closed, chained) = (folder.path("a.db"), folder.path("b.db"), folder.path("c.db"));
    record(&plain, &Options::new());
    record(&closed, &sealed());
    record(&chained, &bound());
    let other = || Key::new([9; 32]);
    let told = |path: &Path, open: &OpenOptions| Reader::open_with(path, open).unwrap_err();

    let error = told(&closed, &OpenOptions::new());
    assert!(
        error.is_key() && error.to_string().ends_with("it is encrypted; open it with its key"),
        "{error}"
    );
    let error = told(&closed, &OpenOptions::new().key(other()));
    assert!(
        error.is_key() && error.to_string().contains("this is not the key that it was made with"),
        "{error}"
    );
    for path in [&plain, &chained] {
        let error = told(path, &with_key());
        assert!(error.is_key() && error.to_string().contains("open it without the key"), "{error}");
    }
    for (path, open) in [(&plain, with_chain()), (&closed, with_key().chain(chain_key()))] {
        let error = told(path, &open);
        assert!(error.is_damaged() && error.to_string().contains("the tape has no chain"), "{error}");
    }
    let error = told(&chained, &OpenOptions::new().chain(other()));
    assert!(error.is_damaged() && error.to_string().contains("the key is not the chain's"), "{error}");
    let (all, error) = found(&chained, &OpenOptions::new());
    assert!(error.is_none() && all == entries(), "who has no key of the chain reads it unchecked: {error:?}");
}

#[test]
fn who_goes_on_needs_the_same_keys_and_else_changes_nothing() {
    let go_on = |path: &Path, options: &Options| Writer::resume_with(path, &title().id, options);
    let other = || Key::new([9; 32]);
    for (made, wrong) in [
        (sealed(), vec![Options::new(), Options::new().encrypt(other()), sealed().chain(chain_key())]),
        (bound(), vec![Options::new(), Options::new().chain(other()), bound().encrypt(key())]),
        (Options::new(), vec![sealed(), bound()]),
    ] {
        let folder = Folder::new();
        let path = folder.path("a.db");
        record(&path, &made);
        let bytes = fs::read(&path).unwrap();
        for options in wrong {
            let error = go_on(&path, &options).unwrap_err();
            assert!(error.is_key() || error.is_damaged(), "{error}");
            assert!(fs::read(&path).unwrap() == bytes, "{options:?}");
        }
        go_on(&path, &made).unwrap();
    }
}

/// What the fifth row becomes, in each column that an entry has.
const CHANGES: [&str; 14] = [
    "message = CAST(x'00' || substr(message, 2) AS BLOB)",
    "message = substr(message, 2)",
    "message = x''",
    "message_type = 'note'",
    "direction = 'server_to_client'",
    "edge = 'transport_out'",
    "elapsed_ns = 17",
    "timestamp = 17",
    "session_id = 's-2'",
    "component_id = 'd'",
    "call = 17",
    "outcome = 'answered'",
    "synthetic = 1",
    "policy = x'00'",
];

#[test]
fn a_row_that_was_changed_is_named_and_all_before_it_is_read() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let path = folder.path("a.db");
        record(&path, &options);
        let whole = fs::read(&path).unwrap();
        for sql in CHANGES {
            changed(&path, &whole, &format!("UPDATE recordings SET {sql} WHERE frame = 5"));
            let (before, error) = found(&path, &open);
            let error = error.unwrap_or_else(|| panic!("{options:?}: {sql}"));
            assert!(error.is_damaged() && error.to_string().contains("a.db: frame 5: "), "{sql}: {error}");
            assert_eq!(before, entries()[..4], "{sql}");
        }
    }
}

#[test]
fn a_name_that_was_changed_is_noticed_at_the_first_row_that_has_it() {
    for (options, open) in [(sealed(), with_key()), (bound(), with_chain())] {
        let folder = Folder::new();
        let path = folder.path("a.db");
        record(&path, &options);
        let whole = fs::read(&path).unwrap();
        for sql in [
            "UPDATE names SET tool = 'h' WHERE tool = 'f'",
            "UPDATE names SET method = 'ping' WHERE tool = 'f'",
            "UPDATE recordings SET name = (SELECT id FROM names WHERE tool = 'g') WHERE frame = 2",
            "UPDATE recordings SET name = NULL WHERE frame = 2",
        ] {
            changed(&path, &whole, sql);
            let (before, error) = found(&path, &open);
            assert!(error.is_some_and(|error| error.to_string().contains("frame 2: ")), "{sql}");
            assert_eq!(before, entries()[..1], "{sql}");
        }
    }
}

/// Frames are numbered again where that is needed, so that only the seal or the MAC tells.
#[test]
fn rows_that_were_swapped_removed_or_put_in_are_noticed() {
    let again = "UPDATE recordings SET id = id - 1 WHERE frame > 5; UPDATE recordings SET id = id + 1000 WHERE frame > 8";
    let swapped = "UPDATE recordings SET id = id + 1000 WHERE frame = 5; UPDATE recordings SET id = id - 1 WHERE frame = 6;
        UPDATE recordings SET id = id - 999 WHERE frame = 1005";
    let columns =
        "session_id, timestamp, message_type, component_id, elapsed_ns, direction, edge, call, outcome,
        synthetic, name, policy, mac, message";
    for (options, open) in ways() {
        let folder = Folder::new();
        let path = folder.path("a.db");
        record(&path, &options);
        let whole = fs::read(&path).unwrap();
        for (what, sql, kept) in [
            ("swapped", swapped.to_owned(), 4),
            ("removed", "DELETE FROM recordings WHERE frame = 5".to_owned(), 4),
            ("removed and numbered again", format!("DELETE FROM recordings WHERE frame = 5; {again}"), 4),
            ("removed at the beginning", "DELETE FROM recordings WHERE frame < 3".to_owned(), 0),
            ("removed at the end", "DELETE FROM recordings WHERE frame > 8".to_owned(), 8),
            ("all removed", "DELETE FROM recordings".to_owned(), 0),
            (
                "copied to the end",
                format!(
                    "INSERT INTO recordings (id, {columns}) SELECT id + 1, {columns} FROM recordings WHERE frame = 10"
                ),
                10,
            ),
        ] {
            changed(&path, &whole, &sql);
            let (before, error) = found(&path, &open);
            assert!(error.is_some_and(|error| error.is_damaged()), "{options:?}: {what}");
            assert!(before.len() <= kept && entries().starts_with(&before), "{options:?}: {what}");
        }
    }
}

#[test]
fn a_row_of_another_tape_is_not_taken() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let path = folder.path("a.db");
        record(&path, &options);
        let other = Tape::of(TapeId::from_text("t-2"), title().created);
        let mut writer = Writer::add_to_with(&path, &other, &options).unwrap();
        entries().iter().for_each(|entry| writer.append(entry).unwrap());
        writer.finish().unwrap();
        drop(writer);
        let of = |id: &TapeId| read(Reader::open_tape_with(&path, id, &open).unwrap());
        assert!(of(&other.id).1.is_none());
        change(&path, "UPDATE recordings SET message = (SELECT message FROM recordings AS r WHERE r.frame = 5 AND r.tape = 1),
            mac = (SELECT mac FROM recordings AS r WHERE r.frame = 5 AND r.tape = 1) WHERE frame = 5 AND tape = 2");
        let (before, error) = of(&other.id);
        assert!(error.is_some_and(|error| error.is_damaged()), "{options:?}");
        assert_eq!(before.len(), 4);
        assert!(of(&title().id).1.is_none());
    }
}

#[test]
fn what_is_known_of_a_tape_cannot_be_changed() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let path = folder.path("a.db");
        record(&path, &options);
        let whole = fs::read(&path).unwrap();
        for sql in [
            "UPDATE tapes SET session_id = 's-2'",
            "UPDATE tapes SET created_at = 17",
            "UPDATE tapes SET metadata = json_set(metadata, '$.created_at', '2020-01-01T00:00:00Z')",
            "UPDATE tapes SET metadata = json_set(metadata, '$.frames_before', 7)",
            "UPDATE tapes SET tape_id = 't-2'",
            "UPDATE tapes SET sealed = x'00'",
            "UPDATE chains SET title = zeroblob(32)",
        ] {
            changed(&path, &whole, sql);
            let error = tape::open_with(&path, &open).err();
            assert!(error.is_some_and(|error| error.is_damaged()), "{options:?}: {sql}");
        }
    }
}

#[test]
fn what_says_where_a_tape_ends_cannot_be_changed_or_left_out() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let path = folder.path("a.db");
        record(&path, &options);
        let whole = fs::read(&path).unwrap();
        for sql in [
            "DELETE FROM chains",
            "UPDATE chains SET tip = zeroblob(32)",
            "UPDATE chains SET finished = 0",
            "UPDATE chains SET mac = zeroblob(32)",
            "UPDATE chains SET mac = x'00'",
            "UPDATE chains SET mac = 7",
        ] {
            changed(&path, &whole, sql);
            let (_, error) = found(&path, &open);
            assert!(error.is_some_and(|error| error.is_damaged()), "{options:?}: {sql}");
        }
    }
}

#[test]
fn a_sealed_tape_without_its_end_says_so() {
    for (options, open, is_sealed) in [(sealed(), with_key(), true), (bound(), with_chain(), false)] {
        let folder = Folder::new();
        let path = folder.path("a.db");
        let mut writer = Writer::create_with(&path, &title(), &options).unwrap();
        let is_missed = |error: Option<TapeError>| error.is_some_and(|error| error.is_torn());
        assert_eq!(is_missed(found(&path, &open).1), is_sealed);
        writer.append(&ping(1)).unwrap();
        writer.commit().unwrap();
        let (all, error) = found(&path, &open);
        assert_eq!((all.len(), is_missed(error)), (1, is_sealed), "a recording that goes on");
        writer.finish().unwrap();
        assert!(found(&path, &open).1.is_none());
        writer.append(&ping(2)).unwrap();
        drop(writer);
        let (all, error) = found(&path, &open);
        assert_eq!((all.len(), is_missed(error)), (2, is_sealed), "it was gone on with");
    }
}

/// Older rows under the same numbers are whole by themselves: a recorder wrote them.
#[test]
fn rows_of_an_older_copy_are_noticed_among_newer_ones() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let (path, older) = (folder.path("a.db"), folder.path("b.db"));
        record(&path, &options);
        let start = fs::read(&path).unwrap();
        let go_on = |text: &str| {
            let mut writer = Writer::resume_with(&path, &title().id, &options).unwrap();
            (0..4).for_each(|_| writer.append(&note(text)).unwrap());
            writer.finish().unwrap();
        };
        go_on("no");
        fs::rename(&path, &older).unwrap();
        let mut file = private(&path);
        std::io::Write::write_all(&mut file, &start).unwrap();
        go_on("so");
        assert!(found(&path, &open).1.is_none());
        change(
            &path,
            &format!(
                "ATTACH '{}' AS older; UPDATE recordings SET (message, mac, elapsed_ns) =
                (SELECT message, mac, elapsed_ns FROM older.recordings AS r WHERE r.id = recordings.id) WHERE frame = 12",
                older.display()
            ),
        );
        assert!(found(&path, &open).1.is_some_and(|error| error.is_damaged()), "{options:?}");
    }
}

/// A check decides by what is known of a tape, before a row is read.
#[test]
fn what_was_known_of_a_tape_before_decides_nothing_when_it_is_put_back() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let (path, older) = (folder.path("a.db"), folder.path("b.db"));
        record(&path, &options);
        fs::copy(&path, &older).unwrap();
        let mut writer = Writer::resume_with(&path, &title().id, &options).unwrap();
        writer.update(&title().label("more", "known").session("s-9")).unwrap();
        writer.append(&ping(11)).unwrap();
        writer.finish().unwrap();
        drop(writer);
        let whole = fs::read(&path).unwrap();
        let checked = open.clone().check(|_| Ok(()));
        let (all, error) = found(&path, &checked);
        assert!(error.is_none() && all.len() == 11, "{options:?}: {error:?}");
        let put_back = format!(
            "ATTACH '{}' AS older; UPDATE tapes SET (session_id, created_at, metadata, sealed) =
                (SELECT session_id, created_at, metadata, sealed FROM older.tapes);
            UPDATE chains SET title = (SELECT title FROM older.chains AS o WHERE o.of = chains.of)",
            older.display()
        );
        for (sql, left) in [(put_back.as_str(), 11), ("DELETE FROM recordings WHERE frame > 8", 8)] {
            changed(&path, &whole, sql);
            let error = Reader::open_with(&path, &checked).unwrap_err();
            assert!(error.is_damaged() && error.to_string().contains("its end"), "{options:?}: {error}");
            assert!(tape::open_with(&path, &checked).is_err_and(|error| error.is_damaged()), "{options:?}");
            let (all, error) = found(&path, &open);
            assert!(error.is_some_and(|error| error.is_damaged()), "{options:?}");
            assert_eq!(all.len(), left, "{options:?}: who asks nothing reads what is there");
        }
    }
}

fn private(path: &Path) -> fs::File {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).unwrap()
}

#[test]
fn a_tape_whose_end_was_cut_off_is_not_gone_on_with() {
    for (options, _) in ways() {
        let folder = Folder::new();
        let path = folder.path("a.db");
        record(&path, &options);
        change(&path, "DELETE FROM recordings WHERE frame > 8");
        let error = Writer::resume_with(&path, &title().id, &options).unwrap_err();
        assert!(error.is_damaged(), "{error}");
    }
}

#[test]
fn filters_find_what_is_sealed_by_name_and_by_session() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let path = folder.path("a.db");
        record(&path, &options);
        let count = |filter: Filter| {
            let (found, error) = read(Reader::open_with(&path, &open).unwrap().filter(filter));
            assert!(error.is_none(), "{options:?}: {error:?}");
            found.len()
        };
        assert_eq!(count(Filter::new().tool("f")), 4);
        assert_eq!(count(Filter::new().method("tools/call")), 9);
        assert_eq!(count(Filter::new().search("g")), 5);
        assert_eq!(count(Filter::new().session("s-1")), 9);
        assert_eq!(count(Filter::new().tool("none")), 0);
    }
}

/// Without one, that an index leaves something out is not known.
#[test]
fn who_has_the_key_of_a_chain_trusts_no_index() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    record(&path, &sealed().chain(chain_key()));
    change(&path, "DELETE FROM name_blocks");
    let with = |open: OpenOptions| {
        read(Reader::open_with(&path, &open).unwrap().filter(Filter::new().tool("f"))).0.len()
    };
    assert_eq!(with(with_key()), 0);
    assert_eq!(with(with_key().chain(chain_key())), 4);
}

#[test]
fn a_chain_is_verified_with_its_tip() {
    for (options, open) in &ways()[2..] {
        let folder = Folder::new();
        let path = folder.path("a.db");
        let mut writer = Writer::create_with(&path, &title(), options).unwrap();
        entries().iter().for_each(|entry| writer.append(entry).unwrap());
        writer.commit().unwrap();
        let found = sqlite::verify([&path], open).unwrap();
        assert_eq!((found.entries, found.begins, found.ends), (10, true, false));
        writer.finish().unwrap();
        let found = sqlite::verify([&path], open).unwrap();
        assert_eq!((found.entries, found.begins, found.ends), (10, true, true));
        assert_eq!(Some(found.tip), writer.chain_tip());
        drop(writer);
        let copy = fs::read(&path).unwrap();

        // Gone on with, and put back to the first end.
        let mut writer = Writer::resume_with(&path, &title().id, options).unwrap();
        writer.append(&ping(11)).unwrap();
        writer.finish().unwrap();
        let tip = writer.chain_tip();
        drop(writer);
        assert_eq!(Some(sqlite::verify([&path], open).unwrap().tip), tip);
        fs::write(&path, copy).unwrap();
        let found = sqlite::verify([&path], open).unwrap();
        assert!(found.ends && Some(found.tip) != tip);
    }
    let folder = Folder::new();
    let path = folder.path("a.db");
    record(&path, &sealed());
    assert!(sqlite::verify([&path], &with_key()).unwrap_err().is_key());
}

#[test]
fn a_chain_leads_through_all_parts_of_a_rotated_tape() {
    let open = with_key().chain(chain_key());
    let folder = Folder::new();
    let small = || Rotate::new().max_bytes(150_000);
    let options = sealed().chain(chain_key());
    let big = |number| note(&format!("{number} {}", "x".repeat(20_000)));
    let mut writer = Rotating::create_with(folder.path("r"), &title(), small(), options.clone()).unwrap();
    (1..=8).for_each(|number| writer.append(&big(number)).unwrap());
    drop(writer);
    let mut writer = Rotating::resume(folder.path("r"), small(), options).unwrap();
    (9..=20).for_each(|number| writer.append(&big(number)).unwrap());
    writer.finish().unwrap();
    drop(writer);
    let mut parts: Vec<_> = fs::read_dir(folder.path("")).unwrap().map(|file| file.unwrap().path()).collect();
    parts.retain(|path| path.extension().is_some_and(|end| end == "db"));
    parts.sort();
    assert!(parts.len() > 2, "{parts:?}");
    let whole = sqlite::verify(&parts, &open).unwrap();
    assert_eq!((whole.entries, whole.begins, whole.ends), (20, true, true));
    let later = sqlite::verify(&parts[1..], &open).unwrap();
    assert_eq!((later.begins, later.ends), (false, true));
    let error = sqlite::verify([&parts[0], &parts[2]], &open).unwrap_err();
    assert!(error.is_damaged() && error.to_string().contains("a part is missing"), "{error}");
    assert!(sqlite::verify([&parts[1], &parts[0]], &open).unwrap_err().is_damaged());
    change(&parts[1], "UPDATE tapes SET metadata = json_set(metadata, '$.follows', NULL)");
    assert!(sqlite::verify(&parts, &open).unwrap_err().is_damaged());
}

#[test]
fn old_parts_that_are_sealed_are_known_and_forgotten() {
    let folder = Folder::new();
    let rotate = Rotate::new().max_bytes(150_000).keep_files(2);
    let mut writer = Rotating::create_with(folder.path("r"), &title(), rotate, sealed()).unwrap();
    (0..30).for_each(|_| writer.append(&note(&"x".repeat(20_000))).unwrap());
    writer.finish().unwrap();
    assert!(writer.path().display().to_string().contains("r.00000"));
    assert!(!folder.path("r.000001.db").exists());
}

#[test]
fn of_two_who_go_on_with_one_tape_the_second_is_told_also_where_only_the_title_is_new() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let path = folder.path("a.db");
        record(&path, &options);
        let go_on = || Writer::resume_with(&path, &title().id, &options).unwrap();
        let (mut one, mut two) = (go_on(), go_on());
        one.update(&title().label("more", "known")).unwrap();
        one.commit().unwrap();
        two.append(&ping(11)).unwrap();
        assert!(two.commit().unwrap_err().is_busy());
        drop(two);
        one.append(&ping(11)).unwrap();
        one.finish().unwrap();
        let (all, error) = found(&path, &open);
        assert!(error.is_none() && all.len() == 11, "{options:?}: {error:?}");
    }
}

#[test]
fn a_commit_that_failed_is_tried_again_and_the_chain_holds() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let path = folder.path("a.db");
        let mut writer = Writer::create_with(&path, &title(), &options).unwrap();
        writer.append(&ping(1)).unwrap();
        writer.commit().unwrap();
        // So that it fails when the first of its rows is written already.
        let table = Connection::open(&path).unwrap().query_row(
            "SELECT sql FROM sqlite_schema WHERE name = 'session_blocks'",
            [],
            |row| row.get::<_, String>(0),
        );
        change(&path, "DROP TABLE session_blocks");
        writer.append(&ping(2)).unwrap();
        writer.append(&ping(3).session("s-2")).unwrap();
        writer.update(&title().label("more", "known")).unwrap();
        assert!(writer.commit().is_err());
        change(&path, &table.unwrap());
        writer.finish().unwrap();
        let (all, error) = found(&path, &open);
        assert!(
            error.is_none() && all == [ping(1), ping(2), ping(3).session("s-2")],
            "{options:?}: {error:?}"
        );
        // The second was sealed in vain with the key of the first, and is never again.
        let sql = "SELECT head IS NULL OR 2 = (SELECT count(DISTINCT substr(message, -16)) FROM recordings
            WHERE frame IN (1, 2)) FROM tapes";
        let db = Connection::open(&path).unwrap();
        assert!(db.query_row(sql, [], |row| row.get::<_, bool>(0)).unwrap(), "{options:?}");
    }
}

/// What is sealed under one key and one number may be written once: a row that was rolled back has another key.
#[test]
fn each_writer_of_a_tape_takes_a_new_key() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    Writer::create_with(&path, &title(), &sealed()).unwrap();
    let start = fs::read(&path).unwrap();
    let mut seen: Vec<Vec<u8>> = Vec::new();
    for _ in 0..3 {
        fs::write(&path, &start).unwrap();
        let mut writer = Writer::resume_with(&path, &title().id, &sealed()).unwrap();
        writer.append(&ping(1)).unwrap();
        writer.finish().unwrap();
        drop(writer);
        let db = Connection::open(&path).unwrap();
        let message: Vec<u8> = db.query_row("SELECT message FROM recordings", [], |row| row.get(0)).unwrap();
        assert_eq!(message.len(), ping(1).bytes.len() + 32);
        assert!(seen.iter().all(|other| other[..8] != message[..8]));
        seen.push(message);
    }
}

#[test]
fn tapes_of_one_file_have_keys_of_their_own_and_are_listed_by_them() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    record(&path, &sealed());
    let named = |id: &str| Tape::of(TapeId::from_text(id), title().created);
    let other = Options::new().encrypt(Key::new([9; 32]));
    Writer::add_to_with(&path, &named("t-2"), &other).unwrap().finish().unwrap();
    Writer::add_to_with(&path, &named("t-3"), &bound()).unwrap().finish().unwrap();
    let listed = |open: &OpenOptions| -> Vec<Result<u64, TapeError>> {
        tape::list_with(&path, open).unwrap().map(|listed| listed.map(|listed| listed.entries)).collect()
    };
    let found = listed(&with_key());
    assert_eq!(found[0].as_ref().ok(), Some(&10));
    assert!(found[1..].iter().all(|listed| listed.as_ref().is_err_and(TapeError::is_key)));
    let found = listed(&OpenOptions::new());
    assert!(found[..2].iter().all(|listed| listed.as_ref().is_err_and(TapeError::is_key)));
    assert_eq!(found[2].as_ref().ok(), Some(&0));
    assert!(sqlite::verify_tape(&path, &named("t-3").id, &with_chain()).unwrap().ends);

    let gone = sqlite::forget(&path, &Rotate::new().keep_files(1)).unwrap();
    assert_eq!(gone.len(), 2);
    let db = Connection::open(&path).unwrap();
    let left: i64 = db.query_row("SELECT count(*) FROM chains", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1, "of the one that was kept");
}

#[test]
fn a_reader_of_a_tape_that_grows_meets_an_end_that_holds() {
    for (options, open) in ways() {
        let folder = Folder::new();
        let path = folder.path("a.db");
        let mut writer = Writer::create_with(&path, &title(), &options).unwrap();
        writer.append(&ping(1)).unwrap();
        writer.commit().unwrap();
        let mut reader = Reader::open_with(&path, &open).unwrap();
        assert_eq!(reader.next().unwrap().unwrap(), ping(1));
        writer.update(&title().label("more", "known")).unwrap();
        (2..=700).for_each(|number| writer.append(&ping(number)).unwrap());
        writer.finish().unwrap();
        let (rest, error) = read(&mut reader);
        assert!(error.is_none(), "{options:?}: {error:?}");
        assert_eq!(rest.len(), 699);
    }
}

/// Whatever a tool does with tapes, it does with these.
#[test]
fn tools_take_what_was_opened_with_its_keys() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let both = sealed().chain(chain_key());
    record(&path, &both);
    let open = || tape::open_with(&path, &with_key().chain(chain_key())).unwrap();
    let mut text = Vec::new();
    assert_eq!(Show::new().payload(Payload::Full).write(open(), &mut text).unwrap(), 10);
    assert!(holds(&text, "hunter2"));
    assert_eq!(Stats::of(open()).unwrap().entries, 10);
    assert_eq!(tape::diff(open(), open(), Comparison::exact()).count(), 0);
    let mut merged = tape::merge([open(), open()]).unwrap();
    let mut to = Writer::create_with(folder.path("m.db"), merged.tape(), &both).unwrap();
    assert_eq!(tape::copy(&mut merged, &mut to).unwrap().entries, 20);
    let cut = Split::by_session().run(open(), |part, number| {
        let path = folder.path(&format!("{number}.db"));
        Ok(Box::new(Writer::create_with(path, part, &both)?))
    });
    assert!(cut.unwrap().parts > 0);
    let mut to = lines::Writer::create(folder.path("c.jsonl"), open().tape()).unwrap();
    assert_eq!(tape::copy(&mut *open(), &mut to).unwrap().entries, 10);
}

#[cfg(feature = "secret")]
#[test]
fn a_sealed_tape_is_redacted_into_another() {
    let folder = Folder::new();
    let (path, masked) = (folder.path("a.db"), folder.path("b.db"));
    record(&path, &sealed());
    let redact = tape::Redact::new().path("/params/arguments/a").unwrap();
    let mut from = redact.apply(tape::open_with(&path, &with_key()).unwrap());
    let mut to = Writer::create_with(&masked, from.tape(), &sealed()).unwrap();
    tape::copy(&mut from, &mut to).unwrap();
    drop(to);
    let (all, error) = found(&masked, &with_key());
    assert!(error.is_none());
    assert!(
        all[..9]
            .iter()
            .all(|entry| !holds(&entry.bytes, "hunter2") && holds(&entry.bytes, "[REDACTED:path]"))
    );
}
