//! Tapes that are not changed unnoticed, and not read by everybody.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use shadowcat::connect::Replay;
use shadowcat::connect::replay::ReplayError;
use shadowcat::tape::lines::{Options, Reader, Writer, verify};
use shadowcat::tape::{self, Key, OpenOptions, Sink, TapeError, import, json};

use crate::taped::{Folder, note, ping, read, tape};

fn key() -> Key {
    Key::new([7; 32])
}

fn chained() -> OpenOptions {
    OpenOptions::new().chain(key())
}

/// Four entries, and something that became known.
fn record(path: &Path) {
    let mut writer = Writer::create_with(path, &tape(), &Options::new().chain(key())).unwrap();
    (1..=2).for_each(|number| writer.append(&ping(number)).unwrap());
    writer.update(&tape().session("s-1")).unwrap();
    writer.append(&note("a \"quoted\" note")).unwrap();
    writer.append(&ping(4)).unwrap();
    writer.finish().unwrap();
}

#[test]
fn a_chain_that_is_whole_is_told_with_or_without_the_key() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    record(&path);
    let found = verify([&path], &chained()).unwrap();
    assert_eq!((found.entries, found.begins, found.ends), (4, true, true));
    assert_eq!(found.tip.len(), 64);
    let (with, error) = read(tape::open_with(&path, &chained()).unwrap());
    assert!(error.is_none());
    let (without, error) = read(tape::open(&path).unwrap());
    assert!(error.is_none());
    assert_eq!(with, without);
    assert!(verify([&path], &OpenOptions::new()).unwrap_err().is_key());
}

#[test]
fn the_first_line_that_was_changed_is_named() {
    let folder = Folder::new();
    let (whole, path) = (folder.path("whole.jsonl"), folder.path("a.jsonl"));
    record(&whole);
    let bytes = fs::read(&whole).unwrap();
    let mut line = 1;
    // Without the last line break, the last line is one that a crash left.
    for at in 0..bytes.len() - 1 {
        let mut changed = bytes.clone();
        changed[at] ^= 0x02;
        fs::write(&path, changed).unwrap();
        let error = verify([&path], &chained()).unwrap_err();
        if line > 1 {
            assert!(error.is_damaged(), "{at}: {error}");
        }
        // The title may be no title any more.
        let named = format!("a.jsonl:{line}: ");
        let is_named = error.to_string().contains(&named) || line == 1 || bytes[at] == b'\n';
        assert!(is_named, "{at} in line {line}: {error}");
        line += u32::from(bytes[at] == b'\n');
    }
}

#[test]
fn lines_that_were_removed_added_or_moved_are_noticed_where_they_are() {
    let folder = Folder::new();
    let (whole, path) = (folder.path("whole.jsonl"), folder.path("a.jsonl"));
    record(&whole);
    let text = fs::read_to_string(&whole).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    // Title, two frames, a title, two frames, the end.
    for (order, first) in [
        (vec![0, 2, 3, 4, 5, 6], 2),
        (vec![0, 1, 2, 4, 5, 6], 4),
        (vec![0, 1, 2, 3, 4, 6], 6),
        (vec![0, 1, 1, 2, 3, 4, 5, 6], 3),
        (vec![0, 1, 2, 4, 3, 5, 6], 4),
        (vec![0, 1, 2, 3, 4, 5, 6, 6], 8),
    ] {
        let changed: Vec<&str> = order.iter().map(|at| lines[*at]).collect();
        fs::write(&path, changed.join("\n")).unwrap();
        let error = verify([&path], &chained()).unwrap_err();
        assert!(
            error.is_damaged() && error.to_string().contains(&format!(":{first}: ")),
            "{order:?}: {error}"
        );
    }
    let added = text.replacen(
        '\n',
        "\n{\"frame\":1,\"direction\":\"client_to_server\",\"kind\":\"note\",\"raw\":\"\"}\n",
        1,
    );
    fs::write(&path, added).unwrap();
    let error = verify([&path], &chained()).unwrap_err();
    assert!(error.is_damaged() && error.to_string().contains("it has no MAC"), "{error}");
}

#[test]
fn an_end_that_was_cut_off_is_missed() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    record(&path);
    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for left in 1..lines.len() {
        fs::write(&path, lines[..left].join("\n")).unwrap();
        assert!(!verify([&path], &chained()).unwrap().ends, "{left}");
        // In the middle of a line, as a crash does.
        fs::write(&path, format!("{}\n{{\"frame", lines[..left].join("\n"))).unwrap();
        assert!(!verify([&path], &chained()).unwrap().ends, "{left}");
    }
}

