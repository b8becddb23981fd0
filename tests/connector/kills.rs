//! Kills at the worst moments: under load, and one behind the other.

use std::time::Duration;

use serde_json::json;
use shadowcat::connect::supervise::Restart;
use shadowcat::connect::wassette::Stdio;

use crate::process::system::running;
use crate::process::{configured, eventually_async, kill};
use crate::session::{NEVER, Session, run_with};
use crate::world::Kind;

fn for_ever(builder: Stdio) -> Stdio {
    builder.restart(Restart::Always)
}

/// Also while it opens the session again.
async fn kills_at_any_moment_of_a_restart_end_nothing(mut session: Session) {
    session.open().await;
    session.load("echo").await;
    let folder = session.world.component_dir();
    let arguments = ["--plugin-dir", folder.to_str().unwrap()];
    let mut last = None;
    for round in 0..20 {
        let mut next = None;
        eventually_async(NEVER, "another one runs", || {
            next = running(&arguments).filter(|id| Some(*id) != last);
            next.is_some()
        })
        .await;
        tokio::time::sleep(Duration::from_millis(round)).await; // later in its start each time
        kill(next.unwrap());
        last = next;
    }
    let call = session.start_call("echo", json!({"s": "after all"})).await;
    let mut answer = session.hear().await;
    while answer["id"] != call {
        assert_eq!(answer["method"], "notifications/tools/list_changed", "{answer}");
        answer = session.hear().await;
    }
    // It waited for a start that was killed, or one that was not.
    if answer.get("error").is_some() {
        assert_eq!(answer["error"]["code"], -32603);
        eventually_async(NEVER, "it runs", || session.server.get_ref().status().is_running()).await;
    }
    let stats = session.server.get_ref().stats();
    assert_eq!((stats.lost_sessions, stats.starts + stats.failed_starts), (0, 21), "{stats:?}");
    session.end_after_changes().await;
}

async fn calls_in_flight_at_a_kill_are_answered_once_each(mut session: Session) {
    session.open().await;
    session.load("add").await;
    for round in 0..configured("SHADOWCAT_RESTARTS", 5) {
        for id in 0..64 {
            let params = json!({"name": "add", "arguments": {"a": id, "b": round}});
            let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
            session.client.say(call.to_string()).await;
        }
        let (mut answers, mut changes, dead) = (Vec::new(), 0, session.id());
        while answers.len() < 64 || changes == 0 {
            if answers.len() == round * 13 % 64 {
                kill(dead);
            }
            let heard = session.hear().await;
            match heard["id"].as_u64() {
                Some(id) => answers.push(id),
                None => changes += 1,
            }
        }
        answers.sort_unstable();
        assert_eq!((answers, changes), ((0..64).collect(), 1));
    }
    session.end().await;
}

macro_rules! kills {
    ($module:ident, $kind:expr) => {
        mod $module {
            use super::*;

            #[test]
            fn calls_in_flight_at_a_kill_are_answered_once_each() {
                run_with($kind, for_ever, super::calls_in_flight_at_a_kill_are_answered_once_each);
            }

            #[test]
            fn kills_at_any_moment_of_a_restart_end_nothing() {
                run_with($kind, for_ever, super::kills_at_any_moment_of_a_restart_end_nothing);
            }
        }
    };
}

kills!(fixture, Kind::Fixture);
kills!(real, Kind::Real);
