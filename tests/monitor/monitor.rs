//! What a monitor says of real processes, and of their end.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures::StreamExt;
use shadowcat::monitor::{AttachError, Event, Lost, Monitor, Samples, Usage};
use tokio::time::timeout;

use crate::process::{self, Proxy, eventually_async, kill, load_peer, system, tell};

const OFTEN: Duration = Duration::from_millis(20);
/// However slow the machine is.
const HANGS: Duration = Duration::from_secs(60);

/// A process in one of the modes of `load_peer`, once it is what it should be, and the number that it said.
fn load(args: &[&str]) -> (Proxy, u32) {
    let mut peer = Proxy::start(load_peer(), args);
    let said = String::from_utf8(peer.receive()).unwrap();
    let number = said.trim().strip_prefix("ready ").unwrap_or_else(|| panic!("{said}")).parse().unwrap();
    (peer, number)
}

fn watch(peer: &Proxy) -> Monitor {
    Monitor::attach(peer.id()).unwrap().interval(OFTEN)
}

async fn next(samples: &mut Samples) -> Option<Event> {
    timeout(HANGS, samples.next()).await.expect("something comes")
}

async fn usage(samples: &mut Samples) -> Usage {
    match next(samples).await {
        Some(Event::Usage(usage)) => usage,
        other => panic!("{other:?}"),
    }
}

async fn first(monitor: Monitor) -> Usage {
    usage(&mut monitor.samples()).await
}

/// Passes samples until one is as it should be.
async fn until(samples: &mut Samples, is_so: impl Fn(&Usage) -> bool) -> Usage {
    let deadline = Instant::now() + HANGS;
    loop {
        let usage = usage(samples).await;
        if is_so(&usage) {
            return usage;
        }
        assert!(Instant::now() < deadline, "{usage:?}");
    }
}

