//! Recorders that go on with a tape.

#![cfg(feature = "tape")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;
mod taped;

use std::path::Path;
use std::time::Duration;

use shadowcat::JsonRpcMessage;
#[cfg(feature = "sqlite")]
use shadowcat::tape::sqlite;
use shadowcat::tape::{
    self, Entry, Outcome, PartFormat, Recorder, RecorderOptions, Rotate, Rotating, Sink, Source, Tape, lines,
};
use support::soon;
use taped::Folder;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A tape to go on with, what is known of it, and the number of its last frame.
type Resumed = (Box<dyn Sink>, Tape, u64);

/// A way to write a tape, to go on with it, and to find its files.
struct Way {
    name: &'static str,
    create: fn(&Path, &Tape) -> Box<dyn Sink>,
    resume: fn(&Path, &Tape) -> Resumed,
}

fn ways() -> Vec<Way> {
    #[allow(unused_mut, reason = "without features it is all")]
    let mut ways = vec![
        Way {
            name: "a.jsonl",
            create: |path, tape| Box::new(lines::Writer::create(path, tape).unwrap()),
            resume: |path, _| {
                let writer = lines::Writer::resume(path).unwrap();
                let (tape, frames) = (writer.tape().clone(), writer.frames());
                (Box::new(writer), tape, frames)
            },
        },
        Way {
            name: "a.000001.jsonl",
            create: |path, tape| rotating(path, tape, PartFormat::default()),
            resume: |path, _| rotated(path, PartFormat::default()),
        },
        Way {
            name: "a.000001.json",
            create: |path, tape| rotating(path, tape, PartFormat::Json),
            resume: |path, _| rotated(path, PartFormat::Json),
        },
    ];
    #[cfg(feature = "sqlite")]
    ways.extend([
        Way {
            name: "a.db",
            create: |path, tape| Box::new(sqlite::Writer::create(path, tape).unwrap()),
            resume: |path, tape| {
                let writer = sqlite::Writer::resume(path, &tape.id).unwrap();
                let (tape, frames) = (writer.tape().clone(), writer.frames());
                (Box::new(writer), tape, frames)
            },
        },
        Way {
            name: "a.000001.db",
            create: |path, tape| rotating(path, tape, PartFormat::Sqlite(sqlite::Options::new())),
            resume: |path, _| rotated(path, PartFormat::Sqlite(sqlite::Options::new())),
        },
    ]);
    ways
}

fn rotating(path: &Path, tape: &Tape, format: PartFormat) -> Box<dyn Sink> {
    Box::new(Rotating::create_with(path.with_file_name("a"), tape, Rotate::new(), format).unwrap())
}

fn rotated(path: &Path, format: PartFormat) -> Resumed {
    let writer = Rotating::resume(path.with_file_name("a"), Rotate::new(), format).unwrap();
    let (tape, frames) = (writer.tape().clone(), writer.frames());
    (Box::new(writer), tape, frames)
}

async fn record(sink: Box<dyn Sink>, tape: Tape, options: RecorderOptions) {
    let recorder = Recorder::start(sink, tape, options).unwrap();
    for id in 1..=3 {
        let mut exchange = recorder.begin(&JsonRpcMessage::request(id, "ping", "{}").unwrap());
        exchange.received(&JsonRpcMessage::response(id, "{}").unwrap());
        exchange.ended(Outcome::Answered, "");
    }
    soon(recorder.finish()).await.unwrap();
}

/// All files of the tape, as one.
fn all(folder: &Folder) -> (Tape, Vec<Entry>) {
    let mut names: Vec<_> =
        std::fs::read_dir(folder.path("")).unwrap().map(|file| file.unwrap().path()).collect();
    names.retain(|name| name.extension().is_some_and(|end| !end.to_string_lossy().contains('-')));
    names.sort();
    let tapes: Vec<_> = names.iter().map(|name| tape::open(name).unwrap()).collect();
    let mut merged = tape::merge(tapes).unwrap();
    let entries = merged.by_ref().collect::<Result<_, _>>().unwrap();
    (merged.tape().clone(), entries)
}

#[tokio::test]
async fn a_tape_goes_on_in_its_order_whatever_the_clock_says() {
    for way in ways() {
        for (set_back, by) in [(true, DAY), (false, DAY), (false, Duration::ZERO)] {
            let folder = Folder::new();
            let path = folder.path(way.name);
            let tape = Tape::new().unwrap();
            record((way.create)(&path, &tape), tape.clone(), RecorderOptions::new()).await;
            let (sink, mut known, frames) = (way.resume)(&path, &tape);
            assert_eq!((&known.id, frames), (&tape.id, 9), "{}", way.name);
            // As if the clock had been set since, seen from now.
            known.created = if set_back { known.created + by } else { known.created - by };
            record(sink, known, RecorderOptions::new().calls_after(frames)).await;

            let (_, entries) = all(&folder);
            assert_eq!(entries.len(), 18, "{}", way.name);
            assert!(entries.is_sorted_by_key(|entry| entry.at), "{}: {:?}", way.name, ats(&entries));
            let pause = entries[9].at - entries[8].at;
            assert!(pause < Duration::from_secs(3600), "{}: {pause:?}", way.name);
            let mut calls: Vec<_> = entries.iter().map(|entry| entry.call.unwrap()).collect();
            assert!(calls.is_sorted(), "{}: {calls:?}", way.name);
            calls.dedup();
            assert_eq!(calls.len(), 6, "{}: {calls:?}", way.name);
        }
    }
}

fn ats(entries: &[Entry]) -> Vec<Duration> {
    entries.iter().map(|entry| entry.at).collect()
}

