//! The server goes deaf or is killed, and the client goes on with what it had.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shadowcat::JsonRpcMessage;
use shadowcat::connect::supervise::HealthCheck;
use shadowcat::connect::wassette::Stdio;
use tower::{Service, ServiceExt};

use crate::process::system::processes;
use crate::process::{eventually_async, kill, tell};
use crate::session::{CHANGED, INITIALIZE, INITIALIZED, NEVER, Server, Session, run, run_with};
use crate::support::{msg, soon};
use crate::world::Kind;

/// A healthy server that is slow on a busy machine must not look deaf.
const EVERY: Duration = Duration::from_millis(500);
const FAILURES: u32 = 2;

/// How late a busy machine may be.
const LATE: Duration = Duration::from_secs(2);

fn checked(builder: Stdio) -> Stdio {
    builder.health(HealthCheck::new().interval(EVERY).timeout(EVERY).failures(FAILURES))
}

/// The next that is heard is that lists changed; then everything is as it was.
async fn goes_on(session: &mut Session, dead: u32) {
    assert_eq!(session.client.hear().await.as_deref(), Some(CHANGED), "the session was opened again");
    let path = json!({"s": "a \"b\" é\n"});
    assert_eq!(session.call("echo", path).await, "a \"b\" é\n", "it has what was loaded");
    assert_ne!(session.id(), dead);
    let stats = session.server.get_ref().stats();
    assert_eq!((stats.starts, stats.reestablished, stats.lost_sessions), (2, 1, 0));
    eventually_async(NEVER, "nothing is left", || !processes().any(|entry| entry.group == dead)).await;
}

async fn deafness_is_healed_within_the_health_interval(mut session: Session) {
    session.open().await;
    session.load("echo").await;
    let deaf = session.id();
    // Past the gate.
    let mut below = session.server.get_ref().clone();
    let started = Instant::now();
    let unknown = JsonRpcMessage::request("past the gate", "no/such", "").unwrap();
    let unknown = below.ready().await.unwrap().call(unknown);
    let id = session.start_call("echo", json!({"s": "a \"b\" é\n"})).await;

    let answer = session.hear().await;
    let stopped = started.elapsed();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&id, &json!(-32603)), "{answer}");
    let error = soon(unknown).await.unwrap_err();
    assert!(error.is_closed() && !error.is_unsent(), "{error:?}");
    assert!(error.to_string().contains("it is unhealthy: no answer to ping within 500ms"), "{error}");
    goes_on(&mut session, deaf).await;
    let healed = started.elapsed();
    let bound = FAILURES * (EVERY + EVERY);
    assert!(stopped <= bound + LATE && healed <= stopped + LATE, "{stopped:?}, {healed:?}");
    let stats = session.server.get_ref().stats();
    assert_eq!((stats.unhealthy, stats.failed_checks), (1, 2));
    let kind = session.world.kind;
    tell(&format!("deaf {kind:?}: stopped after {stopped:?} of {bound:?}, healed after {healed:?}"));
    let took = session.end().await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

async fn a_server_that_is_killed_mid_call_fails_the_call_once(mut session: Session) {
    session.open().await;
    for name in ["echo", "spin"] {
        session.load(name).await;
    }
    let call = session.start_call("spin", json!({})).await;
    session
        .logs(match session.world.kind {
            Kind::Scripted(_) => r#""name":"spin""#,
            Kind::Fixture | Kind::Real => "method_name=spin",
        })
        .await;
    let dead = session.id();
    let started = Instant::now();
    kill(dead);
    let answer = session.hear().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&call, &json!(-32603)), "{answer}");
    let told = started.elapsed();
    goes_on(&mut session, dead).await;
    let (kind, healed) = (session.world.kind, started.elapsed());
    tell(&format!("killed {kind:?}: the call failed after {told:?}, healed after {healed:?}"));
    session.end().await;
}

async fn a_server_that_is_killed_again_and_again_comes_back_each_time(mut session: Session) {
    session.open().await;
    session.load("echo").await;
    for round in 1..=5 {
        let dead = session.id();
        kill(dead);
        assert_eq!(session.client.hear().await.as_deref(), Some(CHANGED), "{round}");
        assert_eq!(session.call("echo", json!({"s": "a \"b\" é\n"})).await, "a \"b\" é\n");
        assert_eq!(session.server.get_ref().stats().reestablished, round);
    }
    session.end().await;
}

