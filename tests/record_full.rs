//! Recording on a disk that is full, and has room again: a small file system where one can be mounted, and files that may not
//! grow.

#![allow(clippy::print_stdout, reason = "its parent reads it")]
#![cfg(all(feature = "tape", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod killed;
mod taped;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::FutureExt;
use killed::{Worst, configured, start, told};
use shadowcat::layer::RecordLayer;
use shadowcat::tape::{self, EntryKind, Overflow, Recorder, RecorderOptions, Sink, Tape, json, lines};
use shadowcat::{Error, JsonRpcMessage, Reply};
use taped::{Folder, read};
use tower::{Layer, Service, ServiceExt, service_fn};

/// What the other process is to do, and where.
const TASK: &str = "SHADOWCAT_TEST_FULL";
/// What only a hang reaches.
const LIMIT: Duration = Duration::from_secs(60);
/// What is taken away when there is to be room again.
const BALLAST: &str = "ballast";

const POLICIES: [(&str, Overflow); 3] =
    [("drop", Overflow::DropAndCount), ("wait", Overflow::Backpressure), ("close", Overflow::FailClosed)];

fn formats() -> Vec<&'static str> {
    if cfg!(feature = "sqlite") { vec!["jsonl", "json", "db"] } else { vec!["jsonl", "json"] }
}

fn recorder(path: &Path, overflow: Overflow) -> Recorder {
    let tape = Tape::new().unwrap().transport("stdio");
    let sink: Box<dyn Sink> = match path.extension().unwrap().to_str().unwrap() {
        "jsonl" => Box::new(lines::Writer::create(path, &tape).unwrap()),
        "json" => Box::new(json::Writer::create(path, &tape).unwrap()),
        #[cfg(feature = "sqlite")]
        "db" => Box::new(tape::sqlite::Writer::create(path, &tape).unwrap()),
        other => panic!("{other}"),
    };
    Recorder::start(sink, tape, RecorderOptions::new().overflow(overflow)).unwrap()
}

/// Not a test of its own: what the other tests start.
#[tokio::test]
async fn another_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (what, path) = task.split_once(' ').unwrap();
    let (_, overflow) = POLICIES.into_iter().find(|(name, _)| *name == what).unwrap();
    fill(Path::new(path), overflow).await;
}

/// Traffic goes on until the disk is full and the queue too; then there is room.
async fn fill(path: &Path, overflow: Overflow) {
    let recorder = recorder(path, overflow);
    let is_over = AtomicBool::new(false);
    let passed =
        async { tokio::join!(traffic(&recorder, &is_over), watch(path, &recorder, &is_over)).0 }.await;
    recorder.flushed().await.unwrap();
    recorder.annotate("there is room");
    recorder.finish().await.unwrap();
    let stats = recorder.stats();
    println!("\npassed {passed}\nlost {}\nrefused {}", stats.lost, stats.refused);
    if path.with_file_name("mounted").exists() {
        // What is mounted is gone with this process.
        fs::copy(path, path.parent().unwrap().with_file_name(path.file_name().unwrap())).unwrap();
    }
    println!("\nkept 1");
}

/// How many calls were let through.
async fn traffic(recorder: &Recorder, is_over: &AtomicBool) -> u64 {
    let answer = |message: JsonRpcMessage| async move {
        Ok::<_, Error>(Reply::one(message.responder().result("{}").unwrap().unwrap()))
    };
    let mut stack = RecordLayer::new(recorder.clone()).layer(service_fn(answer));
    let mut passed = 0;
    for number in 1.. {
        if is_over.load(Ordering::Relaxed) {
            break;
        }
        let ping = JsonRpcMessage::request(number, "ping", r#"{"pad":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}"#);
        let reply = stack.ready().await.unwrap().call(ping.unwrap()).await.unwrap();
        passed += u64::from(reply.as_one().unwrap().error().is_none());
        drop(reply);
        tokio::task::yield_now().await;
    }
    passed
}

async fn watch(path: &Path, recorder: &Recorder, is_over: &AtomicBool) {
    until(|| recorder.stats().is_failing && is_full(recorder)).await;
    println!("\nfull {}", read(tape::open(path).unwrap()).0.len());
    make_room(path);
    let begun = Instant::now();
    until(|| !recorder.stats().is_failing).await;
    println!("\nresumed {}", begun.elapsed().as_millis());
    is_over.store(true, Ordering::Relaxed);
}

/// By what it does then.
fn is_full(recorder: &Recorder) -> bool {
    let stats = recorder.stats();
    match recorder.overflow() {
        Overflow::FailClosed => stats.refused > 0,
        Overflow::Backpressure => recorder.room().now_or_never().is_none(),
        _ => stats.lost > 0,
    }
}

async fn until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "it comes to that");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn make_room(path: &Path) {
    let ballast = path.with_file_name(BALLAST);
    if ballast.exists() {
        return fs::remove_file(ballast).unwrap();
    }
    let id = std::process::id().to_string();
    let made = Command::new("prlimit").args(["--fsize=unlimited:unlimited", "--pid", &id]).status();
    assert!(made.unwrap().success());
}

