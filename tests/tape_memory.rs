//! A large tape is never in memory: not where it is read, nor where something is done with it.
//!
//! `SHADOWCAT_TAPE_MIB` says how large; each process that reads it may have so much more at its peak than at its
//! beginning, whatever that is.

#![allow(clippy::print_stdout, reason = "its parent reads it")]
#![cfg(all(feature = "tape", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod killed;
mod taped;

use std::path::{Path, PathBuf};
use std::time::Duration;

use killed::{configured, start, told};
use shadowcat::Direction;
use shadowcat::tape::{
    self, Comparison, Entry, EntryKind, Filter, Outcome, Show, Sink, Source, Stats, json, lines,
};
use taped::{Folder, tape};

/// What the other process is to do, and where.
const TASK: &str = "SHADOWCAT_TEST_MEMORY";
/// KiB more than at the beginning: batches, caches and the allocator's own.
const MOST: u64 = 16 << 10;
/// Bytes of an answer.
const ANSWER: usize = 32 << 10;

fn call(number: u64) -> [Entry; 3] {
    let ask = format!(
        r#"{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{"name":"read","arguments":{{"n":{number}}}}}}}"#
    );
    let text = "x".repeat(ANSWER);
    let answer = format!(
        r#"{{"jsonrpc":"2.0","id":{number},"result":{{"content":[{{"type":"text","text":"{text}"}}]}}}}"#
    );
    [
        Entry::new(EntryKind::Request, Direction::ToUpstream, ask),
        Entry::new(EntryKind::Response, Direction::ToClient, answer),
        Entry::new(EntryKind::End, Direction::ToClient, "").outcome(Outcome::Answered),
    ]
    .map(|entry| entry.call(number).at(Duration::from_millis(number)).session("s-1"))
}

fn sink(path: &Path) -> Box<dyn Sink> {
    match path.extension().unwrap().to_str().unwrap() {
        "jsonl" => Box::new(lines::Writer::create(path, &tape()).unwrap()),
        "json" => Box::new(json::Writer::create(path, &tape()).unwrap()),
        #[cfg(feature = "sqlite")]
        "db" => Box::new(tape::sqlite::Writer::create(path, &tape()).unwrap()),
        #[cfg(feature = "zstd")]
        "zst" => {
            Box::new(lines::Writer::create_with(path, &tape(), &lines::Options::new().compress(3)).unwrap())
        }
        other => panic!("{other}"),
    }
}

/// Peak and present, in KiB.
fn memory() -> (u64, u64) {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let number = |name| line(name).trim().trim_end_matches(" kB").parse().unwrap();
    (number("VmHWM:"), number("VmRSS:"))
}

/// Not a test of its own: what the other starts.
#[test]
fn another_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (what, path) = task.split_once(' ').unwrap();
    let path = Path::new(path);
    let before = memory().1;
    match what.split_once('-').unwrap_or((what, "")) {
        ("write", _) => write(&mut *sink(path)),
        ("copy", format) => drop(tape::copy(&mut *open(path), &mut *sink(&path.with_extension(format)))),
        ("filter", _) => assert_eq!(Filter::new().tool("none").apply(open(path)).count(), 0),
        ("stats", _) => assert!(Stats::of(open(path)).unwrap().to_string().contains("read")),
        ("show", _) => assert!(Show::new().write(open(path), &mut std::io::sink()).unwrap() > 0),
        ("diff", _) => {
            assert_eq!(tape::diff(open(path), open(path), Comparison::structural()).count(), 0);
        }
        ("merge", _) => assert!(tape::merge([open(path)]).unwrap().all(|entry| entry.is_ok())),
        #[cfg(feature = "secret")]
        ("redact", _) => assert!(tape::Redact::new().apply(open(path)).all(|entry| entry.is_ok())),
        other => panic!("{other:?}"),
    }
    println!("\ngrown {}", memory().0.saturating_sub(before));
}

fn open(path: &Path) -> Box<dyn Source> {
    tape::open(path).unwrap()
}

fn write(sink: &mut dyn Sink) {
    let calls = u64::from(configured("SHADOWCAT_TAPE_MIB", 34)) * (1 << 20) / ANSWER as u64;
    for number in 1..=calls {
        call(number).iter().for_each(|entry| sink.append(entry).unwrap());
    }
    sink.finish().unwrap();
}

/// Runs one after the other, and tells what each took more.
fn run(path: &Path, what: &str) {
    let (mut child, mut out) = start(TASK, "", what, path);
    let grown = told(&mut out, "grown ").unwrap_or_else(|| panic!("{what}: it ends"));
    assert!(child.wait().unwrap().success());
    eprintln!("{what} {}: {grown} KiB", path.extension().unwrap().display());
    assert!(grown < MOST, "{what} {}: {grown} KiB more", path.display());
}

fn written(folder: &Folder) -> PathBuf {
    let path = folder.path("a.jsonl");
    run(&path, "write");
    assert!(std::fs::metadata(&path).unwrap().len() > 2 * 1024 * MOST, "else it shows nothing");
    path
}

#[test]
fn a_tape_larger_than_what_may_be_taken_is_written_and_read() {
    let folder = Folder::new();
    run(&written(&folder), "stats");
}

#[test]
#[ignore = "minutes in a debug build"]
fn a_large_tape_is_copied_searched_compared_and_redacted() {
    let folder = Folder::new();
    let path = written(&folder);
    for tool in ["filter", "show", "diff", "merge"] {
        run(&path, tool);
    }
    #[cfg(feature = "secret")]
    run(&path, "redact");
    for (format, is_there) in
        [("json", true), ("db", cfg!(feature = "sqlite")), ("zst", cfg!(feature = "zstd"))]
    {
        if is_there {
            run(&path, &format!("copy-{format}"));
            run(&path.with_extension(format), "stats");
        }
    }
}
