//! Recorders that are killed, and disks that are full, in processes of their own.

#![allow(clippy::print_stdout, reason = "its parent reads it")]
#![cfg(all(feature = "tape", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod killed;
mod taped;

use std::io::Write;
use std::path::Path;

use killed::{kill_after, kills, start, told};
use shadowcat::tape::{self, Sink, json, lines};
use taped::{Folder, ping, read, tape};

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
    let mut sink = sink(Path::new(path));
    match what {
        "record" => record(&mut *sink),
        "fill" => fill(&mut *sink),
        other => panic!("{other}"),
    }
}

/// Until it is killed; tells what is safe.
fn record(sink: &mut dyn Sink) {
    let mut out = std::io::stdout();
    for number in 1.. {
        sink.append(&ping(number)).unwrap();
        if number % 7 == 0 {
            sink.commit().unwrap();
            writeln!(out, "\nsafe {number}").unwrap();
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
    let kills = kills(15);
    for format in formats() {
        for kill in 0..kills {
            let folder = Folder::new();
            let path = folder.path(&format!("a.{format}"));
            // Killed after other numbers of commits, at whatever it is doing then.
            let safe = kill_after(1 + kill % 40, start(TASK, "", "record", &path));
            let (found, error) = read(open(&path));
            assert!(found.len() as u64 >= safe, "{format}: {} of {safe}", found.len());
            assert!(error.is_none_or(|error| error.is_torn()));
            assert!(found.iter().zip(1..).all(|(entry, number)| *entry == ping(number)), "{format}");
        }
    }
}

#[test]
fn on_a_full_disk_what_was_taken_is_on_the_tape_and_it_can_be_gone_on_with() {
    for format in formats() {
        let folder = Folder::new();
        let path = folder.path(&format!("a.{format}"));
        // In blocks of 512 bytes; who ignores the signal gets an error.
        let (mut child, mut out) = start(TASK, "trap '' XFSZ; ulimit -f 600;", "fill", &path);
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
            "jsonl" => Box::new(lines::Writer::resume(&path).unwrap()),
            #[cfg(feature = "sqlite")]
            "db" => Box::new(tape::sqlite::Writer::resume(&path, &tape().id).unwrap()),
            #[cfg(all(feature = "zstd", feature = "encryption"))]
            "zst" | "sealed" | "both" => {
                Box::new(lines::Writer::resume_with(&path, &options(&path)).unwrap())
            }
            _ => continue,
        };
        sink.append(&ping(next)).unwrap();
        sink.finish().unwrap();
        assert_eq!(read(open(&path)).0.len() as u64, next);
    }
}