#[test]
fn what_a_stranger_put_behind_the_end_is_not_taken_for_nothing() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    record(&path);
    let whole = fs::read(&path).unwrap();
    for more in ["{\"frame\":5", "x", "{", "\0\0"] {
        fs::write(&path, [&whole, more.as_bytes()].concat()).unwrap();
        let found = verify([&path], &chained()).unwrap();
        assert_eq!((found.entries, found.ends), (4, false), "{more}");
    }
}

#[test]
fn a_chain_goes_on_after_a_crash_with_its_key_only() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    record(&path);
    use std::io::Write;
    fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"frame\":5,\"ti").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(Writer::resume(&path).unwrap_err().is_key());
    let other = Options::new().chain(Key::new([8; 32]));
    assert!(Writer::resume_with(&path, &other).unwrap_err().is_damaged());
    assert_eq!(fs::read(&path).unwrap(), before);

    let mut writer = Writer::resume_with(&path, &Options::new().chain(key())).unwrap();
    assert!(writer.torn().is_some());
    writer.append(&ping(5)).unwrap();
    writer.finish().unwrap();
    let tip = writer.chain_tip();
    drop(writer);
    let found = verify([&path], &chained()).unwrap();
    assert_eq!((found.entries, found.ends, Some(found.tip)), (5, true, tip));
}

#[test]
fn a_tape_without_a_chain_is_not_taken_for_one() {
    let folder = Folder::new();
    let (lines, document) = (folder.path("a.jsonl"), folder.path("a.json"));
    Writer::create(&lines, &tape()).unwrap().finish().unwrap();
    json::Writer::create(&document, &tape()).unwrap().finish().unwrap();
    let error = tape::open_with(&lines, &chained()).err().unwrap();
    assert!(error.is_damaged() && error.to_string().contains("read it without the chain's key"), "{error}");
    let error = tape::open_with(&document, &chained()).err().unwrap();
    assert!(error.is_key() && error.to_string().contains("without the chain's key"), "{error}");
    assert!(Writer::resume_with(&lines, &Options::new().chain(key())).unwrap_err().is_damaged());
}

#[cfg(unix)]
#[test]
fn what_others_may_read_is_refused_where_that_is_asked() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    record(&path);
    let options = OpenOptions::new().require_private_file();
    tape::open_with(&path, &options).unwrap();
    for mode in [0o640, 0o604, 0o620, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let error = tape::open_with(&path, &options).err().unwrap();
        assert!(error.is_refused() && error.to_string().contains("its mode must be 0600"), "{error}");
        assert!(Reader::open_with(&path, &options).unwrap_err().is_refused());
        tape::open(&path).unwrap();
    }
    let (document, log) = (folder.path("a.json"), folder.path("log.jsonl"));
    json::Writer::create(&document, &tape()).unwrap().finish().unwrap();
    fs::write(&log, LOG).unwrap();
    for mode in [0o640, 0o600] {
        [&document, &log]
            .iter()
            .for_each(|path| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap());
        let opened = [
            json::Reader::open_with(&document, &options).err(),
            import::open_with(&document, &options).err(),
            import::open_with(&log, &options).err(),
            import::open_as_with(&log, import::Format::Log, &options).err(),
        ];
        for error in opened {
            assert_eq!(error.is_some_and(|error| error.is_refused()), mode == 0o640, "{mode:o}");
        }
    }
}

/// What is no tape, and can be imported.
const LOG: &str = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\n";

#[test]
fn what_is_imported_and_documents_are_checked_and_told_of_as_tapes_are() {
    let folder = Folder::new();
    let (lines, document, log) = (folder.path("a.jsonl"), folder.path("a.json"), folder.path("log.jsonl"));
    record(&lines);
    json::Writer::create(&document, &tape()).unwrap().finish().unwrap();
    fs::write(&log, LOG).unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hook = told.clone();
    let options = OpenOptions::new().on_open(move |opening| hook.lock().unwrap().push(opening.to_string()));
    let no = options.clone().check(|_| Err("not for you".to_owned()));
    let yes = options.check(|_| Ok(()));
    type Open<'a> = &'a dyn Fn(&OpenOptions) -> Result<usize, TapeError>;
    let ways: [Open<'_>; 5] = [
        &|options| json::Reader::open_with(&document, options).map(Iterator::count),
        &|options| import::open_with(&document, options).map(Iterator::count),
        &|options| import::open_with(&lines, options).map(Iterator::count),
        &|options| import::open_with(&log, options).map(Iterator::count),
        &|options| import::open_as_with(&log, import::Format::Log, options).map(Iterator::count),
    ];
    for ((at, open), entries) in ways.iter().enumerate().zip([0, 0, 4, 1, 1]) {
        let error = open(&no).unwrap_err();
        assert!(error.is_refused() && error.to_string().ends_with("not for you"), "{at}: {error}");
        assert_eq!(open(&yes).unwrap(), entries, "{at}");
        let told = std::mem::take(&mut *told.lock().unwrap());
        let [refused, opened] = &told[..] else { panic!("{at}: {told:?}") };
        assert!(
            refused.starts_with("not opened to read: ") && opened.starts_with("opened to read: "),
            "{told:?}"
        );
    }
    for options in [&yes, &no] {
        assert!(json::Reader::open_with(folder.path("none"), options).unwrap_err().is_io());
        assert!(import::open_with(folder.path("none"), options).err().unwrap().is_io());
    }
    assert_eq!(told.lock().unwrap().len(), 4, "also of what is not there");
}

