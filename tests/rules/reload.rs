//! Rules are changed under way: no message meets half of a change.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use futures::StreamExt;
use serde_json::json;
use shadowcat::layer::intercept::InterceptLayer;
use shadowcat::layer::rules::RulesLayer;
use shadowcat::rules::{Action, Rule, RuleSet};
use shadowcat::{JsonRpcMessage, Reply};
use tower::{Layer, Service, ServiceExt};

use crate::chain::*;
use crate::ruled::*;
use crate::support::{msg, settled, soon, text};

#[tokio::test(start_paused = true)]
async fn later_messages_of_a_reply_meet_the_rules_of_their_time() {
    let rules = rules([Rule::new("r", results(), Action::Pass)]);
    let (sender, reply) = Reply::channel(8);
    let reply = Arc::new(std::sync::Mutex::new(Some(reply)));
    let stack = RulesLayer::new(&rules).layer(tower::service_fn(move |_: JsonRpcMessage| {
        std::future::ready(Ok::<_, shadowcat::Error>(reply.lock().unwrap().take().unwrap()))
    }));
    let mut reply = stack.oneshot(msg(CALL)).await.unwrap();
    sender.try_send(msg(PROGRESS)).unwrap();
    reply.next().await.unwrap().unwrap();
    rules.replace(sets([Rule::new("r", results(), set("/result/content", json!([1])))])).unwrap();
    sender.finish(msg(RESULT));
    settled().await;
    assert_eq!(text(&reply.next().await.unwrap().unwrap()), RESULT.replace("[]", "[1]"));
}

/// 1,000 reloads while calls go on: the two sets each write one letter at five places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_sees_half_of_two_sets_and_none_is_lost() {
    let letters = |letter: &str| {
        let write =
            |n: usize| Rule::new(&format!("{n}"), calls(), set(&format!("/params/r{n}"), json!(letter)));
        let back =
            |n: usize| Rule::new(&format!("b{n}"), results(), set(&format!("/result/r{n}"), json!(letter)));
        sets((0..5).map(write).chain((0..5).map(back)))
    };
    let rules = rules([]);
    rules.replace(letters("a")).unwrap();
    let stack = InterceptLayer::new(as_chain(&rules)).layer(tower::service_fn(
        |message: JsonRpcMessage| async move {
            let told: serde_json::Value = serde_json::from_slice(message.params().unwrap()).unwrap();
            assert_whole(&told);
            Ok::<_, shadowcat::Error>(Reply::one(
                JsonRpcMessage::response(message.owned_id().unwrap(), "{}").unwrap(),
            ))
        },
    ));
    let (over, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut loads = Vec::new();
    for _ in 0..4 {
        let (mut stack, over, answered) = (stack.clone(), over.clone(), answered.clone());
        loads.push(tokio::spawn(async move {
            let mut sent = 0_u64;
            while !over.load(Ordering::Relaxed) || sent < 100 {
                let reply = stack.ready().await.unwrap().call(msg(CALL)).await.unwrap();
                let result: serde_json::Value =
                    serde_json::from_slice(reply.as_one().unwrap().result().unwrap()).unwrap();
                assert_whole(&result);
                sent += 1;
                answered.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
            sent
        }));
    }
    for n in 0..1000 {
        rules.replace(letters(if n % 2 == 0 { "b" } else { "a" })).unwrap();
        let before = answered.load(Ordering::Relaxed);
        while answered.load(Ordering::Relaxed) == before {
            tokio::task::yield_now().await; // at least one meets it
        }
    }
    over.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for load in loads {
        sent += soon(load).await.unwrap();
    }
    assert_eq!(sent, answered.load(Ordering::Relaxed));
    assert_eq!(rules.status().borrow().reloads, 1001);
    assert_eq!(rules.stats().rewritten, sent * 10, "each message by each rule of its set");
}

fn assert_whole(seen: &serde_json::Value) {
    let letters: Vec<_> = (0..5).map(|n| seen[format!("r{n}")].as_str().unwrap()).collect();
    assert!(letters.iter().all(|letter| *letter == letters[0]), "{letters:?}");
}

#[test]
fn a_bad_set_keeps_the_old_one_and_says_so() {
    let rules = rules([Rule::new("old", calls(), Action::Pass)]);
    let bad = rules.reload(|| Err::<RuleSet, _>("line 3: no such action")).unwrap_err();
    assert_eq!(bad.to_string(), "line 3: no such action");
    assert_eq!(rules.status().borrow().problem.as_deref(), Some("line 3: no such action"));
    assert!(rules.replace(sets([Rule::new("new", calls(), Action::Hold)])).is_err());
    assert_eq!(rules.current().rules().next().unwrap().id(), "old");
    assert_eq!((rules.stats().refused, rules.stats().reloads), (2, 0));
    rules.replace(sets([])).unwrap();
    assert_eq!(rules.status().borrow().problem, None);
}

#[cfg(feature = "watch")]
#[tokio::test]
async fn a_file_is_read_again_when_it_changes_and_a_bad_one_is_not_taken() {
    let folder = std::env::temp_dir().join(format!("shadowcat-watch-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let path = folder.join("rules.json");
    let file =
        |id: &str| json!({"rules": [{"id": id, "matcher": {"method": "ping"}, "action": {"type": "pass"}}]});
    std::fs::write(&path, file("one").to_string()).unwrap();
    let rules = shadowcat::layer::rules::Rules::new(RuleSet::from_path(&path).unwrap().rules).unwrap();
    let in_force = || rules.current().rules().next().unwrap().id().to_owned();
    let watching = rules.watch(&path).unwrap();
    let mut status = rules.status();
    std::fs::write(&path, file("two").to_string()).unwrap();
    soon(status.wait_for(|status| status.reloads == 1)).await.unwrap();
    assert_eq!(in_force(), "two");
    std::fs::write(&path, r#"{"rules": 7}"#).unwrap();
    let bad = soon(status.wait_for(|status| status.problem.is_some())).await.unwrap().problem.clone();
    assert!(bad.unwrap().contains("rules.json:1:11: "), "it says where");
    assert_eq!(in_force(), "two");
    std::fs::write(folder.join("new"), file("three").to_string()).unwrap();
    std::fs::rename(folder.join("new"), &path).unwrap();
    soon(status.wait_for(|status| status.problem.is_none())).await.unwrap();
    assert_eq!(in_force(), "three");
    std::fs::remove_file(&path).unwrap();
    let gone = soon(status.wait_for(|status| status.problem.is_some())).await.unwrap().problem.clone();
    assert!(gone.unwrap().contains("cannot be read"));
    assert_eq!(in_force(), "three");
    drop(watching);
    std::fs::remove_dir_all(&folder).unwrap();
}
