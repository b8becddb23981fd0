//! Real children under supervision: killed, given up, hanging, flooding, and orphaned.

#![cfg(all(target_os = "linux", feature = "stdio"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;
mod support;

use std::time::{Duration, Instant};

use futures::StreamExt;
use process::system::{children, group, processes, running};
use process::{Folder, Proxy, configured, eventually, eventually_async, kill, mark, supervised_proxy, tell};
use serde_json::Value;
use shadowcat::connect::supervise::{Backoff, Restart, Status};
use shadowcat::connect::{Child, Command, Supervised, Supervisor};
use shadowcat::{Error, JsonRpcMessage, serve};
use support::{Peer, call_text, peer as pipe, soon};
use tower::{Service, ServiceExt, service_fn};

/// Never waited for: the test fails long before.
const NEVER: Duration = Duration::from_secs(60);
const SOON: Duration = Duration::from_millis(100);
/// What is promised for the time after a kill.
const GONE: Duration = Duration::from_secs(1);

type Server = Supervised<Child>;

fn peer(args: &[&str]) -> Command {
    Command::new(process::peer()).args(args)
}

/// Made again at once, and for ever.
fn supervised(command: Command) -> Supervisor<Command> {
    let moment = Duration::from_millis(1);
    Supervisor::new(command).restart(Restart::Always).backoff(Backoff::new(moment, moment))
}

fn few(command: Command, max_restarts: u32) -> Supervisor<Command> {
    supervised(command).restart(Restart::OnFailure { max_restarts, window: NEVER })
}

async fn last_status(server: &Server) -> Status {
    let mut statuses = server.statuses();
    let mut last = server.status();
    while let Some(status) = soon(statuses.next()).await {
        last = status;
    }
    last
}

/// The process of now.
async fn id(server: &Server) -> u32 {
    soon(server.running()).await.unwrap();
    server.current().expect("it runs").id()
}

async fn ask(server: &mut Server, id: u32) -> Result<String, Error> {
    let request = JsonRpcMessage::request(i64::from(id), "ping", "").unwrap();
    let reply = soon(server.ready().await.unwrap().call(request)).await?;
    Ok(support::text(reply.as_one().unwrap()))
}

/// Dead children of ours that nobody has waited for.
fn zombies() -> usize {
    let ours = std::process::id();
    processes().filter(|entry| entry.state == 'Z' && entry.parent == ours).count()
}

#[tokio::test]
async fn a_child_that_ends_at_once_again_and_again_is_given_up_and_leaves_no_zombie() {
    let mut server = few(peer(&["exit", "3"]), 4).start();
    let Status::Failed { why, .. } = last_status(&server).await else { panic!("it failed") };
    let text = why.to_string();
    assert!(text.starts_with("gave up after 4 restarts within 60s; the last failure: `"), "{text}");
    assert!(text.ends_with("scripted_peer exit 3` ended: exit status: 3"), "{text}");
    assert_eq!(server.stats().starts, 5);
    let error = ask(&mut server, 1).await.unwrap_err();
    assert!(error.is_unsent() && error.to_string() == text, "{error}");
    eventually_async(NEVER, "there is no zombie", || zombies() == 0).await;
}

#[tokio::test]
async fn a_program_that_is_not_there_is_given_up_with_the_reason() {
    let server = few(Command::new("/no/such/program"), 2).start();
    let Status::Failed { why, .. } = last_status(&server).await else { panic!("it failed") };
    let text = why.to_string();
    assert!(text.contains("cannot start `/no/such/program`: No such file"), "{text}");
    assert_eq!((server.stats().starts, server.stats().failed_starts), (0, 3));
}

#[tokio::test]
async fn a_child_that_ends_well_is_not_made_again() {
    let mut server = few(peer(&["garbage-exit"]), 2).start();
    assert!(matches!(last_status(&server).await, Status::Stopped));
    assert_eq!(server.stats().starts, 1);
    assert!(ask(&mut server, 1).await.unwrap_err().is_unsent());
}