#[test]
fn keys_open_what_is_imported_only_where_it_is_a_tape_that_has_them() {
    let folder = Folder::new();
    let (lines, document, log) = (folder.path("a.jsonl"), folder.path("a.json"), folder.path("log.jsonl"));
    record(&lines);
    json::Writer::create(&document, &tape()).unwrap().finish().unwrap();
    fs::write(&log, LOG).unwrap();
    assert_eq!(import::open_with(&lines, &chained()).unwrap().count(), 4);
    let other = OpenOptions::new().chain(Key::new([8; 32]));
    assert!(import::open_with(&lines, &other).err().unwrap().is_damaged());
    for error in [
        json::Reader::open_with(&document, &chained()).err(),
        import::open_with(&document, &chained()).err(),
        import::open_with(&log, &chained()).err(),
        import::open_as_with(&log, import::Format::Log, &chained()).err(),
    ] {
        let error = error.unwrap();
        assert!(error.is_key() && error.to_string().contains("without the chain's key"), "{error}");
    }
}

#[test]
fn a_check_decides_before_an_entry_is_read_and_every_opening_is_told() {
    let folder = Folder::new();
    let (lines, document) = (folder.path("a.jsonl"), folder.path("a.json"));
    record(&lines);
    json::Writer::create(&document, &tape()).unwrap().finish().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let log = told.clone();
    let options = OpenOptions::new()
        .check(|tape| if tape.transport.is_some() { Err("not for you".to_owned()) } else { Ok(()) })
        .on_open(move |opening| {
            let name = opening.path.file_name().unwrap().to_string_lossy().into_owned();
            let outcome = opening.outcome.map(|tape| tape.id.clone()).map_err(|e| e.is_refused());
            log.lock().unwrap().push((name, outcome));
        });
    for path in [&lines, &document] {
        let error = tape::open_with(path, &options).err().unwrap();
        assert!(
            error.is_refused() && error.to_string().ends_with("it may not be read: not for you"),
            "{error}"
        );
    }
    assert!(Reader::open_with(&lines, &options).unwrap_err().is_refused());
    assert!(tape::open_with(folder.path("none"), &options).err().unwrap().is_io());
    tape::open_with(&lines, &options.check(|_| Ok(()))).unwrap();
    let told = told.lock().unwrap();
    let refused = |name: &str| (name.to_owned(), Err(true));
    assert_eq!(told[..3], [refused("a.jsonl"), refused("a.json"), refused("a.jsonl")]);
    assert_eq!(told[3], ("none".to_owned(), Err(false)));
    assert_eq!(told[4], ("a.jsonl".to_owned(), Ok(tape().id)));
}

#[test]
fn a_list_holds_what_may_be_read_and_says_what_may_not() {
    let folder = Folder::new();
    fs::write(folder.path("a.txt"), "no tape").unwrap();
    json::Writer::create(folder.path("b.json"), &tape().label("team", "red")).unwrap().finish().unwrap();
    record(&folder.path("c.jsonl"));
    let check =
        || OpenOptions::new().check(|tape| if tape.labels.is_empty() { Ok(()) } else { Err("red".into()) });
    let list = |options: &OpenOptions| tape::list_with(folder.path(""), options).unwrap().collect::<Vec<_>>();
    let found = list(&check());
    assert!(found.len() == 2 && found[0].as_ref().unwrap_err().is_refused(), "{found:?}");
    assert_eq!(found[1].as_ref().unwrap().entries, 4);
    // By a key of no use for the one; what is no tape is none by any key.
    let found = list(&chained());
    assert!(found.len() == 2 && found[0].as_ref().unwrap_err().is_key(), "{found:?}");
    assert_eq!(found[1].as_ref().unwrap().entries, 4);
}

