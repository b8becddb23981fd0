//! Recorders that are killed, disks that are full, and files that others write too, in processes of their own.

#![allow(clippy::print_stdout, reason = "its parent reads it")]
#![cfg(all(feature = "tape", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod killed;
mod taped;

use std::path::Path;
#[cfg(feature = "sqlite")]
use std::process::Command;
use std::time::Duration;

use killed::{Worst, configured, kill_after, kills, start, tell_safe, told};
use shadowcat::tape::{self, Sink, json, lines};
use taped::{Folder, assert_is_sound, note, ping, read, tape};

/// What the other process is to do, and where.
const TASK: &str = "SHADOWCAT_TEST_TAPE";

fn sink(path: &Path) -> Box<dyn Sink> {
    match path.extension().unwrap().to_str().unwrap() {
        "jsonl" => Box::new(lines::Writer::create(path, &tape()).unwrap()),
        #[cfg(all(feature = "zstd", feature = "encryption"))]
        "zst" | "sealed" | "both" => {
            Box::new(lines::Writer::create_with(path, &tape(), &options(path)).unwrap())
        }
        "json" => Box::new(json::Writer::create(path, &tape()).unwrap()),
        #[cfg(feature = "sqlite")]
        "db" => Box::new(tape::sqlite::Writer::create(path, &tape()).unwrap()),
        #[cfg(all(feature = "sqlite", feature = "encryption"))]
        SEALED_DB => Box::new(tape::sqlite::Writer::create_with(path, &tape(), &of_database()).unwrap()),
        other => panic!("{other}"),
    }
}

fn formats() -> Vec<&'static str> {
    let mut formats = vec!["jsonl", "json"];
    if cfg!(feature = "sqlite") {
        formats.push("db");
    }
    if cfg!(all(feature = "zstd", feature = "encryption")) {
        formats.extend(["zst", "sealed", "both"]);
    }
    if cfg!(all(feature = "sqlite", feature = "encryption")) {
        formats.push(SEALED_DB);
    }
    formats
}

/// A database that is encrypted and bound.
const SEALED_DB: &str = "sealed-db";

fn is_database(format: &str) -> bool {
    format == "db" || format == SEALED_DB
}

#[cfg(all(feature = "sqlite", feature = "encryption"))]
fn of_database() -> tape::sqlite::Options {
    tape::sqlite::Options::new().encrypt(tape::Key::new([7; 32])).chain(tape::Key::new([8; 32]))
}

#[cfg(all(feature = "zstd", feature = "encryption"))]
fn options(path: &Path) -> lines::Options {
    let options = lines::Options::new();
    let key = tape::Key::new([7; 32]);
    match path.extension().unwrap().to_str().unwrap() {
        "zst" => options.compress(3),
        "sealed" => options.encrypt(key),
        _ => options.compress(3).encrypt(key).chain(tape::Key::new([8; 32])),
    }
}

#[cfg(all(feature = "zstd", feature = "encryption"))]
fn open(path: &Path) -> Box<dyn tape::Source> {
    let options = tape::OpenOptions::new();
    let key = tape::Key::new([7; 32]);
    let options = match path.extension().unwrap().to_str().unwrap() {
        "sealed" => options.key(key),
        "both" | SEALED_DB => options.key(key).chain(tape::Key::new([8; 32])),
        _ => options,
    };
    tape::open_with(path, &options).unwrap()
}

#[cfg(not(all(feature = "zstd", feature = "encryption")))]
fn open(path: &Path) -> Box<dyn tape::Source> {
    tape::open(path).unwrap()
}

/// Not a test of its own: what the other tests start.
#[test]
fn another_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (what, path) = task.split_once(' ').unwrap();
    let path = Path::new(path);
    match what {
        "record" => record(&mut *sink(path)),
        "fill" => fill(&mut *sink(path)),
        "resume" => println!("\nresumed {}", u8::from(resume(path).is_ok())),
        #[cfg(feature = "sqlite")]
        "begin" => println!("\nbegun {}", u8::from(tape::sqlite::Writer::create(path, &tape()).is_ok())),
        #[cfg(feature = "sqlite")]
        "add" => drop(write_another(path)),
        #[cfg(feature = "sqlite")]
        "lock" => println!("\nlocked {}", u8::from(is_unlocked(path))),
        #[cfg(feature = "sqlite")]
        "count" => println!("\ncounted {}", count(path)),
        other => panic!("{other}"),
    }
}

