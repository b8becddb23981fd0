//! Pools, sessions and shared leaves over real processes: no reply goes astray, and no process is left.

#![cfg(all(unix, feature = "stdio"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::try_join_all;
use rustix::process::{Pid, test_kill_process};
use shadowcat::connect::{Command, Leaf, PerSession, Pool, Shared};
use shadowcat::{BoxError, Context, Direction, Error, JsonRpcMessage};
use tower::{Service, service_fn};

const SOON: Duration = Duration::from_secs(10);

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn peer(mode: &[&str]) -> Command {
    Command::new(process::peer()).args(mode)
}

fn request(marker: &str) -> JsonRpcMessage {
    JsonRpcMessage::request(1, "tools/call", format!(r#"{{"of":"{marker}"}}"#)).unwrap()
}

/// Calls under id 1 and checks that the answer is to this very call.
async fn ask<S>(server: &mut S, marker: &str, session: Option<&Arc<Context>>) -> Result<(), BoxError>
where
    S: Service<JsonRpcMessage, Response = shadowcat::Reply, Error = Error>,
{
    let request = request(marker);
    let request = match session {
        Some(session) => request.with_context(session.clone()),
        None => request,
    };
    let reply = server.call(request).await?;
    let answer = reply.as_one().ok_or("one answer")?;
    assert_eq!(answer.id().unwrap().as_i64(), Some(1));
    let line = std::str::from_utf8(answer.result().unwrap()).unwrap();
    assert!(line.contains(&format!("\"{marker}\"")), "{marker} got {line}");
    Ok(())
}

fn is_alive(pid: u32) -> bool {
    test_kill_process(Pid::from_raw(pid as i32).unwrap()).is_ok()
}

async fn all_are_gone(pids: impl IntoIterator<Item = u32>) {
    for pid in pids {
        process::eventually_async(SOON, "the process is gone", || !is_alive(pid)).await;
    }
}

/// `SHADOWCAT_SHARED_CALLS=100000` for the long run.
#[test]
fn a_thousand_clients_that_all_use_id_1_get_their_own_answers() {
    run(async {
        let (clients, calls) = (1000, process::configured("SHADOWCAT_SHARED_CALLS", 10_000));
        let shared = Shared::new(peer(&["shuffle"]).spawn().unwrap());
        let started = Instant::now();
        let rounds = (0..clients).map(|client| {
            let mut server = shared.client().unwrap();
            tokio::spawn(async move {
                for round in 0..calls / clients {
                    ask(&mut server, &format!("{client}-{round}"), None).await.unwrap();
                }
            })
        });
        try_join_all(rounds).await.unwrap();
        process::tell(&format!(
            "{calls} calls of {clients} clients, none crossed, in {:?}",
            started.elapsed()
        ));
        let ended = shared.ended();
        drop(shared);
        ended.await;
    });
}

#[test]
fn a_pool_leaves_no_process() {
    run(async {
        let pool = Pool::new(peer(&["echo"])).spawn_ahead(2);
        pool.warm().await.unwrap();
        let mut pids = BTreeSet::new();
        for round in 0..4 {
            let mut server = pool.acquire().await.unwrap();
            assert!(pids.insert(server.pid().unwrap()), "a process of its own");
            ask(&mut server, &round.to_string(), None).await.unwrap();
        }
        all_are_gone(pids.clone()).await;
        process::eventually_async(SOON, "the spares are there", || pool.stats().idle == 2).await;
        let mut server = pool.acquire().await.unwrap();
        let killed = server.pid().unwrap();
        pool.shutdown().await;
        assert!(!is_alive(killed), "shutdown has waited for it");
        assert!(ask(&mut server, "late", None).await.is_err());
        assert_eq!(pool.stats().alive, 0);
    });
}

#[test]
fn a_spare_that_was_killed_is_not_handed_out() {
    run(async {
        let started = Arc::new(Mutex::new(Vec::new()));
        let pids = started.clone();
        let pool = Pool::new(service_fn(move |()| {
            let child = peer(&["echo"]).spawn();
            pids.lock().unwrap().extend(child.as_ref().map(|child| child.id()));
            std::future::ready(child)
        }));
        pool.warm().await.unwrap();
        let victim = started.lock().unwrap()[0];
        rustix::process::kill_process(Pid::from_raw(victim as i32).unwrap(), rustix::process::Signal::KILL)
            .unwrap();
        process::eventually_async(SOON, "it is thrown away", || pool.stats().thrown_away == 1).await;
        let mut server = pool.acquire().await.unwrap();
        assert_ne!(server.pid(), Some(victim));
        ask(&mut server, "alive", None).await.unwrap();
        drop(server);
        pool.shutdown().await;
    });
}

#[test]
fn sessions_have_processes_of_their_own_and_leave_none() {
    run(async {
        let pool = Pool::new(peer(&["echo"])).spawn_ahead(1);
        let servers = PerSession::new(pool.clone());
        let sessions = (0..5).map(|session| {
            let mut servers = servers.clone();
            let context = Arc::new(Context::new(Direction::ToUpstream).session(&format!("s-{session}")));
            async move {
                for round in 0..10 {
                    ask(&mut servers, &format!("{session}-{round}"), Some(&context)).await?;
                }
                Ok::<_, BoxError>(())
            }
        });
        try_join_all(sessions).await.unwrap();
        process::eventually_async(SOON, "five and a spare", || pool.stats().alive == 6).await;
        servers.end("s-0");
        process::eventually_async(SOON, "one less", || pool.stats().alive == 5).await;
        servers.shutdown().await;
        process::eventually_async(SOON, "the spare", || pool.stats().alive == 1).await;
        pool.shutdown().await;
        assert_eq!(pool.stats().alive, 0);
    });
}