async fn ends(samples: &mut Samples) {
    loop {
        match next(samples).await {
            Some(Event::Usage(_)) => {}
            Some(Event::Ended) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(next(samples).await.is_none());
    assert!(next(samples).await.is_none(), "the end stays the end");
}

#[tokio::test]
async fn a_process_that_burns_a_core_shows_it_and_an_idle_one_does_not() {
    let ((burning, _), (idle, _)) = (load(&["burn"]), load(&["idle"]));
    let (mut burning, mut idle) = (watch(&burning).samples(), watch(&idle).samples());
    let (first, still) = (usage(&mut burning).await, usage(&mut idle).await);
    assert_eq!((first.cpu, still.cpu), (None, None), "nothing to compare with");

    let busy = until(&mut burning, |usage| usage.cpu.is_some_and(|cpu| cpu > 0.2)).await;
    let later = until(&mut burning, |usage| usage.cpu_time > first.cpu_time + 3 * OFTEN).await;
    assert!(busy.cpu < Some(4.0) && later.at > first.at, "{busy:?}");

    let idle = until(&mut idle, |usage| usage.at > later.at).await;
    assert!(idle.cpu_time < still.cpu_time + 3 * OFTEN, "{idle:?}");
}

#[tokio::test]
async fn memory_descriptors_and_threads_are_counted() {
    let (idle, _) = load(&["idle"]);
    let idle = first(watch(&idle)).await;
    let (peer, _) = load(&["memory", "64"]);
    let memory = first(watch(&peer)).await;
    assert!(memory.resident_bytes >= idle.resident_bytes + (60 << 20), "{memory:?}");
    assert!(memory.virtual_bytes >= memory.resident_bytes, "{memory:?}");

    let (peer, _) = load(&["threads", "7"]);
    let threads = first(watch(&peer)).await;
    assert_eq!((threads.threads, threads.processes), (idle.threads + 7, 1));

    let (peer, _) = load(&["descriptors", "40"]);
    match (idle.descriptors, first(watch(&peer)).await.descriptors) {
        (Some(before), Some(with)) => assert_eq!(with, before + 40),
        other => tell(&format!("skipped: this system does not count descriptors: {other:?}")),
    }
}

#[tokio::test]
async fn a_tree_is_summed_and_the_process_alone_is_not() {
    let (peer, child) = load(&["family", "2"]);
    let mut tree = watch(&peer).descendants(true).samples();
    let whole = usage(&mut tree).await;
    assert_eq!(whole.processes, 3);
    let busy = until(&mut tree, |usage| usage.cpu.is_some_and(|cpu| cpu > 0.2)).await;

    let mut alone = watch(&peer).samples();
    usage(&mut alone).await;
    let alone = usage(&mut alone).await;
    assert_eq!(alone.processes, 1);
    assert!(alone.cpu_time < busy.cpu_time && alone.threads < busy.threads, "{alone:?} {busy:?}");
    assert!(alone.resident_bytes < busy.resident_bytes, "{alone:?} {busy:?}");
    assert!(alone.descriptors < busy.descriptors, "{alone:?} {busy:?}");
    assert!(child != peer.id());
}

#[tokio::test]
async fn the_time_of_a_descendant_that_ended_stays() {
    let (peer, child) = load(&["family", "1"]);
    let mut tree = watch(&peer).descendants(true).samples();
    let busy = until(&mut tree, |usage| usage.cpu_time > 3 * OFTEN).await;
    assert_eq!(busy.processes, 2);
    kill(child);
    let after = until(&mut tree, |usage| usage.processes == 1).await;
    assert!(after.cpu_time >= busy.cpu_time, "{after:?} {busy:?}");
}

#[tokio::test]
async fn the_end_is_told_once_whether_the_parent_has_noticed_or_not() {
    let (mut peer, _) = load(&["idle"]);
    let mut samples = watch(&peer).samples();
    usage(&mut samples).await;
    peer.kill();
    ends(&mut samples).await;
    assert_eq!((samples.id(), samples.lost()), (peer.id(), Lost::default()));

    let (peer, _) = load(&["idle"]);
    let mut samples = watch(&peer).samples();
    usage(&mut samples).await;
    kill(peer.id()); // nobody waits for it: a zombie stays
    ends(&mut samples).await;
}

#[tokio::test]
async fn the_end_is_told_at_once_however_long_the_interval_is() {
    let itself = rustix::process::getpid();
    if rustix::process::pidfd_open(itself, rustix::process::PidfdFlags::empty()).is_err() {
        return tell("skipped: this system has no pidfd");
    }
    let (peer, _) = load(&["idle"]);
    let mut samples = watch(&peer).interval(Duration::from_secs(3600)).samples();
    usage(&mut samples).await;
    kill(peer.id());
    ends(&mut samples).await;
}

#[tokio::test]
async fn a_process_that_ended_before_the_first_sample_has_only_an_end() {
    let (mut peer, _) = load(&["idle"]);
    let monitor = watch(&peer);
    peer.kill();
    let mut samples = monitor.samples();
    assert!(matches!(next(&mut samples).await, Some(Event::Ended)));
    assert!(next(&mut samples).await.is_none());
}

#[test]
fn an_id_that_is_no_process_says_so() {
    let mut gone = Command::new("true").spawn().unwrap();
    gone.wait().unwrap();
    for pid in [gone.id(), 0, i32::MAX as u32, u32::MAX] {
        let error = Monitor::attach(pid).unwrap_err();
        assert!(matches!(error, AttachError::NoSuchProcess { .. }), "{error:?}");
        assert_eq!(error.pid(), pid);
        assert!(error.to_string().starts_with(&format!("there is no process {pid}: ")), "{error}");
    }
}

#[test]
fn a_zombie_is_no_process() {
    let (peer, _) = load(&["idle"]);
    kill(peer.id());
    process::eventually(HANGS, "it is a zombie", || {
        system::entry(peer.id()).is_some_and(|entry| entry.state == 'Z')
    });
    assert!(matches!(Monitor::attach(peer.id()), Err(AttachError::NoSuchProcess { .. })));
}

#[test]
fn a_thread_is_no_process_and_its_process_is_named() {
    let (peer, thread) = load(&["threads", "3"]);
    assert_ne!(thread, peer.id());
    match Monitor::attach(thread).unwrap_err() {
        AttachError::Thread { pid, process } => assert_eq!((pid, process), (thread, peer.id())),
        other => panic!("{other:?}"),
    }
}

/// Needs a second user, so root. The example is the watcher there.
#[test]
fn another_users_process_can_be_watched() {
    if !rustix::process::geteuid().is_root() {
        return tell("skipped: only root can start a process as somebody else");
    }
    let (mut peer, _) = load(&["idle"]);
    let mut watcher = Command::new(process::sidecar());
    watcher.arg(peer.id().to_string()).uid(65534).gid(65534).stdin(Stdio::null()).stdout(Stdio::piped());
    let Ok(mut watcher) = watcher.spawn() else {
        return tell("skipped: nobody may not run what lies in the target directory");
    };
    let mut said = std::io::BufReader::new(watcher.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    while line.contains("the log is over") {
        line.clear();
        std::io::BufRead::read_line(&mut said, &mut line).unwrap();
    }
    assert!(line.contains(" 1 threads; ") && line.contains(" descriptors; 1 processes"), "{line}");
    peer.kill();
    assert!(watcher.wait().unwrap().success());
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut said, &mut rest).unwrap();
    assert!(rest.ends_with(": ended\n"), "{rest}");
}

#[test]
fn the_example_watches_a_process_of_its_own_to_its_end() {
    let output = Command::new(process::sidecar()).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert_eq!(said.lines().filter(|line| line.contains(" KiB resident; ")).count(), 3, "{said}");
    assert!(said.ends_with(": ended\n"), "{said}");
}

#[tokio::test]
async fn dropping_it_closes_all_that_it_opened() {
    let (peer, _) = load(&["idle"]);
    // The runtime's own descriptors are there once anything was watched.
    first(watch(&peer)).await;
    let before = system::descriptors();
    let (log, lines) = shadowcat::monitor::log_channel(4);
    let mut samples = watch(&peer).descendants(true).log_lines(lines).samples();
    usage(&mut samples).await;
    assert!(!log.is_closed());
    drop(samples);
    assert!(log.is_closed());
    // The first watch may still have been closing its own when they were counted.
    eventually_async(HANGS, "descriptors are back to start", || system::descriptors() <= before).await;
}
