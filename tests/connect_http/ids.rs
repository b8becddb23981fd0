//! Small ids of the leaf's own, for servers that mangle others; and checks of an owner, against a scripted server
//! without a socket.

use std::sync::Arc;
use std::time::Duration;

use shadowcat::connect::Supervisor;
use shadowcat::connect::http::Options;
use shadowcat::connect::supervise::HealthCheck;
use shadowcat::{Context as Facts, Direction, Error, OwnedId};
use tower::{Service, service_fn};

use crate::support::*;
use crate::upstream::*;

fn renaming() -> (Session, Upstream) {
    upstream_with(Options::new().rewrite_ids(true))
}

#[tokio::test(start_paused = true)]
async fn each_request_has_a_small_id_there_and_its_own_here() {
    let (mut leaf, mut server) = renaming();
    for (number, id) in ["9007199254740991", "-1", r#""a\u0062""#, "0", "1"].iter().enumerate() {
        let (wire, running) = (number + 1, begin(&mut leaf, msg(call_text(id))));
        server.post(&call_text(wire)).await.json(done(wire));
        assert_eq!(rest(soon(running).await.unwrap().unwrap()).await, [done(id)]);
    }
    // A refusal, and what the server never saw.
    let running = begin(&mut leaf, call(r#""x""#));
    server.post(&call_text(6)).await.status(403);
    let refused = soon(running).await.unwrap().unwrap();
    assert_eq!(refused.as_one().unwrap().id().unwrap().as_str(), r#""x""#);
    let running = begin(&mut leaf, call(7));
    server.post(&call_text(7)).await.break_off("it is gone");
    assert!(soon(running).await.unwrap().unwrap_err().is_closed());
}

#[tokio::test(start_paused = true)]
async fn a_progress_token_is_renamed_with_its_request() {
    let (mut leaf, mut server) = renaming();
    let asked = |id: &str, token: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"_meta":{{"progressToken":{token}}},"name":"t"}}}}"#
        )
    };
    let running = begin(&mut leaf, msg(asked(r#""a""#, "99999999999")));
    let mut events = server.post(&asked("1", "1")).await.events();
    events.say(progress(1, 5));
    events.say(progress(2, 6));
    events.say(done(1));
    let reply = soon(running).await.unwrap().unwrap();
    assert_eq!(rest(reply).await, [progress("99999999999", 5), progress(2, 6), done(r#""a""#)]);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_cancelled_by_the_name_that_the_server_knows() {
    let (mut leaf, mut server) = renaming();
    let facts = Arc::new(Facts::new(Direction::ToUpstream));
    let running = begin(&mut leaf, call(99).with_context(facts.clone()));
    let asked = server.post(&call_text(1)).await;
    let why = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99,"reason":1}}"#;
    facts.leave_cancellation(OwnedId::from(99), msg(why));
    running.abort();
    server.post(&cancelled(1)).await.status(202);
    asked.abandoned().await;
    // One that crossed the answer names a call that the server never heard of.
    assert!(soon(leaf.call(msg(cancelled(1)))).await.unwrap().is_end());
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn notifications_and_the_sessions_listen_go_as_they_are() {
    let (mut leaf, mut server) = renaming();
    let mut session = open_renamed(&mut leaf, &mut server).await.events();
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    session.say(note("notifications/tools/list_changed"));
    assert_eq!(next(&mut listen).await, note("notifications/tools/list_changed"));
}

/// Opens the session under an id of the leaf's own.
async fn open_renamed(leaf: &mut Session, server: &mut Upstream) -> Asked {
    let running = begin(leaf, msg(INITIALIZE));
    let sent = INITIALIZE.replace(r#""id":0"#, r#""id":1"#);
    server.post(&sent).await.json(welcome("2025-11-25").replace(r#""id":0"#, r#""id":1"#));
    assert_eq!(rest(soon(running).await.unwrap().unwrap()).await, [welcome("2025-11-25")]);
    let running = begin(leaf, msg(INITIALIZED));
    server.post(INITIALIZED).await.status(202);
    drop(soon(running).await.unwrap().unwrap());
    server.get().await
}

/// A server whose every call is taken is not sick.
#[tokio::test(start_paused = true)]
async fn a_health_check_finds_room_where_calls_do_not() {
    let (leaf, mut server) = upstream_with(Options::new().max_pending(1));
    let health = HealthCheck::new().interval(Duration::from_millis(10)).failures(1);
    let make = service_fn(move |()| std::future::ready(Ok::<_, Error>(leaf.clone())));
    let mut supervised = Supervisor::new(make).health(health).start();
    let running = tokio::spawn(supervised.call(msg(INITIALIZE)));
    server.post(INITIALIZE).await.answer(opened("2025-11-25"));
    drop(soon(running).await.unwrap().unwrap());
    let running = tokio::spawn(supervised.call(msg(INITIALIZED)));
    server.post(INITIALIZED).await.status(202);
    drop(soon(running).await.unwrap().unwrap());
    let _stream = server.get().await;
    let running = tokio::spawn(supervised.call(call(1)));
    let taken = server.post(&call_text(1)).await;
    for _ in 0..3 {
        let check = server.asked().await;
        let id = msg(&check.body).owned_id().unwrap();
        assert!(id.as_str().contains("health"), "{check:?}");
        check.json(done(id.as_str()));
    }
    taken.json(done(1));
    assert_eq!(rest(soon(running).await.unwrap().unwrap()).await, [done(1)]);
    assert_eq!(supervised.stats().failed_checks, 0);
}
