//! What each action of a rule does to what goes through a stack.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use serde_json::json;
use shadowcat::layer::intercept::{Action as Decision, Interest, on};
use shadowcat::layer::rules::{Options, Refused, Rules, Tags};
use shadowcat::rules::{
    Action, Answer, Failure, Fault, Matcher, Mock, Otherwise, Rewrite, Rule, Step, Text, Then,
};
use shadowcat::{Code, Direction, Kind, Reply};
use tower::ServiceExt;

use crate::chain::*;
use crate::ruled::*;
use crate::support::msg;

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
