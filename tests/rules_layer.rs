//! What each action of a rule does to what goes through a stack, and how rules are changed under way.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chain;
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use chain::*;
use futures::StreamExt;
use serde_json::json;
use shadowcat::layer::hold::{self, Holds};
use shadowcat::layer::intercept::{Action as Decision, Chain, InterceptLayer, Interest, on};
use shadowcat::layer::rules::{Components, Options, Refused, Rules, RulesLayer, Tags};
use shadowcat::protocol::Era;
use shadowcat::rules::{
    Action, Answer, Failure, Fault, Matcher, Mock, Otherwise, Place, Rewrite, Rule, RuleSet, Scope, Step,
    Text, Then,
};
use shadowcat::{Code, Context, Direction, JsonRpcMessage, Kind, Pointer, Reply};
use support::{msg, rest, settled, soon, text};
use tower::{Layer, Service, ServiceExt};

fn at(pointer: &str) -> Place {
    Place::from(pointer.parse::<Pointer>().unwrap())
}

fn calls() -> Matcher {
    Matcher::new().method(Text::exact("tools/call"))
}

fn results() -> Matcher {
    calls().kind(Kind::Response).direction(Direction::ToClient)
}

fn set(place: &str, value: serde_json::Value) -> Action {
    let mut rewrite = Rewrite::default();
    rewrite.steps = vec![Step::Set(at(place), value.into())];
    Action::Rewrite(rewrite)
}

fn fault(failure: Failure) -> Action {
    let mut fault = Fault::default();
    fault.failure = Some(failure);
    Action::Fault(fault)
}

fn sets(rules: impl IntoIterator<Item = Rule>) -> RuleSet {
    RuleSet::new(rules).unwrap()
}

fn rules(all: impl IntoIterator<Item = Rule>) -> Rules {
    Rules::new(sets(all)).unwrap()
}

fn as_chain(rules: &Rules) -> Chain {
    let chain = Chain::new();
    chain.add("rules", rules.clone()).unwrap();
    chain
}

