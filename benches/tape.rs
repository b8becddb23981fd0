//! How fast a tape is written and read: frames of 1 KB.

#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use shadowcat::Direction;
use shadowcat::tape::{
    self, Entry, EntryKind, Filter, Key, OpenOptions, Sink, Source, Tape, json, lines, sqlite,
};

const FRAMES: u64 = 20_000;
/// By their endings.
const TAPES: [&str; 9] =
    ["a.jsonl", "a.chained", "a.zst", "a.sealed", "a.both", "a.json", "a.db", "a.chained_db", "a.sealed_db"];

fn frames() -> Vec<Entry> {
    let text = "x".repeat(900);
    let frame = |number: u64| {
        let bytes = format!(
            r#"{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{"name":"t{}","arguments":{{"a":"{text}"}}}}}}"#,
            number % 50
        );
        Entry::new(EntryKind::Request, Direction::ToUpstream, bytes)
            .at(Duration::from_micros(number))
            .wall(std::time::SystemTime::now())
            .session("s-1")
            .call(number)
    };
    (0..FRAMES).map(frame).collect()
}

fn create(path: &Path) -> Box<dyn Sink> {
    let _ = std::fs::remove_file(path);
    let tape = Tape::new().unwrap();
    let lines = |options| Box::new(lines::Writer::create_with(path, &tape, &options).unwrap());
    let sqlite = |options| Box::new(sqlite::Writer::create_with(path, &tape, &options).unwrap());
    let options = lines::Options::new();
    match path.extension().unwrap().to_str().unwrap() {
        "jsonl" => lines(options),
        "chained" => lines(options.chain(key())),
        "zst" => lines(options.compress(3)),
        "sealed" => lines(options.encrypt(key())),
        "both" => lines(options.compress(3).encrypt(key())),
        "json" => Box::new(json::Writer::create(path, &tape).unwrap()),
        "chained_db" => sqlite(sqlite::Options::new().chain(key())),
        "sealed_db" => sqlite(sqlite::Options::new().encrypt(key())),
        _ => sqlite(sqlite::Options::new()),
    }
}

fn key() -> Key {
    Key::new([7; 32])
}

fn open(path: &Path) -> Box<dyn Source> {
    let options = OpenOptions::new();
    let options = match path.extension().unwrap().to_str().unwrap() {
        "chained" | "chained_db" => options.chain(key()),
        "sealed" | "both" | "sealed_db" => options.key(key()),
        _ => options,
    };
    tape::open_with(path, &options).unwrap()
}

fn write(sink: &mut dyn Sink, frames: &[Entry]) {
    frames.iter().for_each(|frame| sink.append(frame).unwrap());
    sink.commit().unwrap();
}

fn tapes(criterion: &mut Criterion) {
    let frames = frames();
    let folder: PathBuf = std::env::temp_dir().join(format!("shadowcat-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut group = criterion.benchmark_group("tape");
    group.throughput(Throughput::Elements(FRAMES)).sample_size(10);
    for name in TAPES {
        let path = folder.join(name);
        group.bench_function(format!("write/{name}"), |bencher| {
            bencher.iter_with_setup(|| create(&path), |mut sink| write(&mut *sink, &frames));
        });
        let mut sink = create(&path);
        write(&mut *sink, &frames);
        sink.finish().unwrap();
        drop(sink);
        group.bench_function(format!("read/{name}"), |bencher| {
            bencher.iter(|| {
                assert_eq!(
                    open(&path).inspect(|entry| assert!(black_box(entry).is_ok())).count() as u64,
                    FRAMES
                );
            });
        });
        group.bench_function(format!("first entry/{name}"), |bencher| {
            bencher.iter(|| black_box(open(&path).next().unwrap().unwrap()));
        });
    }
    group.finish();
    let _ = std::fs::remove_dir_all(&folder);
}

/// A large tape up to its first entry, and to one of a rare method: of as many MiB as `SHADOWCAT_TAPE_MIB` says.
fn opening(criterion: &mut Criterion) {
    let Some(size) = std::env::var("SHADOWCAT_TAPE_MIB").ok().and_then(|size| size.parse::<u64>().ok())
    else {
        return;
    };
    let frames = frames();
    let folder: PathBuf = std::env::temp_dir().join(format!("shadowcat-bench-large-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let mut group = criterion.benchmark_group("tape");
    for name in TAPES {
        let path = folder.join(name);
        let mut sink = create(&path);
        for _ in 0..=size * 1024 / FRAMES {
            write(&mut *sink, &frames);
        }
        sink.append(&Entry::new(EntryKind::Request, Direction::ToUpstream, RARE)).unwrap();
        sink.finish().unwrap();
        drop(sink);
        group.bench_function(format!("first of {size} MiB/{name}"), |bencher| {
            bencher.iter(|| black_box(open(&path).next().unwrap().unwrap()));
        });
        if name == "a.db" {
            group.bench_function(format!("by method of {size} MiB/{name}"), |bencher| {
                let pings = || sqlite::Reader::open(&path).unwrap().filter(Filter::new().method("ping"));
                bencher.iter(|| assert_eq!(black_box(pings().count()), 1));
            });
        }
        let _ = std::fs::remove_file(&path);
    }
    group.finish();
    let _ = std::fs::remove_dir_all(&folder);
}

/// Stands once in a large tape.
const RARE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"ping"}"#;

criterion_group!(benches, tapes, opening);
criterion_main!(benches);
