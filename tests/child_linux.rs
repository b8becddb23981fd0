//! Children as the system sees them: groups, zombies, descriptors, and what becomes of all of them when somebody
//! is killed.

#![cfg(all(target_os = "linux", feature = "stdio"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use process::system::{children, descriptors, entry, group, processes, running};
use process::{Proxy, configured, eventually, eventually_async, forward_stdio, kill, mark, tell, terminate};
use serde_json::Value;
use shadowcat::JsonRpcMessage;
use shadowcat::connect::supervise::{Backoff, Restart};
use shadowcat::connect::{Child, Command, Supervisor};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tower::ServiceExt;

/// Held exclusively by tests that count what the whole process has open, runtimes included.
static TURN: RwLock<()> = RwLock::new(());

fn among_others(test: impl Future<Output = ()>) {
    let _turn = TURN.read().unwrap_or_else(PoisonError::into_inner);
    run(test);
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

/// Never waited for: the test fails long before.
const NEVER: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(100);

fn peer(args: &[&str]) -> Command {
    Command::new(process::peer()).args(args)
}

/// What is promised for the time after a kill.
const GONE: Duration = Duration::from_secs(1);

fn alone(test: impl Future<Output = ()>) {
    let _turn = TURN.write().unwrap_or_else(PoisonError::into_inner);
    run(test);
}

async fn stubborn(grace: Duration) -> Child {
    let mark = mark();
    let child = peer(&["stubborn", &mark]).grace(grace, grace).spawn().unwrap();
    eventually_async(NEVER, "the grandchild runs", || running(&["grandchild", &mark]).is_some()).await;
    child
}

#[test]
fn a_child_leads_a_process_group_of_its_own() {
    among_others(async {
        let child = peer(&["echo"]).spawn().unwrap();
        let its = entry(child.id()).unwrap();

        assert_eq!(its.group, child.id());
        assert_ne!(its.group, entry(std::process::id()).unwrap().group);
        assert_eq!(its.parent, std::process::id());
    });
}

#[test]
fn a_stubborn_child_is_killed_and_its_grandchild_with_it() {
    among_others(async {
        let child = stubborn(SOON).await;
        let (id, started, ended) = (child.id(), Instant::now(), child.ended());
        assert_eq!(group(id).len(), 2);
        drop(child);
        let status = ended.await.status();

        assert_eq!(status.unwrap().signal(), Some(9));
        assert!(started.elapsed() >= 2 * SOON);
        eventually_async(GONE, "the group is gone", || group(id).is_empty()).await;
    });
}

#[test]
fn a_grandchild_does_not_outlive_its_polite_parent() {
    among_others(async {
        let child = peer(&["half", "grandchild"]).grace(NEVER, NEVER).spawn().unwrap();
        let id = child.id();
        eventually_async(NEVER, "the grandchild runs", || group(id).len() == 2).await;
        child.shutdown().await;

        eventually_async(GONE, "the group is gone", || group(id).is_empty()).await;
    });
}

#[test]
fn a_descendant_outside_the_group_that_holds_the_output_does_not_hold_the_end() {
    among_others(async {
        let script = r#"trap 'exit 3' USR1; setsid sh -c "kill -USR1 $$; exec sleep 5" & wait"#;
        let child = Command::new("sh").args(["-c", script]).spawn().unwrap();
        let error = child.ended().await.error().clone();
        let text = error.to_string();

        assert!(text.ends_with("ended: exit status: 3 (its output is still held open)"), "{text}");
    });
}

#[test]
fn dropping_the_child_without_waiting_ends_it_all_the_same() {
    among_others(async {
        let child = stubborn(SOON).await;
        let id = child.id();
        drop(child);

        eventually_async(2 * SOON + GONE, "the group is gone", || group(id).is_empty()).await;
    });
}

#[test]
fn dropping_the_runtime_kills_the_group_and_leaves_no_zombie() {
    let _turn = TURN.read().unwrap_or_else(PoisonError::into_inner);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let child = runtime.block_on(stubborn(NEVER));
    let id = child.id();
    drop(runtime);

    eventually(GONE, "the group is gone", || group(id).is_empty());
    drop(child);
}

#[test]
fn nothing_stays_open_when_children_have_come_and_gone() {
    alone(async {
        peer(&["echo"]).spawn().unwrap().shutdown().await; // the first one starts the watchdog, which stays
        let before = (descriptors(), children(std::process::id()));
        for mode in [&["echo"][..], &["exit", "3"], &["garbage-exit"], &["half", "grandchild"]] {
            let child = peer(mode).spawn().unwrap();
            let request = JsonRpcMessage::request(1, "ping", "").unwrap();
            let _ = child.clone().oneshot(request).await;
            child.shutdown().await;
        }
        assert!(Command::new("/no/such/program").spawn().is_err());
        assert!(Command::new(process::peer()).current_dir("/no/such/folder").spawn().is_err());

        eventually_async(GONE, "descriptors are back to start", || descriptors() == before.0).await;
        assert_eq!(children(std::process::id()), before.1);
    });
}

#[test]
fn nothing_stays_open_when_a_supervised_child_was_made_again_often() {
    alone(async {
        let moment = Duration::from_millis(1);
        let supervisor = Supervisor::new(peer(&["half", "grandchild"])).restart(Restart::Always);
        let server = supervisor.backoff(Backoff::new(moment, moment)).start();
        let mut before = None;
        for _ in 0..10 {
            server.running().await.unwrap();
            let id = server.current().unwrap().id();
            eventually_async(NEVER, "the grandchild runs", || group(id).len() == 2).await;
            let open = || (descriptors(), children(std::process::id()).len());
            let before = *before.get_or_insert_with(open);
            eventually_async(GONE, "no more is open than before", || open() == before).await;
            kill(id);
            let next = || server.current().is_some_and(|child| child.id() != id) && group(id).is_empty();
            eventually_async(NEVER, "the next one runs", next).await;
        }
        server.shutdown().await;
    });
}

/// One child with 64 calls in flight through a front end, killed after `answers` of them: what each of the
/// calls was answered with.
async fn kill_in_flight(answers: usize) -> Vec<Value> {
    const CALLS: usize = 64;
    let child = peer(&["half", "grandchild"]).spawn().unwrap();
    let (id, ended) = (child.id(), child.ended());
    let (ours, theirs) = tokio::io::duplex(1 << 20);
    let (input, output) = tokio::io::split(theirs);
    let front = tokio::spawn(shadowcat::serve::stdio(child).run_on(input, output));

    let (read, mut write) = tokio::io::split(ours);
    let request = |id| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"tools/call\",\"params\":{{\"name\":\"t\"}}}}\n"
        )
    };
    write.write_all((0..CALLS).map(request).collect::<String>().as_bytes()).await.unwrap();
    let mut lines = BufReader::new(read).lines();
    let mut told = Vec::new();
    while told.len() < answers {
        told.push(lines.next_line().await.unwrap().unwrap());
    }
    kill(id);
    let error = front.await.unwrap().unwrap_err();
    assert!(error.is_closed() && error.to_string().contains("signal: 9"), "{error}");
    while let Some(line) = lines.next_line().await.unwrap() {
        told.push(line);
    }
    assert!(ended.await.status().is_some_and(|status| status.signal() == Some(9)));
    eventually_async(GONE, "the group is gone", || group(id).is_empty()).await;

    let told: Vec<Value> = told.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut ids: Vec<_> = told.iter().map(|answer| answer["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, (0..CALLS as u64).collect::<Vec<_>>(), "each call is answered exactly once");
    told
}

#[test]
fn killing_the_child_answers_each_of_64_calls_once_and_leaves_nothing() {
    alone(async {
        kill_in_flight(0).await; // the first one starts the watchdog, which stays
        let before = (descriptors(), children(std::process::id()));
        let kills = configured("SHADOWCAT_KILLS", 25);
        let started = Instant::now();
        let (mut results, mut errors) = (0, 0);
        for kill in 0..kills {
            let told = kill_in_flight(kill * 7 % 33).await;
            results += told.iter().filter(|answer| answer.get("result").is_some()).count();
            errors += told.iter().filter(|answer| answer["error"]["code"] == -32603).count();
            eventually_async(GONE, "descriptors are back to start", || descriptors() == before.0).await;
        }
        assert_eq!(results + errors, 64 * kills);
        assert_eq!(children(std::process::id()), before.1);
        tell(&format!("{kills} kills: {results} results and {errors} errors in {:?}", started.elapsed()));
    });
}

#[test]
fn everything_is_gone_within_a_second_when_the_proxy_is_killed() {
    among_others(async {
        let kills = configured("SHADOWCAT_PARENT_KILLS", 5);
        let mut slowest = Duration::ZERO;
        for _ in 0..kills {
            let mark = mark();
            let peer = process::peer().to_str().unwrap();
            let args = ["--stack", "none", "--", peer, "stubborn", &mark];
            let mut proxy = Proxy::start_with(forward_stdio(), &args, Stdio::inherit());
            eventually(NEVER, "the grandchild runs", || running(&["grandchild", &mark]).is_some());
            proxy.send(b"no message\n");
            assert!(!proxy.receive().is_empty(), "the proxy serves, so that its child is registered");
            let grandchild = running(&["grandchild", &mark]).expect("it ignores everything but SIGKILL");
            let family = [children(proxy.id()), vec![grandchild]].concat();
            assert_eq!(family.len(), 3, "child, watchdog and grandchild: {family:?}");

            let started = Instant::now();
            proxy.kill();
            eventually(GONE, "all are gone", || !processes().any(|entry| family.contains(&entry.id)));
            slowest = slowest.max(started.elapsed());
        }
        tell(&format!("{kills} proxies killed: all gone after at most {slowest:?}"));
    });
}

#[test]
fn a_proxy_that_is_told_to_stop_stops_its_child_first() {
    among_others(async {
        for mode in ["half", "stubborn"] {
            let mark = mark();
            let peer = process::peer().to_str().unwrap();
            let command = if mode == "half" { [mode, "grandchild"] } else { [mode, &mark] };
            let args = [&["--stack", "standard", "--", peer][..], &command].concat();
            let mut proxy = Proxy::start(forward_stdio(), &args);
            let request = |id| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n");
            proxy.send((0..64).map(request).collect::<String>().as_bytes());
            proxy.send(b"no message\n");
            assert!(!proxy.receive().is_empty(), "the proxy serves");
            let family = children(proxy.id());
            let groups: Vec<_> = family.iter().map(|id| entry(*id).unwrap().group).collect();

            let started = Instant::now();
            terminate(proxy.id());
            assert!(proxy.finish().success());
            assert!(started.elapsed() < Duration::from_secs(20), "{mode}: {:?}", started.elapsed());
            eventually(GONE, "all are gone", || !processes().any(|entry| groups.contains(&entry.group)));
        }
    });
}