/// A client of a front end before the server.
fn front(server: Server) -> (Peer, tokio::task::JoinHandle<Result<(), Error>>) {
    let (client, read, write) = pipe(1 << 20);
    (client, tokio::spawn(serve::stdio(server).run_on(read, write)))
}

/// The ids that are answered with a result, and those with an error.
#[derive(Default)]
struct Answers {
    results: Vec<u64>,
    errors: Vec<u64>,
}

impl Answers {
    async fn hear(&mut self, client: &mut Peer) {
        let answer: Value = serde_json::from_str(&client.hear().await.unwrap()).unwrap();
        let id = answer["id"].as_u64().unwrap();
        match answer.get("result") {
            Some(_) => self.results.push(id),
            None => {
                assert_eq!(answer["error"]["code"], -32603, "{answer}");
                self.errors.push(id);
            }
        }
    }

    fn len(&self) -> usize {
        self.results.len() + self.errors.len()
    }

    fn all(&self) -> Vec<u64> {
        let mut all = [&self.results[..], &self.errors].concat();
        all.sort_unstable();
        all
    }
}

const CALLS: u64 = 64;

async fn send_calls(client: &mut Peer) {
    let calls: String = (0..CALLS).map(|id| call_text(id) + "\n").collect();
    client.say_raw(calls.as_bytes()).await;
}