#[cfg(feature = "encryption")]
#[test]
fn encrypted_tapes_are_listed_by_their_key() {
    let folder = Folder::new();
    let path = folder.path("a.jsonl");
    let mut writer = Writer::create_with(&path, &tape(), &Options::new().encrypt(key())).unwrap();
    writer.append(&ping(1)).unwrap();
    writer.finish().unwrap();
    let listed = |options: &OpenOptions| tape::list_with(folder.path(""), options).unwrap().next().unwrap();
    assert_eq!(listed(&OpenOptions::new().key(key())).unwrap().entries, 1);
    assert!(listed(&OpenOptions::new()).unwrap_err().is_key());
}

#[cfg(feature = "sqlite")]
#[test]
fn each_tape_of_a_file_is_listed_only_if_it_may_be_read() {
    use shadowcat::tape::{Tape, sqlite};
    let folder = Folder::new();
    let path = folder.path("a.db");
    let (red, blue) = (Tape::new().unwrap().label("team", "red"), Tape::new().unwrap().label("team", "blue"));
    sqlite::Writer::create(&path, &red).unwrap().finish().unwrap();
    sqlite::Writer::add_to(&path, &blue).unwrap().finish().unwrap();
    let options = OpenOptions::new().check(|tape| match tape.labels["team"].as_str() {
        "blue" => Ok(()),
        other => Err(other.to_owned()),
    });
    let found: Vec<_> =
        tape::list_with(&path, &options).unwrap().map(|one| one.map(|one| one.tape.id)).collect();
    assert_eq!(found.len(), 2);
    assert!(found.iter().any(|one| matches!(one, Ok(id) if *id == blue.id)));
    assert!(found.iter().any(|one| matches!(one, Err(error) if error.is_refused())));
}

/// A tape of which it is learned while it is recorded whose it is, in each format.
fn learned(folder: &Folder) -> Vec<std::path::PathBuf> {
    fn fill(mut sink: impl Sink) {
        sink.append(&ping(1)).unwrap();
        sink.update(&tape().label("team", "red")).unwrap();
        sink.append(&ping(2)).unwrap();
        sink.finish().unwrap();
    }
    let path = |name| folder.path(name);
    fill(Writer::create(path("a.jsonl"), &tape()).unwrap());
    fill(json::Writer::create(path("b.json"), &tape()).unwrap());
    #[cfg(feature = "sqlite")]
    fill(tape::sqlite::Writer::create(path("c.db"), &tape()).unwrap());
    vec![
        path("a.jsonl"),
        path("b.json"),
        #[cfg(feature = "sqlite")]
        path("c.db"),
    ]
}

fn not_red() -> OpenOptions {
    let is_red = |tape: &tape::Tape| tape.labels.get("team").is_some_and(|team| team == "red");
    OpenOptions::new().check(move |tape| if is_red(tape) { Err("it is red".to_owned()) } else { Ok(()) })
}

#[test]
fn a_check_is_asked_again_when_more_is_known_of_a_tape() {
    let folder = Folder::new();
    // How many entries stand before that.
    for (path, before) in learned(&folder).iter().zip([1, 2, 0]) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let log = told.clone();
        let options = not_red().on_open(move |opening| log.lock().unwrap().push(opening.outcome.is_ok()));
        let (found, error) = match tape::open_with(path, &options) {
            Ok(source) => read(source),
            Err(error) => (Vec::new(), Some(error)),
        };
        let error = error.unwrap_or_else(|| panic!("{} is read to its end", path.display()));
        assert!(error.is_refused() && error.to_string().ends_with("it is red"), "{error}");
        assert_eq!(found.len(), before, "{}", path.display());
        let expected: &[bool] = if before > 0 { &[true, false] } else { &[false] };
        assert_eq!(*told.lock().unwrap(), expected);
        assert_eq!(read(tape::open(path).unwrap()).0.len(), 2);
    }
    let (_, error) = read(Reader::open_with(folder.path("a.jsonl"), &not_red()).unwrap());
    assert!(error.unwrap().is_refused());
    let (_, error) = read(json::Reader::open_with(folder.path("b.json"), &not_red()).unwrap());
    assert!(error.unwrap().is_refused());
}