/// What the client gets for `sent`, and what the server was told.
async fn ruled(rules: &Rules, sent: &str, says: &[&'static str]) -> (Vec<String>, Vec<String>) {
    through(&as_chain(rules), sent, says).await
}

#[tokio::test]
async fn requests_and_responses_are_rewritten_rule_after_rule() {
    let rules = rules([
        Rule::new("one", calls(), set("/params/arguments/n", json!(2)))
            .capture("n", at("/params/arguments/n")),
        Rule::new("two", calls(), set("/params/arguments/was", json!("{{n}}")))
            .capture("n", at("/params/arguments/n")),
        Rule::new("back", results(), set("/result/content", json!(["{{n}}"])))
            .capture_of_request("n", at("/params/arguments/was")),
    ]);
    let (got, told) = ruled(&rules, CALL, &[RESULT]).await;
    assert_eq!(
        told,
        [CALL.replace(r#"{"n":1}"#, r#"{"was":2,"n":2}"#)],
        "the second sees what the first made"
    );
    assert_eq!(got, [RESULT.replace("[]", "[2]")]);
    assert_eq!(rules.stats().rewritten, 3);
}

#[tokio::test]
async fn a_mock_answers_in_turn_and_its_ids_are_right() {
    let mut mock = Mock::from(Answer::Result(json!({"for": "{{id}}", "nth": "{{occurrence}}"}).into()));
    mock.answers.push(Answer::Error {
        code: Code(-7),
        message: "no".into(),
        data: Some(json!("{{tool}}").into()),
    });
    mock.answers.push(Answer::ToolError("no".into()));
    mock.then = Then::Pass;
    let rules = rules([Rule::new("mock", calls(), Action::Mock(mock))]);
    let mut answers = Vec::new();
    for _ in 0..4 {
        let (got, told) = ruled(&rules, CALL, &[RESULT]).await;
        answers.extend(got);
        assert_eq!(told.len(), usize::from(answers.len() == 4));
    }
    let first = r#"{"jsonrpc":"2.0","id":"a","result":{"for":"a","nth":1}}"#;
    let second = r#"{"jsonrpc":"2.0","id":"a","error":{"code":-7,"message":"no","data":"t"}}"#;
    assert_eq!(answers, [first, second, TOOL_ERROR, RESULT]);
}

#[tokio::test]
async fn a_mock_of_2026_07_28_says_what_kind_of_result_it_is() {
    let sunny = Mock::from(Answer::Result(json!({"content": []}).into()));
    let rules = rules([Rule::new("mock", calls(), Action::Mock(sunny))]);
    let modern = CALL.replace(
        r#""params":{"#,
        r#""params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"#,
    );
    let (got, _) = ruled(&rules, &modern, &[RESULT]).await;
    assert_eq!(got, [RESULT.replace(r#"{"content":[]}"#, r#"{"content":[],"resultType":"complete"}"#)]);
}

#[tokio::test]
async fn tapes_are_asked_by_name() {
    let tape = |name: &str| Rule::new("tape", calls(), Action::Mock(Mock::from(Answer::Tape(name.into()))));
    assert_eq!(Rules::new(sets([tape("a")])).unwrap_err(), Refused::NoTapes("tape".into()));
    let options = Options::new().tapes(|name, message| {
        assert_eq!(message.method(), Some("tools/call"));
        (name == "a").then(|| Reply::one(msg(RESULT.replace("\"a\"", "99"))))
    });
    let rules = Rules::with_options(sets([tape("a")]), options).unwrap();
    assert_eq!(ruled(&rules, CALL, &[]).await.0, [RESULT]);
    rules.replace(sets([tape("b")])).unwrap();
    assert_eq!(ruled(&rules, CALL, &[]).await.0, [error("\"a\"", -32603, UNCHECKED)]);
    assert_eq!(rules.stats().failed, 1);
}

#[tokio::test]
async fn what_is_blocked_goes_nowhere_and_what_passes_meets_no_other_rule() {
    let block = |as_tool_error| {
        let mut block = shadowcat::rules::Block::new(Code::INVALID_PARAMS, "no");
        block.as_tool_error = as_tool_error;
        Action::Block(block)
    };
    let rules = rules([
        Rule::new("free", calls().params(json!({"arguments": {"n": 2}})), Action::Pass).priority(1),
        Rule::new("block", calls(), block(true)),
        Rule::new("other", Matcher::new().method(Text::exact("resources/read")), block(false)),
    ]);
    assert_eq!(ruled(&rules, CALL, &[]).await, (vec![TOOL_ERROR.into()], vec![]));
    assert_eq!(ruled(&rules, OTHER, &[]).await, (vec![error("2", -32602, "no")], vec![]));
    let free = CALL.replace(r#""n":1"#, r#""n":2"#);
    assert_eq!(ruled(&rules, &free, &[RESULT]).await, (vec![RESULT.into()], vec![free.clone()]));
    assert_eq!((rules.stats().blocked, rules.stats().passed), (2, 1));
}

#[tokio::test]
async fn a_failing_rewrite_blocks_or_passes_as_its_rule_says() {
    for (otherwise, expected) in [
        (Otherwise::Block, (vec![error("\"a\"", -32603, UNCHECKED)], vec![])),
        (Otherwise::Pass, (vec![RESULT.to_owned()], vec![CALL.to_owned()])),
    ] {
        for value in [json!("{{missing}}"), json!("{{open")] {
            let mut rewrite = Rewrite::default();
            rewrite.steps = vec![
                Step::Set(at("/params/arguments/n"), json!(2).into()),
                Step::Set(at("/params/x"), value.into()),
            ];
            rewrite.otherwise = otherwise;
            let rules = rules([Rule::new("r", calls(), Action::Rewrite(rewrite))]);
            assert_eq!(ruled(&rules, CALL, &[RESULT]).await, expected);
            assert_eq!(rules.stats().failed, 1);
        }
    }
}

#[tokio::test]
async fn what_cannot_be_decided_is_blocked_or_passes_as_configured() {
    let unreadable = CALL.replace(r#""name":"t""#, r#""name":7"#);
    let only_t = || sets([Rule::new("r", Matcher::new().tool(Text::exact("t")), Action::Pass)]);
    let closed = Rules::new(only_t()).unwrap();
    assert_eq!(ruled(&closed, &unreadable, &[RESULT]).await.0, [error("\"a\"", -32603, UNCHECKED)]);
    let open = Rules::with_options(only_t(), Options::new().undecided(Otherwise::Pass)).unwrap();
    assert_eq!(ruled(&open, &unreadable, &[RESULT]).await.1, [unreadable]);
    assert_eq!((closed.stats().undecided, open.stats().undecided), (1, 1));
}

#[tokio::test]
async fn tags_are_there_for_interceptors_and_layers_that_come_later() {
    let tag = |value: &str| Action::Tag(vec![("team".into(), value.into())]);
    let rules = rules([
        Rule::new("request", calls(), tag("a")),
        Rule::new("answer", results(), Action::Tag(vec![("kind".into(), "answer".into())])),
    ]);
    let chain = as_chain(&rules);
    let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = seen.clone();
    let note = on(Interest::everything(), move |seen| {
        let metadata = seen.metadata().get::<Tags>().cloned().unwrap_or_default();
        let own = seen.message().extensions().get::<Tags>().cloned().unwrap_or_default();
        noted.lock().unwrap().push((metadata, own));
        Decision::Continue
    });
    chain.add("note", note).unwrap();
    through(&chain, CALL, &[RESULT]).await;
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].0.iter().collect::<Vec<_>>(), [("team", "a")]);
    assert_eq!(seen[0].0, seen[0].1);
    assert_eq!(seen[1].0.iter().collect::<Vec<_>>(), [("team", "a"), ("kind", "answer")]);
}

#[tokio::test(start_paused = true)]
async fn a_delay_is_as_long_as_it_says_and_the_next_rule_is_asked_then() {
    let mut slow = Fault::default();
    (slow.delay, slow.jitter) = (Duration::from_secs(60), Duration::from_secs(10));
    let rules = rules([
        Rule::new("slow", calls(), Action::Fault(slow)).priority(1),
        Rule::new("then", calls(), set("/params/arguments/n", json!(2))),
    ]);
    let began = tokio::time::Instant::now();
    let chain = as_chain(&rules);
    let (_, told) = through(&chain, CALL, &[RESULT]).await;
    let took = began.elapsed();
    assert!((60..=70).contains(&took.as_secs()), "{took:?}, and no budget of 5 s");
    assert_eq!(told, [CALL.replace(r#""n":1"#, r#""n":2"#)]);
    assert_eq!(chain.stats("rules").unwrap().late, 0);
}

#[tokio::test(start_paused = true)]
async fn nothing_ever_comes_of_a_timeout_not_even_progress() {
    let call = CALL.replace(r#""params":{"#, r#""params":{"_meta":{"progressToken":1},"#);
    for matcher in [calls(), results()] {
        for says in [&[RESULT][..], &[PROGRESS, RESULT]] {
            let rules = rules([Rule::new("never", matcher.clone(), fault(Failure::Timeout))]);
            let (stack, server) = stack(&as_chain(&rules), says);
            let mut calling = tokio::spawn(async move {
                let reply = stack.oneshot(msg(call_text())).await.unwrap();
                reply
                    .filter(|item| futures::future::ready(item.as_ref().unwrap().kind() == Kind::Response))
                    .next()
                    .await
            });
            let waited = tokio::time::timeout(Duration::from_secs(3600), &mut calling).await;
            assert!(waited.is_err(), "{:?}", waited);
            assert_eq!(server.told().is_empty(), matcher == calls());
            calling.abort();
        }
        let rules = rules([Rule::new("never", matcher, fault(Failure::Timeout))]);
        let (stack, _) = stack(&as_chain(&rules), &[RESULT]);
        let mut reply = stack.oneshot(msg(&call)).await.unwrap();
        assert!(
            tokio::time::timeout(Duration::from_secs(3600), reply.next()).await.is_err(),
            "no progress either"
        );
    }
}

fn call_text() -> String {
    CALL.to_owned()
}

#[tokio::test]
async fn what_is_lost_is_lost_to_both_sides() {
    let lost = |matcher| rules([Rule::new("lost", matcher, fault(Failure::Timeout))]);
    let question = lost(Matcher::new().method(Text::exact("roots/list")));
    let (got, told) = ruled(&question, CALL, &[QUESTION, PROGRESS, RESULT]).await;
    assert_eq!(
        (got, told),
        (vec![PROGRESS.into(), RESULT.into()], vec![CALL.into()]),
        "and nobody answers it"
    );
    let answer = lost(Matcher::new().kind(Kind::Response).direction(Direction::ToUpstream));
    assert_eq!(ruled(&answer, ANSWER, &[]).await, (vec![], vec![]));
    let note = lost(Matcher::new().method(Text::exact("notifications/roots/list_changed")));
    assert_eq!(ruled(&note, NOTE, &[]).await, (vec![], vec![]));
    let progress = lost(Matcher::new().method(Text::exact("notifications/progress")));
    assert_eq!(ruled(&progress, CALL, &[PROGRESS, RESULT]).await.0, [RESULT]);
}

#[tokio::test]
async fn notifications_change_their_order_and_none_comes_behind_the_response() {
    const NOTES: [&str; 6] = [
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"n":1}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"n":2}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"n":3}}"#,
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"n":4}}"#,
        PROGRESS,
        RESULT,
    ];
    let reorder = |matcher| rules([Rule::new("reorder", matcher, fault(Failure::Reorder(3)))]);
    let logs = reorder(Matcher::new().method(Text::exact("notifications/message")));
    let (got, _) = ruled(&logs, CALL, &NOTES).await;
    assert_eq!(got, [NOTES[2], NOTES[1], NOTES[0], PROGRESS, NOTES[3], RESULT]);

    let response = reorder(results());
    assert_eq!(ruled(&response, CALL, &[RESULT]).await.0, [RESULT]);
    let told = reorder(Matcher::new().method(Text::exact("notifications/roots/list_changed")));
    assert_eq!(ruled(&told, NOTE, &[]).await.1, [NOTE]);
    assert_eq!((response.stats().unharmed, told.stats().unharmed), (1, 1), "what cannot be is counted");
}

#[tokio::test]
async fn an_error_comes_in_the_place_of_what_it_is_about() {
    let fails = |matcher| {
        rules([Rule::new("e", matcher, fault(Failure::Error { code: Code(-9), message: "down".into() }))])
    };
    assert_eq!(ruled(&fails(calls()), CALL, &[RESULT]).await, (vec![error("\"a\"", -9, "down")], vec![]));
    let (got, told) = ruled(&fails(results()), CALL, &[PROGRESS, RESULT]).await;
    assert_eq!((got, told), (vec![PROGRESS.into(), error("\"a\"", -9, "down")], vec![CALL.into()]));
}

#[tokio::test]
async fn a_rule_holds_where_someone_can_decide() {
    let held = || {
        sets([
            Rule::new("look", calls(), Action::Hold).priority(1),
            Rule::new("then", calls(), set("/params/x", json!(1))),
        ])
    };
    assert_eq!(Rules::new(held()).unwrap_err(), Refused::NoHolds("look".into()));
    let holds = Holds::new(hold::Options::new());
    let rules = Rules::with_options(held(), Options::new().holds(&holds)).unwrap();
    let (stack, server) = stack(&as_chain(&rules), &[RESULT]);
    let calling = tokio::spawn(stack.oneshot(msg(CALL)));
    let message = soon(holds.next()).await;
    assert_eq!(message.breakpoint(), "look");
    let edited = message.message().clone().edit().set(&"/params/arguments/n".parse().unwrap(), "7").finish();
    message.edit(edited.unwrap()).unwrap();
    assert_eq!(rest(soon(calling).await.unwrap().unwrap()).await, [RESULT]);
    let told = CALL.replace(r#""n":1"#, r#""n":7"#).replace(r#""params":{"#, r#""params":{"x":1,"#);
    assert_eq!(server.told(), [told], "what was edited, and what the next rule made of it");
}

#[tokio::test]
async fn facts_of_the_session_are_what_rules_ask_about() {
    let mut context = Context::new(Direction::ToUpstream).session("s-1").upstream("wassette");
    context.shared_mut().insert(Era::Modern);
    context.shared_mut().insert(shadowcat::session::Principal::new("alice"));
    let context = Arc::new(context);
    let told = |rule: Rule| {
        let context = context.clone();
        async move {
            let rules = rules([rule]);
            let (mut stack, _) = stack(&as_chain(&rules), &[RESULT]);
            let opening =
                r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"clientInfo":{"name":"claude"}}}"#;
            for sent in [opening, CALL] {
                let reply =
                    stack.ready().await.unwrap().call(msg(sent).with_context(context.clone())).await.unwrap();
                rest(reply).await;
            }
            rules.current().counts().next().unwrap().1.taken
        }
    };
    let is = |text: &str| Text::exact(text);
    for matcher in [
        calls().session(is("s-1")),
        calls().upstream(is("wassette")),
        calls().principal(is("alice")),
        calls().client(is("claude")),
        calls().era(Era::Modern),
        results().principal(is("alice")).client(is("claude")).session(is("s-1")),
    ] {
        assert_eq!(told(Rule::new("r", matcher.clone(), Action::Pass)).await, 1, "{matcher:?}");
    }
    assert_eq!(told(Rule::new("r", calls(), Action::Pass).scope(Scope::Client(is("claude")))).await, 1);
    assert_eq!(told(Rule::new("r", calls().client(is("other")), Action::Pass)).await, 0);
    assert_eq!(told(Rule::new("r", calls().era(Era::Legacy), Action::Pass)).await, 0);
}

#[tokio::test]
async fn components_are_learned_from_what_passes_by() {
    const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list-components","arguments":{}}}"#;
    const LISTED: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\"components\":[{\"id\":\"fs\",\"tools_count\":1,\"schema\":{\"tools\":[{\"name\":\"t\"}]}}],\"total\":1}"}]}}"#;
    let components = Components::new();
    let set = sets([Rule::new(
        "fs",
        calls().component(Text::exact("fs")),
        set("/params/x", json!("{{component}}")),
    )]);
    let rules = Rules::with_options(set, Options::new().components(&components)).unwrap();
    let server = Server { told: Arc::default(), says: [LISTED].into() };
    let mut stack = RulesLayer::new(&rules).layer(server.clone());
    for sent in [CALL, LIST, CALL] {
        rest(stack.ready().await.unwrap().call(msg(sent)).await.unwrap()).await;
    }
    assert_eq!(server.told(), [CALL, LIST, &CALL.replace(r#""params":{"#, r#""params":{"x":"fs","#)]);
    assert_eq!(components.owner("t").as_deref(), Some("fs"));
}

#[tokio::test]
async fn what_no_rule_can_be_for_is_not_looked_at() {
    let rules = rules([Rule::new("r", calls(), Action::Pass)]);
    let chain = as_chain(&rules);
    through(&chain, OTHER, &[]).await;
    through(&chain, NOTE, &[]).await;
    assert_eq!(chain.stats("rules").unwrap().seen, 0);
    through(&chain, CALL, &[RESULT]).await;
    assert_eq!(chain.stats("rules").unwrap().seen, 1, "and no response, which no rule is for");
    rules.replace(sets([Rule::new("r", results(), Action::Pass)])).unwrap();
    through(&chain, CALL, &[RESULT]).await;
    assert_eq!(chain.stats("rules").unwrap().seen, 2, "the response, as the set now wants it");
}

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
    let rules = Rules::new(RuleSet::from_path(&path).unwrap().rules).unwrap();
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
