//! Recording processes that are killed, or have no thread.

#![allow(clippy::print_stdout, reason = "its parent reads it")]
#![cfg(all(feature = "tape", feature = "stdio", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod killed;
#[cfg(all(feature = "http-server", feature = "http-client", feature = "secret", feature = "sqlite"))]
mod process;
mod taped;

use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use futures::StreamExt;
use killed::{Worst, kill_after, kills, start, tell_safe, told};
use shadowcat::layer::RecordLayer;
use shadowcat::tape::{self, Entry, EntryKind, Overflow, Recorder, RecorderOptions, Tape, json, lines};
use shadowcat::{Error, JsonRpcMessage, Reply, connect};
use taped::{Folder, assert_is_sound, read};
use tower::{Layer, Service, ServiceExt, service_fn};

/// What the other process is to do, and where.
const TASK: &str = "SHADOWCAT_TEST_RECORD";
/// What only a hang reaches.
const LIMIT: Duration = Duration::from_secs(60);

fn recorder(path: &Path) -> Recorder {
    let tape = Tape::new().unwrap().transport("stdio");
    let options = RecorderOptions::new;
    match path.extension().unwrap().to_str().unwrap() {
        "jsonl" => Recorder::start(lines::Writer::create(path, &tape).unwrap(), tape, options()).unwrap(),
        "json" => Recorder::start(json::Writer::create(path, &tape).unwrap(), tape, options()).unwrap(),
        #[cfg(feature = "sqlite")]
        "db" => Recorder::start(tape::sqlite::Writer::create(path, &tape).unwrap(), tape, options()).unwrap(),
        other => panic!("{other}"),
    }
}

fn formats() -> Vec<&'static str> {
    if cfg!(feature = "sqlite") { vec!["jsonl", "json", "db"] } else { vec!["jsonl", "json"] }
}

/// A process that answers each request with an empty result.
fn server() -> connect::Child {
    let answer = r#"s/.*"id":\([0-9]*\).*/{"jsonrpc":"2.0","id":\1,"result":{}}/"#;
    connect::Command::new("sed").args(["-u", answer]).spawn().unwrap()
}

fn ping(id: i64) -> JsonRpcMessage {
    JsonRpcMessage::request(id, "ping", r#"{"pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#).unwrap()
}

/// Not a test of its own: what the other tests start.
#[tokio::test]
async fn another_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (what, path) = task.split_once(' ').unwrap();
    match what {
        "record" => record(&recorder(Path::new(path))).await,
        "threadless" => without_a_thread().await,
        other => panic!("{other}"),
    }
}

/// A real server behind it, until it is killed; tells how many calls are safe.
async fn record(recorder: &Recorder) {
    let server = server();
    let mut stack = RecordLayer::new(recorder.clone()).layer(server);
    for number in 1.. {
        let reply = stack.ready().await.unwrap().call(ping(number)).await.unwrap();
        reply.collect(usize::MAX).await.unwrap();
        if number % 7 == 0 {
            recorder.flushed().await.unwrap();
            tell_safe(number);
        }
    }
}

/// The system has no thread for a recorder. Tells how many messages were refused, and how many passed.
async fn without_a_thread() {
    let mut told = Vec::new();
    for overflow in [Overflow::FailClosed, Overflow::DropAndCount] {
        let options = RecorderOptions::new().overflow(overflow);
        let layer = RecordLayer::per_session(options, |_| panic!("no thread makes it"));
        let mut stack = layer.layer(service_fn(|message: JsonRpcMessage| async move {
            Ok::<_, Error>(Reply::one(message.responder().result("{}").unwrap().unwrap()))
        }));
        for number in 1..=3 {
            let reply = stack.call(ping(number)).await.unwrap();
            told.push(reply.as_one().unwrap().error().is_some());
        }
        let stats = layer.stats();
        println!("\nrefused {}\nunrecorded {}", stats.refused, stats.unrecorded);
        layer.finish().await.unwrap();
    }
    assert_eq!(told, [true, true, true, false, false, false]);
    println!("\nend 1");
}

fn requests(entries: &[Entry]) -> usize {
    entries.iter().filter(|entry| entry.kind == EntryKind::Request).count()
}