/// In KiB; in a long run (`SHADOWCAT_LIMITS`) many, else one for each format and policy.
fn limits(which: usize) -> impl Iterator<Item = u32> {
    let all = configured("SHADOWCAT_LIMITS", 0);
    let one = 300 + 100 * u32::try_from(which).unwrap();
    (0..all).map(|limit| 200 + 97 * limit).chain((all == 0).then_some(one))
}

/// Every format under every policy, where a disk is made full by the commands that `shell` says.
fn run(shell: impl Fn(&Path, u32) -> String) {
    for (at, format) in formats().into_iter().enumerate() {
        for (which, (name, _)) in POLICIES.into_iter().enumerate() {
            let mut resuming = Worst::of(format!("{format}, {name}: resumed"), Duration::from_secs(5));
            for limit in limits(at + which) {
                let folder = Folder::new();
                let small = folder.path("small");
                fs::create_dir(&small).unwrap();
                let inside = small.join(format!("a.{format}"));
                let outside = [folder.path(&format!("a.{format}")), inside.clone()];
                let resumed = one(
                    name,
                    &shell(&small, limit),
                    &inside,
                    &outside,
                    &format!("{format}, {name}, {limit} KiB"),
                );
                resuming.add(resumed);
            }
            resuming.is_seldom_slow();
        }
    }
}

fn one(policy: &str, shell: &str, path: &Path, places: &[PathBuf], what: &str) -> Duration {
    let (mut child, mut out) = start(TASK, shell, policy, path);
    let mut tell = |word| told(&mut out, word).unwrap_or_else(|| panic!("{what}: not {word}"));
    assert!(tell("full ") > 0, "{what}: it is readable while the disk is full");
    let resumed = Duration::from_millis(tell("resumed "));
    let [passed, lost, refused, _] = ["passed ", "lost ", "refused ", "kept "].map(&mut tell);
    assert!(child.wait().unwrap().success(), "{what}");

    let kept = places.iter().find(|place| place.exists()).unwrap();
    let (found, error) = read(tape::open(kept).unwrap());
    assert!(error.is_none(), "{what}: {error:?}");
    let is_gap = |kind| kind == EntryKind::Lost;
    let gaps = found.iter().filter(|entry| is_gap(entry.kind));
    let counted: u64 = gaps.map(|entry| String::from_utf8_lossy(&entry.bytes).parse::<u64>().unwrap()).sum();
    assert_eq!(counted, lost, "{what}: what is lost is counted where it is missing");
    assert_eq!((lost > 0, refused > 0), (policy == "drop", policy == "close"), "{what}");
    // A request, its answer and its end each, and the note.
    let entries = found.iter().filter(|entry| !is_gap(entry.kind)).count() as u64;
    assert_eq!(entries + lost, 3 * passed + 1, "{what}: {refused} refused");
    assert_eq!(found.last().unwrap().bytes, "there is room", "{what}");
    resumed
}

#[test]
fn where_a_file_may_not_grow_traffic_goes_on_waits_or_is_refused_and_recording_is_resumed() {
    if Command::new("prlimit").arg("--version").output().is_err() {
        return eprintln!("SKIPPED: there is no prlimit");
    }
    // In blocks of 512 bytes, and soft, so that there can be room again; who ignores the signal gets an error.
    run(|_, limit| format!("trap '' XFSZ; ulimit -S -f {};", 2 * limit));
}

/// In a namespace of its own: nobody else sees it, and it is gone with the process.
fn mounting() -> Option<&'static str> {
    let ways = ["unshare --mount", "unshare --user --map-root-user --mount"];
    ways.into_iter().find(|way| {
        let script = format!("{way} sh -c 'mount -t tmpfs none /tmp'");
        Command::new("sh").arg("-c").arg(script).output().is_ok_and(|done| done.status.success())
    })
}

#[test]
fn on_a_full_disk_traffic_goes_on_waits_or_is_refused_and_recording_is_resumed() {
    let Some(way) = mounting() else { return eprintln!("SKIPPED: no file system can be mounted here") };
    run(|small, limit| {
        let small = small.display();
        let fill = format!("touch {small}/mounted; head -c 16M /dev/zero >{small}/{BALLAST}");
        let mount = format!("mount -t tmpfs -o size={}k none {small}", limit + (16 << 10));
        // What follows is `exec` and this program.
        format!("{way} sh -c '{mount} && {{ {fill}; }} && \"$@\"' sh")
    });
}