fn resume(path: &Path) -> Result<lines::Writer, tape::TapeError> {
    #[cfg(all(feature = "zstd", feature = "encryption"))]
    if path.extension().unwrap() != "jsonl" {
        return lines::Writer::resume_with(path, &options(path));
    }
    lines::Writer::resume(path)
}

/// Until it is killed; tells what is safe.
fn record(sink: &mut dyn Sink) {
    for number in 1.. {
        sink.append(&ping(number)).unwrap();
        if number % 7 == 0 {
            sink.commit().unwrap();
            tell_safe(number);
        }
    }
}

/// A file may not grow beyond a limit, as on a full disk: some entries are not taken, and it can be told which.
fn fill(sink: &mut dyn Sink) {
    let mut taken = 0;
    let mut refused = 0;
    while refused < 100 && taken < 500_000 {
        match sink.append(&ping(taken + 1)) {
            Ok(()) => taken += 1,
            Err(error) => {
                assert!(error.is_io(), "{error}");
                refused += 1;
            }
        }
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    let _ = sink.commit();
    println!("\ntaken {taken}");
}

#[test]
fn what_was_committed_survives_a_kill_and_nothing_is_missing_between() {
    let kills = kills(34);
    for format in formats() {
        let mut opening = Worst::of(format!("{format}: opened after a kill"), Duration::from_secs(1));
        for kill in 0..kills {
            let folder = Folder::new();
            let path = folder.path(&format!("a.{format}"));
            // Killed after other numbers of commits, at whatever it is doing then.
            let safe = kill_after(1 + kill % 40, start(TASK, "", "record", &path));
            let (found, error) = read(opening.measure(|| open(&path)));
            assert!(found.len() as u64 >= safe, "{format}: {} of {safe}", found.len());
            assert!(error.is_none_or(|error| error.is_torn()));
            assert!(found.iter().zip(1..).all(|(entry, number)| *entry == ping(number)), "{format}");
            if is_database(format) {
                assert_is_sound(&path);
            }
        }
        opening.is_seldom_slow();
    }
}

#[test]
fn on_a_full_disk_what_was_taken_is_on_the_tape_and_it_can_be_gone_on_with() {
    for (at, format) in formats().into_iter().enumerate() {
        // In blocks of 512 bytes: in a long run many, else another for each format.
        let points = configured("SHADOWCAT_LIMITS", 0);
        let one = 300 + 170 * u32::try_from(at).unwrap();
        for blocks in (0..points).map(|point| 270 + 97 * point).chain((points == 0).then_some(one)) {
            filled(format, blocks);
        }
    }
}

fn filled(format: &str, blocks: u32) {
    let folder = Folder::new();
    let path = folder.path(&format!("a.{format}"));
    // Who ignores the signal gets an error.
    let (mut child, mut out) = start(TASK, &format!("trap '' XFSZ; ulimit -f {blocks};"), "fill", &path);
    let taken = told(&mut out, "taken ").unwrap_or_else(|| panic!("{format}: it fails"));
    assert!(child.wait().unwrap().success());
    let (found, error) = read(open(&path));
    // Whole pieces only; of a sealed tape the end is missed.
    assert!(
        error.is_none_or(|error| error.is_torn() && matches!(format, "json" | "sealed" | "both" | SEALED_DB))
    );
    // What waited when the disk was full may be lost with the process, as nothing says that it is safe.
    assert!(found.len() as u64 <= taken && !found.is_empty(), "{format}: {} of {taken}", found.len());
    assert!(found.iter().zip(1..).all(|(entry, number)| *entry == ping(number)), "{format}");
    let next = found.len() as u64 + 1;
    let mut sink: Box<dyn Sink> = match format {
        #[cfg(feature = "sqlite")]
        "db" => Box::new(tape::sqlite::Writer::resume(&path, &tape().id).unwrap()),
        #[cfg(all(feature = "sqlite", feature = "encryption"))]
        SEALED_DB => Box::new(tape::sqlite::Writer::resume_with(&path, &tape().id, &of_database()).unwrap()),
        "json" => return,
        _ => Box::new(resume(&path).unwrap()),
    };
    sink.append(&ping(next)).unwrap();
    sink.finish().unwrap();
    assert_eq!(read(open(&path)).0.len() as u64, next);
}

/// A tape of a whole number of blocks that is torn behind a few bytes of what was written last: the line that tells of
/// these is longer.
fn torn(path: &Path) -> u64 {
    let mut writer = sink(path);
    let mut write = |bytes| {
        writer.append(&note(&"x".repeat(bytes))).unwrap();
        writer.commit().unwrap();
        std::fs::metadata(path).unwrap().len()
    };
    let whole = (0..10_000).map(|number| write(number % 97)).find(|length| length % 512 > 500);
    let blocks = whole.expect("one of them ends there") / 512 + 1;
    write(600);
    drop(writer);
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    file.set_len(blocks * 512).unwrap();
    blocks
}

#[test]
fn on_a_full_disk_a_torn_tape_that_cannot_be_gone_on_with_stays_as_it_is() {
    for format in formats().into_iter().filter(|format| *format != "json" && !is_database(format)) {
        let folder = Folder::new();
        let path = folder.path(&format!("a.{format}"));
        let blocks = torn(&path);
        let bytes = std::fs::read(&path).unwrap();
        let (mut child, mut out) =
            start(TASK, &format!("trap '' XFSZ; ulimit -f {blocks};"), "resume", &path);
        let resumed = told(&mut out, "resumed ");
        assert!(child.wait().unwrap().success());
        assert_eq!(resumed, Some(0), "{format}");
        assert!(std::fs::read(&path).unwrap() == bytes, "{format}: it was changed");
        let writer = resume(&path).unwrap();
        assert!(writer.torn().is_some(), "{format}");
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn on_a_full_disk_nothing_is_left_of_a_tape_that_could_not_be_begun() {
    let mut failed = 0;
    for blocks in (0..=260).step_by(20) {
        let folder = Folder::new();
        let path = folder.path("a.db");
        let (mut child, mut out) = start(TASK, &format!("trap '' XFSZ; ulimit -f {blocks};"), "begin", &path);
        let begun = told(&mut out, "begun ");
        assert!(child.wait().unwrap().success());
        if begun == Some(1) {
            continue;
        }
        failed += 1;
        assert_eq!(std::fs::read_dir(folder.path("")).unwrap().count(), 0, "{blocks} blocks");
        tape::sqlite::Writer::create(&path, &tape()).unwrap();
    }
    assert!(failed > 3, "{failed}");
}

/// A tape in the same file, with one entry.
#[cfg(feature = "sqlite")]
fn write_another(path: &Path) -> tape::sqlite::Writer {
    let another = tape::Tape::new().unwrap();
    let mut writer = tape::sqlite::Writer::add_to(path, &another).unwrap();
    writer.append(&ping(1)).unwrap();
    writer.finish().unwrap();
    writer
}

/// The entries of all tapes of a file.
#[cfg(feature = "sqlite")]
fn count(path: &Path) -> u64 {
    tape::list(path).unwrap().map(|listed| listed.unwrap().entries).sum()
}

/// Whether no process has a lock on the file, so that an SQLite older than 3.51 would remove its log.
#[cfg(feature = "sqlite")]
fn is_unlocked(path: &Path) -> bool {
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive).is_ok()
}

#[cfg(feature = "sqlite")]
fn told_by_another_process(what: &str, word: &str, path: &Path) -> u64 {
    let (mut child, mut out) = start(TASK, "", what, path);
    let told = told(&mut out, word).unwrap();
    assert!(child.wait().unwrap().success());
    told
}

#[cfg(feature = "sqlite")]
type Look = (&'static str, fn(&Path));

/// What closes a descriptor of the file takes the locks of all connections of this process away.
#[cfg(feature = "sqlite")]
#[test]
fn who_looks_at_a_file_that_is_written_takes_no_lock_from_its_writer() {
    use tape::sqlite::{self, Reader, Writer};
    let looks: [Look; 17] = [
        ("nothing", |_| {}),
        ("tapes", |path| assert_eq!(sqlite::tapes(path).unwrap().len(), 1)),
        ("read", |path| assert_eq!(Reader::open(path).unwrap().count(), 1)),
        ("read with", |path| drop(Reader::open_with(path, &private()).unwrap())),
        ("open", |path| drop(tape::open(path).unwrap())),
        ("open with", |path| drop(tape::open_with(path, &private()).unwrap())),
        ("list", |path| assert_eq!(tape::list(path).unwrap().count(), 1)),
        ("add to", |path| drop(Writer::add_to(path, &tape::Tape::new().unwrap()).unwrap())),
        ("forget", |path| assert_eq!(sqlite::forget(path, &tape::Rotate::new()).unwrap(), [])),
        ("migrate", |path| assert_eq!(sqlite::migrate(path).unwrap(), 2)),
        ("as lines", |path| assert!(lines::Reader::open(path).unwrap_err().is_foreign())),
        ("list the folder", |path| assert_eq!(tape::list(path.parent().unwrap()).unwrap().count(), 1)),
        ("list the folder with", |path| {
            let error = listed_with_a_key(path.parent().unwrap());
            assert!(error.is_damaged() && error.to_string().contains("without the chain's key"), "{error}");
        }),
        ("as JSON with", |path| {
            assert!(json::Reader::open_with(path, &private()).unwrap_err().is_foreign());
        }),
        ("as JSON", |path| assert!(json::Reader::open(path).unwrap_err().is_foreign())),
        ("go on as lines", |path| assert!(lines::Writer::resume(path).unwrap_err().is_foreign())),
        ("import", import),
    ];
    let mut lost = Vec::new();
    for (name, look) in looks {
        let folder = Folder::new();
        let path = folder.path("a.db");
        let mut writer = Writer::create(&path, &tape()).unwrap();
        writer.append(&ping(1)).unwrap();
        writer.commit().unwrap();
        look(&path);
        let unlocked = told_by_another_process("lock", "locked ", &path);
        let (mut child, _out) = start(TASK, "", "add", &path);
        assert!(child.wait().unwrap().success(), "{name}");
        writer.append(&ping(2)).unwrap();
        writer.commit().unwrap();
        let seen = told_by_another_process("count", "counted ", &path);
        writer.append(&ping(3)).unwrap();
        drop(writer);
        let at_the_end = told_by_another_process("count", "counted ", &path);
        if (unlocked, seen, at_the_end) != (0, 3, 4) {
            lost.push((name, unlocked, seen, at_the_end));
        }
        assert_is_sound(&path);
    }
    assert!(lost.is_empty(), "unlocked, entries while it is written, and at the end: {lost:?}");
}

/// As where the disk was full while the log was written back.
#[cfg(feature = "sqlite")]
#[test]
fn a_database_that_is_written_keeps_its_locks_also_where_it_ends_in_the_midst_of_a_page() {
    let folder = Folder::new();
    let path = folder.path("a.db");
    let mut writer = tape::sqlite::Writer::create(&path, &tape()).unwrap();
    writer.append(&ping(1)).unwrap();
    writer.commit().unwrap();
    // By another process, which takes no locks away.
    let grown = Command::new("sh").args(["-c", "printf x >> \"$0\""]).arg(&path).status().unwrap();
    assert!(grown.success() && !std::fs::metadata(&path).unwrap().len().is_multiple_of(512));
    assert!(lines::Reader::open(&path).unwrap_err().is_foreign());
    let _ = tape::open(&path);
    assert_eq!(told_by_another_process("lock", "locked ", &path), 0);
}

/// What is said of the one tape of a folder that is listed with a key.
#[cfg(feature = "sqlite")]
fn listed_with_a_key(folder: &Path) -> tape::TapeError {
    let options = tape::OpenOptions::new().chain(tape::Key::new([7; 32]));
    let mut listing = tape::list_with(folder, &options).unwrap();
    listing.next().unwrap().unwrap_err()
}

#[cfg(feature = "sqlite")]
fn private() -> tape::OpenOptions {
    tape::OpenOptions::new().require_private_file()
}

#[cfg(feature = "sqlite")]
fn import(path: &Path) {
    assert_eq!(tape::import::Format::of(path).unwrap(), None);
    drop(tape::import::open(path).unwrap());
    drop(tape::import::open_with(path, &private()).unwrap());
    for format in [tape::import::Format::Log, tape::import::Format::McpCassetteJson] {
        assert!(tape::import::open_as(path, format).is_err_and(|error| error.is_foreign()));
    }
}