async fn a_spinning_component_is_no_deafness(mut session: Session) {
    session.open().await;
    session.load("spin").await;
    let call = session.start_call("spin", json!({})).await;
    session.logs("method_name=spin").await;
    let mut below = session.server.get_ref().clone();
    for _ in 0..3 {
        tokio::time::sleep(EVERY).await; // a health check, for which there is no signal
        let ping = JsonRpcMessage::request("ours", "ping", "").unwrap();
        let reply = below.ready().await.unwrap().call(ping);
        assert!(soon(reply).await.unwrap().as_one().unwrap().result().is_some());
    }
    let stats = session.server.get_ref().stats();
    assert_eq!((stats.starts, stats.failed_checks), (1, 0));
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": call}});
    session.client.say(cancel.to_string()).await;
    session.logs("cancelled id=").await;
    session.is_the_first_and_answers().await;
    let took = session.end().await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// Below a front end: its own listen would fail before it asks for a new session.
async fn opens_anew(server: &mut Server) {
    let ping = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;
    for line in [INITIALIZE, INITIALIZED, ping] {
        let reply = soon(server.ready().await.unwrap().call(msg(line))).await.unwrap();
        assert!(reply.as_one().is_none_or(|answer| answer.result().is_some()), "{reply:?}");
    }
    assert_eq!(server.kept().answered, 0, "all of it by the server");
}

async fn a_session_that_is_not_reestablished_ends_the_front_end(mut session: Session) {
    session.open().await;
    assert!(session.ask("tools/list", Value::Null).await["result"].is_object());
    kill(session.id());
    assert_eq!(session.client.hear().await, None);
    assert_eq!(session.server.get_ref().stats().lost_sessions, 1);

    opens_anew(&mut session.server).await;
    assert_eq!(session.server.get_ref().stats().starts, 2);
    session.server.shutdown().await;
}

async fn a_session_lost_before_it_is_open_can_be_opened_anew(mut session: Session) {
    session.client.say(INITIALIZE).await;
    assert!(session.hear().await["result"].is_object());
    kill(session.id());
    assert_eq!(session.client.hear().await, None);

    opens_anew(&mut session.server).await;
    assert_eq!(session.server.get_ref().stats().starts, 2);
    session.server.shutdown().await;
}

macro_rules! restarts {
    ($module:ident, $kind:expr) => {
        mod $module {
            use super::*;

            #[test]
            fn deafness_is_healed_within_the_health_interval() {
                run_with($kind, checked, super::deafness_is_healed_within_the_health_interval);
            }

            #[test]
            fn a_server_that_is_killed_mid_call_fails_the_call_once() {
                run($kind, super::a_server_that_is_killed_mid_call_fails_the_call_once);
            }

            #[test]
            fn a_server_that_is_killed_again_and_again_comes_back_each_time() {
                run($kind, super::a_server_that_is_killed_again_and_again_comes_back_each_time);
            }

            #[test]
            fn a_session_that_is_not_reestablished_ends_the_front_end() {
                let lost = |builder: Stdio| builder.reestablish(false);
                run_with($kind, lost, super::a_session_that_is_not_reestablished_ends_the_front_end);
            }

            #[test]
            fn a_session_lost_before_it_is_open_can_be_opened_anew() {
                let lost = |builder: Stdio| builder.reestablish(false);
                run_with($kind, lost, super::a_session_lost_before_it_is_open_can_be_opened_anew);
            }
        }
    };
}

restarts!(scripted, Kind::Scripted("stdio-real-components"));
restarts!(fixture, Kind::Fixture);
restarts!(real, Kind::Real);

#[test]
fn a_start_that_is_slow_is_waited_for() {
    let slow = |builder: Stdio| builder.env("FIXTURE_SLOW_START_MS", "700");
    run_with(Kind::Fixture, slow, |mut session| async move {
        let started = Instant::now();
        session.open().await;
        assert!(started.elapsed().as_millis() >= 700);
        session.is_the_first_and_answers().await;
        session.end().await;
    });
}

#[test]
fn a_spinning_fixture_is_no_deafness() {
    run_with(Kind::Fixture, checked, a_spinning_component_is_no_deafness);
}

#[test]
fn a_spinning_real_component_is_no_deafness() {
    run_with(Kind::Real, checked, a_spinning_component_is_no_deafness);
}