#[tokio::test]
async fn a_tape_keeps_its_name_whatever_a_recorder_calls_it() {
    for way in ways() {
        let folder = Folder::new();
        let path = folder.path(way.name);
        let tape = Tape::new().unwrap();
        record((way.create)(&path, &tape), Tape::new().unwrap(), RecorderOptions::new()).await;
        let (sink, _, frames) = (way.resume)(&path, &tape);
        let other = Tape::new().unwrap().label("shift", "night");
        record(sink, other, RecorderOptions::new().calls_after(frames)).await;
        let (found, entries) = all(&folder);
        assert_eq!((&found.id, entries.len()), (&tape.id, 18), "{}", way.name);
    }
}

#[test]
fn a_tape_says_what_was_masked_before_and_what_is_by_now() {
    use shadowcat::{Error, Reply, layer::RecordLayer};
    use tower::{Layer, service_fn};
    let folder = Folder::new();
    let tape = Tape::new().unwrap().redaction("by hand");
    let writer = lines::Writer::create(folder.path("a.jsonl"), &tape).unwrap();
    let recorder = Recorder::start(writer, tape, RecorderOptions::new()).unwrap();
    let layer = RecordLayer::new(recorder.clone()).mask_path("/params/card".parse().unwrap());
    for _ in 0..2 {
        drop(layer.layer(service_fn(|_: JsonRpcMessage| async { Ok::<_, Error>(Reply::empty()) })));
        let said = recorder.tape().redaction.unwrap();
        assert!(said.starts_with("by hand ") && said.ends_with("path:/params/card"), "{said}");
        assert_eq!(said.matches("path:").count(), 1, "{said}");
    }
}

#[test]
fn a_new_part_without_entries_knows_when_the_last_one_was_said() {
    #[allow(unused_mut, reason = "without features it is all")]
    let mut formats = vec![PartFormat::default(), PartFormat::Json];
    #[cfg(feature = "sqlite")]
    formats.push(PartFormat::Sqlite(sqlite::Options::new()));
    for format in formats {
        let folder = Folder::new();
        let rotate = Rotate::new().max_bytes(1).keep_files(1);
        let mut tape =
            Rotating::create_with(folder.path("a"), &taped::tape(), rotate.clone(), format.clone()).unwrap();
        let late = taped::ping(1).at(Duration::new(5, 1));
        tape.append(&late).unwrap();
        // The part before is gone, and a disk that is full has nothing of this one but its title.
        assert!(tape.append(&taped::note(&"x".repeat(65 << 20))).unwrap_err().is_too_large());
        assert_eq!((tape.frames(), tape.last_at()), (1, Some(late.at)), "{format:?}");
        tape.commit().unwrap();
        drop(tape);
        assert!(!folder.path("a.000001.jsonl").exists());
        let tape = Rotating::resume(folder.path("a"), rotate, format.clone()).unwrap();
        assert_eq!((tape.frames(), tape.last_at()), (1, Some(late.at)), "{format:?}");
    }
}

#[cfg(feature = "secret")]
mod unmasked {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use shadowcat::{Error, Reply, layer::RecordLayer};
    use tower::{Layer, ServiceExt, service_fn};

    use super::*;

    const WARNING: &str = "a tape that says it is masked is recorded on without a mask";

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Log {
        /// How often it was warned of so far, since this was asked last.
        fn warnings(&self) -> usize {
            let told = std::mem::take(&mut *self.0.lock().unwrap());
            let told = String::from_utf8(told).unwrap();
            told.lines().filter(|line| line.contains("WARN") && line.contains(WARNING)).count()
        }
    }

    /// Two clients' stacks over one recorder; what its tape says of masks then.
    async fn recorded(
        sink: Box<dyn Sink>,
        tape: Tape,
        layer: impl FnOnce(RecordLayer) -> RecordLayer,
    ) -> Option<String> {
        let recorder = Recorder::start(sink, tape, RecorderOptions::new()).unwrap();
        let layer = layer(RecordLayer::new(recorder.clone()));
        for _ in 0..2 {
            let server = service_fn(|_: JsonRpcMessage| async { Ok::<_, Error>(Reply::empty()) });
            let ping = JsonRpcMessage::request(1, "ping", "{}").unwrap();
            drop(layer.layer(server).oneshot(ping).await.unwrap());
        }
        soon(recorder.finish()).await.unwrap();
        recorder.tape().redaction.map(|said| said.to_string())
    }

    #[tokio::test]
    async fn a_masked_tape_that_goes_on_without_a_mask_is_warned_of_once() {
        for way in ways() {
            let log = Log::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone());
            let _guard = tracing::subscriber::set_default(subscriber.finish());

            let folder = Folder::new();
            let path = folder.path(way.name);
            let tape = Tape::new().unwrap();
            let masked = recorded((way.create)(&path, &tape), tape.clone(), |layer| layer).await;
            assert_eq!((masked.is_some(), log.warnings()), (true, 0), "{}", way.name);
            let (sink, known, _) = (way.resume)(&path, &tape);
            assert_eq!(recorded(sink, known, |layer| layer).await, masked);
            assert_eq!(log.warnings(), 0, "{}: it is masked as before", way.name);
            let (sink, known, _) = (way.resume)(&path, &tape);
            let said = recorded(sink, known, RecordLayer::unmasked).await;
            assert_eq!((said, log.warnings()), (masked, 1), "{}: it goes on saying so", way.name);

            let folder = Folder::new();
            let path = folder.path(way.name);
            let said = recorded((way.create)(&path, &tape), tape.clone(), RecordLayer::unmasked).await;
            assert_eq!((said, log.warnings()), (None, 0), "{}: it never said so", way.name);
        }
    }
}