#[test]
fn what_was_flushed_survives_a_kill_and_nothing_is_missing_between() {
    // Its thread gives way to all others: where processors are scarce, each word of it takes its time.
    let kills = kills(20);
    for format in formats() {
        let mut opening = Worst::of(format!("{format}: opened after a kill"), Duration::from_secs(1));
        for kill in 0..kills {
            let folder = Folder::new();
            let path = folder.path(&format!("a.{format}"));
            let safe = kill_after(1 + kill % 10, start(TASK, "", "record", &path));
            let (found, error) = read(opening.measure(|| tape::open(&path)).unwrap());
            assert!(requests(&found) as u64 >= safe, "{format}: {} of {safe}", requests(&found));
            assert!(error.is_none_or(|error| error.is_torn()));
            let kinds = [EntryKind::Request, EntryKind::Response, EntryKind::End];
            assert!(
                found.iter().zip(kinds.iter().cycle()).all(|(entry, kind)| entry.kind == *kind),
                "{format}"
            );
            if format == "db" {
                assert_is_sound(&path);
            }
        }
        opening.is_seldom_slow();
    }
}

#[test]
fn where_there_is_no_thread_for_a_recorder_what_fails_closed_refuses_and_the_rest_is_counted() {
    let folder = Folder::new();
    // No system has so much address space for a stack.
    let shell = "export RUST_MIN_STACK=100000000000000000 RUST_TEST_THREADS=1;";
    let (mut child, mut out) = start(TASK, shell, "threadless", &folder.path("none"));
    let counted = ["refused ", "unrecorded ", "refused ", "unrecorded "].map(|word| told(&mut out, word));
    assert_eq!(counted, [Some(3), Some(0), Some(0), Some(3)]);
    assert_eq!(told(&mut out, "end "), Some(1));
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn a_session_with_a_real_server_is_on_the_tape_byte_for_byte() {
    for format in formats() {
        let folder = Folder::new();
        let path = folder.path(&format!("a.{format}"));
        let recorder = recorder(&path);
        let server = server();
        let mut stack = RecordLayer::new(recorder.clone()).layer(server);
        let mut heard = Vec::new();
        for number in 1..=20 {
            let mut reply = stack.ready().await.unwrap().call(ping(number)).await.unwrap();
            while let Some(message) = reply.next().await {
                heard.push(message.unwrap().into_bytes());
            }
        }
        tokio::time::timeout(LIMIT, recorder.finish()).await.unwrap().unwrap();
        let entries = taped::entries(&path);
        let said: Vec<_> = entries.iter().filter(|entry| entry.kind == EntryKind::Response).collect();
        assert_eq!(
            said.iter().map(|entry| &entry.bytes).collect::<Vec<_>>(),
            heard.iter().collect::<Vec<_>>()
        );
        assert_eq!(requests(&entries), 20);
    }
}

/// Each answer that its client has read is on the tape, or is counted there as lost; and all of it is in the one file.
#[cfg(all(feature = "http-server", feature = "http-client", feature = "secret", feature = "sqlite"))]
#[test]
fn a_proxy_that_is_asked_to_end_under_load_leaves_a_whole_tape() {
    for format in formats() {
        for ask in [process::terminate, process::interrupt] {
            let folder = Folder::new();
            let path = folder.path(&format!("a.{format}"));
            let answered = answered_under_load(&path, ask);
            let entries = taped::entries(&path);
            let said =
                entries.iter().filter(|entry| entry.kind == EntryKind::Response && entry.call.is_some());
            let lost = entries.iter().filter(|entry| entry.kind == EntryKind::Lost);
            let lost: u64 =
                lost.map(|entry| std::str::from_utf8(&entry.bytes).unwrap().parse::<u64>().unwrap()).sum();
            let taped = said.count() as u64;
            assert!(
                500 <= answered && answered <= taped + lost,
                "{format}: {answered}: {taped}, lost {lost}"
            );
        }
    }
}

/// What a client reads of a recording proxy that it never ceases to call, until this is asked to end. Nothing but the tape is
/// left then: what SQLite keeps beside it is in the file.
#[cfg(all(feature = "http-server", feature = "http-client", feature = "secret", feature = "sqlite"))]
fn answered_under_load(path: &Path, ask: fn(u32)) -> u64 {
    use std::io::BufRead;
    let mut proxy = process::Proxy::start(process::record_replay(), &["record", path.to_str().unwrap()]);
    let (mut input, output) = (proxy.take_stdin(), proxy.take_stdout());
    let client = std::thread::spawn(move || {
        let say = |id| writeln!(input, r#"{{"jsonrpc":"2.0","id":{id},"method":"ping","params":{{}}}}"#);
        (1_u64..).map(say).find(Result::is_err)
    });
    let mut answered = 0;
    for line in output.lines().map_while(Result::ok) {
        answered += u64::from(line.ends_with('}') && line.contains("result"));
        if answered == 500 {
            ask(proxy.id());
        }
    }
    assert!(proxy.finish().success());
    client.join().unwrap();
    let left = path.parent().unwrap().read_dir().unwrap().map(|left| left.unwrap().path());
    assert_eq!(left.collect::<Vec<_>>(), [path]);
    answered
}
