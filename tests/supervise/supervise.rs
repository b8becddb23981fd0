//! A leaf that is watched and made again: what callers, the listen and the status see of it.

use std::time::Duration;

use futures::StreamExt;
use shadowcat::connect::supervise::{HealthCheck, Restart, Status};
use shadowcat::connect::{Leaf, MakeLeaf, Multiplex, Supervisor};
use shadowcat::{Error, JsonRpcMessage, Reply};
use tokio::sync::mpsc;
use tower::{Service, ServiceExt, service_fn};

use crate::supervised::*;
use crate::support::*;

async fn status(server: &Server, wanted: fn(&Status) -> bool) -> Status {
    let mut statuses = server.statuses();
    soon(async {
        loop {
            let status = statuses.next().await.expect("it comes before the end");
            if wanted(&status) {
                return status;
            }
        }
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn calls_wait_for_the_first_leaf_and_go_out_in_the_order_of_the_calls() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let pending: Vec<_> = (0..3).map(|id| server.call(call(id))).collect();
    let mut peer = peers.recv().await.unwrap();
    for id in 0..3 {
        assert_eq!(peer.hear().await.unwrap(), call_text(id));
    }
    for (id, call) in pending.into_iter().enumerate().rev() {
        peer.say(done(id)).await;
        assert_eq!(text(soon(call).await.unwrap().as_one().unwrap()), done(id));
    }
    assert!(server.status().is_running());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_it_waits_is_never_sent() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let (first, second) = (server.call(call(1)), server.call(call(2)));
    drop(first);
    let mut peer = peers.recv().await.unwrap();
    assert_eq!(peer.hear().await.unwrap(), call_text(2));
    peer.hears_nothing().await;
    drop(second);
}

#[tokio::test(start_paused = true)]
async fn pending_calls_fail_once_and_are_not_sent_again_and_later_ones_wait_for_the_restart() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let mut peer = peers.recv().await.unwrap();
    works(&mut server, &mut peer, 1).await;
    let pending = server.call(call(2));
    assert_eq!(peer.hear().await.unwrap(), call_text(2));
    drop(peer);
    let error = soon(pending).await.unwrap_err();
    assert!(error.is_closed() && !error.is_unsent(), "{error:?}");

    let Status::Starting { after, .. } = status(&server, |s| matches!(s, Status::Starting { .. })).await
    else {
        panic!("it is asked for")
    };
    assert_eq!(after.unwrap().to_string(), "the server closed its output");
    let later = server.ready().await.unwrap().call(call(3));
    let mut peer = peers.recv().await.unwrap();
    assert_eq!(peer.hear().await.unwrap(), call_text(3), "and nothing before it");
    peer.say(done(3)).await;
    assert!(soon(later).await.unwrap().as_one().is_some());
    assert_eq!(server.stats().starts, 2);
}

#[tokio::test(start_paused = true)]
async fn when_it_gave_up_calls_fail_at_once_with_the_reason() {
    let (supervisor, mut peers) = supervisor();
    let mut server =
        supervisor.restart(Restart::OnFailure { max_restarts: 1, window: Duration::from_secs(60) }).start();
    for _ in 0..2 {
        drop(peers.recv().await.unwrap());
    }
    let Status::Failed { why, .. } = status(&server, Status::is_final).await else { panic!("it failed") };
    assert!(why.to_string().starts_with("gave up after 1 restarts within 60s"), "{why}");
    let error = poll_now(server.ready().await.unwrap().call(call(1))).unwrap_err();
    assert!(error.is_closed() && error.is_unsent(), "{error:?}");
    assert_eq!(error.to_string(), why.to_string());
    assert_eq!(server.running().await.unwrap_err().to_string(), why.to_string());
    let error = soon(server.call(session_listen())).await.unwrap().next().await.unwrap().unwrap_err();
    assert_eq!(error.to_string(), why.to_string());
}

/// It is ready without waiting for anything.
fn poll_now(future: impl Future<Output = Result<Reply, Error>>) -> Result<Reply, Error> {
    match poll_once(std::pin::pin!(future)) {
        std::task::Poll::Ready(outcome) => outcome,
        std::task::Poll::Pending => panic!("it waits"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_fails_fails_the_calls_that_waited_for_it_and_the_next_is_tried() {
    let (mut make, _peers) = maker();
    let mut tries = 0;
    let make = service_fn(move |()| {
        tries += 1;
        let made = if tries == 1 { Err(Error::closed("no such file")) } else { Ok(make.make()) };
        async move { made?.await.map_err(|error| Error::closed(error.into())) }
    });
    let mut server = Supervisor::new(make).start();
    let error = soon(server.call(call(1))).await.unwrap_err();
    assert!(error.is_unsent());
    assert_eq!(error.to_string(), "the server could not be started: no such file");
    soon(server.running()).await.unwrap();
    assert_eq!((server.stats().starts, server.stats().failed_starts), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_start_that_takes_too_long_is_a_failure() {
    let make = service_fn(|()| std::future::pending::<Result<Multiplex, Error>>());
    let server = Supervisor::new(make).spawn_timeout(WAIT).restart(Restart::Never).start();
    let Status::Failed { why, .. } = status(&server, Status::is_final).await else { panic!("it failed") };
    assert_eq!(why.to_string(), "it was not made within 1s");
    assert!(why.is_timeout());
}

#[tokio::test(start_paused = true)]
async fn a_deaf_server_is_unhealthy_and_its_calls_fail_and_it_is_made_again() {
    let (supervisor, mut peers) = supervisor();
    let health = HealthCheck::new().interval(10 * WAIT).timeout(WAIT).failures(2);
    let mut server = supervisor.health(health).reestablish(true).start();
    let mut peer = peers.recv().await.unwrap();
    open_session(&mut server, &mut peer).await;
    let ping = peer.hear_message().await;
    assert_eq!((ping.method(), ping.id().unwrap().as_str()), (Some("ping"), r#""shadowcat/health/1""#));
    peer.say(r#"{"jsonrpc":"2.0","id":"shadowcat/health/1","error":{"code":-32601,"message":"no"}}"#).await;

    // From here on it is deaf.
    let start = tokio::time::Instant::now();
    let pending = server.ready().await.unwrap().call(call(5));
    let error = tokio::time::timeout(100 * WAIT, pending).await.unwrap().unwrap_err();
    let healed = start.elapsed();
    assert!(error.is_closed() && !error.is_unsent());
    assert!(error.to_string().contains("it is unhealthy: no answer to ping within 1s"), "{error}");
    assert!(healed <= 2 * (10 * WAIT + WAIT), "{healed:?}");
    let stats = server.stats();
    assert_eq!((stats.failed_checks, stats.unhealthy), (2, 1));
    drop(peers.recv().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_before_the_session_is_open_and_a_modern_server_is_asked_to_discover() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.health(HealthCheck::new().interval(WAIT)).start();
    let mut peer = peers.recv().await.unwrap();
    let answer = server.ready().await.unwrap().call(initialize(1));
    assert!(peer.hear().await.unwrap().contains("initialize"));
    tokio::time::sleep(5 * WAIT).await;
    peer.hears_nothing().await;
    drop(answer);

    let params = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}"#;
    let mut server = {
        let (supervisor, more) = self::supervisor();
        peers = more;
        supervisor.health(HealthCheck::new().interval(WAIT)).start()
    };
    let mut peer = peers.recv().await.unwrap();
    let answer =
        server.ready().await.unwrap().call(JsonRpcMessage::request(1, "tools/list", params).unwrap());
    assert!(peer.hear().await.unwrap().contains("tools/list"));
    peer.say(done(1)).await;
    assert!(soon(answer).await.is_ok());
    let question = peer.hear_message().await;
    assert_eq!(question.method(), Some("server/discover"));
    assert!(text(&question).contains(r#""io.modelcontextprotocol/clientCapabilities":{}"#), "{question:?}");
}

#[tokio::test(start_paused = true)]
async fn a_check_is_asked_though_no_more_calls_are_taken_and_is_never_the_running_call() {
    let (peers, mut to_test) = mpsc::channel(1);
    let make = service_fn(move |()| {
        let (peer, read, write) = peer(1 << 16);
        peers.try_send(peer).ok();
        let options = shadowcat::connect::Options::new().max_pending(1);
        std::future::ready(Ok::<_, Error>(Multiplex::new(read, write, options)))
    });
    let mut server = Supervisor::new(make).health(HealthCheck::new().interval(WAIT)).start();
    let mut peer = to_test.recv().await.unwrap();
    open_session(&mut server, &mut peer).await;
    let running = server.ready().await.unwrap().call(call(7));
    assert_eq!(peer.hear().await.unwrap(), call_text(7));
    assert_eq!(peer.hear_message().await.method(), Some("ping"));

    peer.say(r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#)
        .await;
    let mut reply = soon(running).await.unwrap();
    assert!(next(&mut reply).await.contains("notifications/message"), "the log line is of the only call");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_initialize_is_unhealthy() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.spawn_timeout(WAIT).restart(Restart::Never).start();
    let _peer = peers.recv().await.unwrap();
    let error = soon(server.ready().await.unwrap().call(initialize(1))).await.unwrap_err();
    assert!(error.to_string().ends_with("no answer to initialize within 1s"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_stopped_supervisor_ends_its_leaf_and_tells_every_status_on_the_way() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let mut statuses = server.statuses();
    let mut peer = peers.recv().await.unwrap();
    works(&mut server, &mut peer, 1).await;
    let pending = server.call(call(2));
    let told = tokio::spawn(async move {
        let mut told = Vec::new();
        while let Some(status) = statuses.next().await {
            told.push(status.to_string());
        }
        told
    });
    settled().await;
    soon(server.shutdown()).await;
    assert!(soon(pending).await.unwrap_err().is_closed());
    assert_eq!(peer.hear().await.unwrap(), call_text(2));
    assert_eq!(peer.hear().await, None, "the pipe is closed");
    assert_eq!(soon(told).await.unwrap(), ["running", "stopping", "stopped"]);
}

#[tokio::test(start_paused = true)]
async fn when_every_caller_is_gone_the_leaf_is_let_go_but_a_call_under_way_keeps_it() {
    let (supervisor, mut peers) = supervisor();
    let mut server = supervisor.start();
    let mut peer = peers.recv().await.unwrap();
    works(&mut server, &mut peer, 1).await;
    let (ended, pending) = (Leaf::ended(&server), server.call(call(2)));
    drop(server);
    assert_eq!(peer.hear().await.unwrap(), call_text(2));
    settled().await;
    peer.say(done(2)).await;
    assert_eq!(text(soon(pending).await.unwrap().as_one().unwrap()), done(2));
    assert_eq!(peer.hear().await, None);
    drop(peer);
    assert!(soon(ended).await.error().is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_maker_that_panics_fails_the_calls_that_wait() {
    let make = service_fn(|()| async {
        if tokio::time::Instant::now().elapsed() < WAIT {
            panic!("the maker panics");
        }
        Err::<Multiplex, _>(Error::closed("never"))
    });
    let mut server = Supervisor::new(make).start();
    let error = soon(server.call(call(1))).await.unwrap_err();
    assert!(error.is_closed() && error.is_unsent(), "{error}");
    assert!(matches!(server.status(), Status::Failed { .. }));
}

#[tokio::test(start_paused = true)]
async fn more_calls_than_may_wait_are_refused() {
    let make = service_fn(|()| std::future::pending::<Result<Multiplex, Error>>());
    let mut server = Supervisor::new(make).max_waiting(2).start();
    let waiting = [server.call(call(1)), server.call(call(2))];
    let error = soon(server.call(call(3))).await.unwrap_err();
    assert!(error.is_busy() && error.is_unsent());
    assert_eq!(server.stats().refused, 1);
    drop(waiting);
    let mut third = server.call(call(3));
    assert!(poll_once(std::pin::Pin::new(&mut third)).is_pending(), "who is gone takes no room");
}
