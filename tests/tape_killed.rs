//! Recorders that are killed, and disks that are full, in processes of their own.

#![allow(clippy::print_stdout, reason = "its parent reads it")]
#![cfg(all(feature = "tape", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod killed;
mod taped;

use std::path::Path;
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
    formats
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
        "both" => options.key(key).chain(tape::Key::new([8; 32])),
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
            if format == "db" {
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
    assert!(error.is_none_or(|error| error.is_torn() && matches!(format, "json" | "sealed" | "both")));
    // What waited when the disk was full may be lost with the process, as nothing says that it is safe.
    assert!(found.len() as u64 <= taken && !found.is_empty(), "{format}: {} of {taken}", found.len());
    assert!(found.iter().zip(1..).all(|(entry, number)| *entry == ping(number)), "{format}");
    let next = found.len() as u64 + 1;
    let mut sink: Box<dyn Sink> = match format {
        #[cfg(feature = "sqlite")]
        "db" => Box::new(tape::sqlite::Writer::resume(&path, &tape().id).unwrap()),
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
    for format in formats().into_iter().filter(|format| !matches!(*format, "json" | "db")) {
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