#[tokio::test]
async fn calls_in_flight_at_a_kill_fail_once_each_and_later_ones_reach_the_next_process() {
    let kills = configured("SHADOWCAT_RESTARTS", 20);
    let server = supervised(peer(&["half"])).start();
    let (mut client, _served) = front(server.clone());
    let (started, mut slowest) = (Instant::now(), Duration::ZERO);
    for round in 1..=kills as u64 {
        let before = id(&server).await;
        let mut answers = Answers::default();
        send_calls(&mut client).await;
        while answers.results.len() < CALLS as usize / 2 {
            answers.hear(&mut client).await; // it gives no more: all have reached it
        }
        let killed = Instant::now();
        kill(before);
        while answers.len() < CALLS as usize {
            answers.hear(&mut client).await;
        }
        assert_eq!((answers.results.len(), answers.errors.len()), (32, 32));
        assert_eq!(answers.all(), (0..CALLS).collect::<Vec<_>>(), "each call is answered exactly once");

        client.say(r#"{"jsonrpc":"2.0","id":"later","method":"ping"}"#).await;
        let later = client.hear().await.unwrap();
        assert!(later.starts_with(r#"{"jsonrpc":"2.0","id":"later","result""#), "{later}");
        slowest = slowest.max(killed.elapsed());
        assert_ne!(id(&server).await, before);
        assert_eq!(server.stats().starts, round + 1);
        eventually_async(NEVER, "it is gone", || group(before).is_empty()).await;
    }
    tell(&format!("{kills} kills under load in {:?}; healed within {slowest:?}", started.elapsed()));
}

#[tokio::test]
async fn a_kill_at_any_moment_loses_and_doubles_no_call() {
    let kills = configured("SHADOWCAT_RESTARTS", 20);
    let server = supervised(peer(&["echo"])).start();
    let (mut client, _served) = front(server.clone());
    let (mut results, mut errors) = (0, 0);
    for round in 0..kills {
        let before = id(&server).await;
        let mut answers = Answers::default();
        send_calls(&mut client).await;
        while answers.len() < round * 7 % 33 {
            answers.hear(&mut client).await;
        }
        kill(before);
        while answers.len() < CALLS as usize {
            answers.hear(&mut client).await;
        }
        assert_eq!(answers.all(), (0..CALLS).collect::<Vec<_>>());
        eventually_async(NEVER, "it is gone", || group(before).is_empty()).await;
        results += answers.results.len();
        errors += answers.errors.len();
    }
    tell(&format!("{kills} kills at any moment: {results} results and {errors} errors"));
}

/// The child answers to nothing but SIGKILL, and so does its own child.
#[test]
fn everything_is_gone_within_a_second_when_the_supervisor_is_killed_also_what_was_made_again() {
    let (kills, mut slowest) = (configured("SHADOWCAT_PARENT_KILLS", 5), Duration::ZERO);
    for round in 0..kills {
        let mark = mark();
        let peer = process::peer().to_str().unwrap();
        let mut proxy = Proxy::start(supervised_proxy(), &[peer, "stubborn", &mark]);
        let mut grandchild = next_grandchild(&mark, None);
        for _ in 0..round % 3 {
            let leader = process::system::entry(grandchild).unwrap().group;
            kill(leader);
            grandchild = next_grandchild(&mark, Some(grandchild));
        }
        proxy.send(b"no message\n");
        assert!(!proxy.receive().is_empty(), "the proxy serves, so that its child is registered");
        let family = [children(proxy.id()), vec![grandchild]].concat();
        assert_eq!(family.len(), 3, "child, watchdog and grandchild: {family:?}");

        let started = Instant::now();
        proxy.kill();
        eventually(GONE, "all are gone", || !processes().any(|entry| family.contains(&entry.id)));
        slowest = slowest.max(started.elapsed());
    }
    tell(&format!("{kills} supervisors killed: all gone after at most {slowest:?}"));
}

fn next_grandchild(mark: &str, before: Option<u32>) -> u32 {
    let mut found = None;
    eventually(NEVER, "the grandchild runs", || {
        found = running(&["grandchild", mark]).filter(|id| Some(*id) != before);
        found.is_some()
    });
    found.unwrap()
}

#[tokio::test]
async fn a_stubborn_child_is_stopped_for_good() {
    let mark = mark();
    let server = supervised(peer(&["stubborn", &mark]).grace(SOON, SOON)).start();
    eventually_async(NEVER, "the grandchild runs", || running(&["grandchild", &mark]).is_some()).await;
    let id = id(&server).await;
    let started = Instant::now();
    server.shutdown().await;
    assert!(started.elapsed() >= 2 * SOON);
    eventually_async(GONE, "the group is gone", || group(id).is_empty()).await;
}

#[tokio::test]
async fn a_flood_of_garbage_ends_nothing() {
    const FLOOD: usize = 64 << 20;
    let mut server = supervised(peer(&["flood", &FLOOD.to_string(), "then-echo"])).start();
    // Its answer is a part of the flood.
    let request = JsonRpcMessage::request(1, "ping", "").unwrap();
    let lost = server.ready().await.unwrap().call(request);
    for id in 2..10 {
        assert!(ask(&mut server, id).await.unwrap().contains("result"));
    }
    assert_eq!(server.stats().starts, 1);
    assert_eq!(server.current().unwrap().stats().unreadable_lines, 1);
    drop(lost);
    server.shutdown().await;
}

#[tokio::test]
async fn a_child_that_never_answers_initialize_is_made_again() {
    let folder = Folder::new();
    let record = folder.path().join("record");
    let mut commands = vec![peer(&["echo"]), peer(&["silent"]).arg(&record).grace(SOON, SOON)];
    let make = service_fn(move |()| {
        let made = commands.pop().ok_or_else(|| Error::closed("no third is made")).and_then(Command::spawn);
        std::future::ready(made)
    });
    let moment = Duration::from_millis(1);
    let supervisor = Supervisor::new(make).backoff(Backoff::new(moment, moment)).spawn_timeout(20 * SOON);
    let mut server = supervisor.start();
    let silent = id(&server).await;
    let params =
        r#"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}"#;
    let mut initialize = async || {
        let request = JsonRpcMessage::request(1, "initialize", params).unwrap();
        soon(server.ready().await.unwrap().call(request)).await
    };
    let error = initialize().await.unwrap_err();
    assert!(error.to_string().ends_with("it is unhealthy: no answer to initialize within 2s"), "{error}");
    assert!(error.is_closed() && !error.is_unsent(), "{error:?}");
    assert!(initialize().await.unwrap().as_one().unwrap().result().is_some());
    assert_eq!((server.stats().starts, server.stats().unhealthy), (2, 1));
    eventually_async(NEVER, "the silent one is gone", || group(silent).is_empty()).await;
    assert!(String::from_utf8(folder.read("record")).unwrap().contains("initialize"));
    server.shutdown().await;
}