#[cfg(feature = "sqlite")]
#[test]
fn who_reads_a_growing_tape_in_sqlite_learns_what_becomes_known_of_it_and_is_asked_again() {
    use shadowcat::tape::{Key, Source, sqlite};
    let folder = Folder::new();
    let key = || Key::new([7; 32]);
    let plain = (sqlite::Options::new(), OpenOptions::new(), not_red());
    let chained = (plain.0.clone().chain(key()), plain.1.clone().chain(key()), plain.2.clone().chain(key()));
    #[cfg(feature = "encryption")]
    let sealed = (plain.0.clone().encrypt(key()), plain.1.clone().key(key()), plain.2.clone().key(key()));
    let all = [
        plain,
        chained,
        #[cfg(feature = "encryption")]
        sealed,
    ];
    for (at, (writing, reading, asking)) in all.into_iter().enumerate() {
        let path = folder.path(&format!("{at}.db"));
        let mut writer = sqlite::Writer::create_with(&path, &tape(), &writing).unwrap();
        writer.append(&ping(1)).unwrap();
        writer.commit().unwrap();
        let mut reader = sqlite::Reader::open_with(&path, &reading).unwrap();
        let mut asked = sqlite::Reader::open_with(&path, &asking).unwrap();
        assert_eq!(reader.next().unwrap().unwrap(), ping(1));
        assert_eq!(asked.next().unwrap().unwrap(), ping(1));
        writer.update(&tape().label("team", "red")).unwrap();
        writer.append(&ping(2)).unwrap();
        writer.commit().unwrap();
        assert_eq!(reader.tape().labels.get("team"), None);
        assert_eq!(reader.next().unwrap().unwrap(), ping(2));
        assert_eq!(reader.tape().labels.get("team").map(String::as_str), Some("red"), "{at}");
        let error = asked.next().unwrap().unwrap_err();
        assert!(error.is_refused() && error.to_string().ends_with("it is red"), "{at}: {error}");
        assert!(asked.next().is_none());
    }
}

#[test]
fn what_a_tape_learned_keeps_it_out_of_a_list_and_of_a_replay() {
    let folder = Folder::new();
    for path in learned(&folder) {
        let error = Replay::options().open_options(not_red()).open(&path).unwrap_err();
        assert!(matches!(&error, ReplayError::Tape(error) if error.is_refused()), "{error}");
    }
    for found in tape::list_with(folder.path(""), &not_red()).unwrap() {
        assert!(found.unwrap_err().is_refused());
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn of_a_file_with_several_tapes_the_one_that_is_named_is_opened() {
    use shadowcat::tape::{Tape, TapeId, sqlite};
    let folder = Folder::new();
    let (path, text) = (folder.path("a.db"), folder.path("b.jsonl"));
    record(&text);
    let tapes = [(); 12].map(|()| Tape::new().unwrap());
    for (number, tape) in tapes.iter().enumerate() {
        let sink = if number == 0 {
            sqlite::Writer::create(&path, tape)
        } else {
            sqlite::Writer::add_to(&path, tape)
        };
        let mut sink = sink.unwrap();
        (0..=number).for_each(|number| sink.append(&ping(number as u64 + 1)).unwrap());
        sink.finish().unwrap();
    }
    let error = tape::open(&path).err().unwrap().to_string();
    assert!(error.contains(tapes[9].id.as_str()) && !error.contains(tapes[10].id.as_str()), "{error}");
    assert!(error.ends_with(", others"), "{error}");

    let of = |number: usize| OpenOptions::new().tape(tapes[number].id.clone());
    assert_eq!(tape::open_with(&path, &of(2)).unwrap().count(), 3);
    assert_eq!(sqlite::Reader::open_with(&path, &of(4)).unwrap().count(), 5);
    let replay = Replay::options().open_options(of(6)).open(&path).unwrap();
    assert_eq!(replay.unused().len(), 7);
    for place in [path.clone(), folder.path("")] {
        let listed: Vec<_> =
            tape::list_with(place, &of(8)).unwrap().map(|one| one.unwrap().entries).collect();
        assert_eq!(listed, [9]);
    }
    let refused = of(8).check(|_| Err("not for you".to_owned()));
    let listed: Vec<_> = tape::list_with(folder.path(""), &refused).unwrap().collect();
    assert!(matches!(&listed[..], [Err(error)] if error.is_refused()), "{listed:?}");

    let another = OpenOptions::new().tape(TapeId::from_text("t-2"));
    for path in [&path, &text] {
        let error = tape::open_with(path, &another).err().unwrap();
        assert!(error.is_foreign() && error.to_string().contains("it holds no tape t-2"), "{error}");
    }
    assert_eq!(tape::open_with(&text, &OpenOptions::new().tape(tape().id)).unwrap().count(), 4);
}
