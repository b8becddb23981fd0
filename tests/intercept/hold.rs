//! Messages that are held: who decides, about what, how often, and what happens when nobody does.

use std::sync::Arc;
use std::time::Duration;

use shadowcat::layer::hold::{Breakpoint, Holds, NotDecided, Options};
use shadowcat::layer::intercept::{Block, Interest, Point};
use shadowcat::rules::{Matcher, Text};
use shadowcat::session::{Principal, Session, SessionId};
use shadowcat::{Code, Context, Direction, JsonRpcMessage, Kind, Reply};
use tower::Service;

use crate::chain::*;
use crate::support::{msg, settled, text};

#[tokio::test]
async fn a_held_request_goes_on_as_it_was_decided_once() {
    let holds = holding(Options::new(), Interest::requests());
    let (mut stack, server) = hold_stack(&holds, &[RESULT]);
    let call = send(&mut stack, CALL);
    let held = holds.next().await;
    assert!(server.told().is_empty());
    assert_eq!((held.breakpoint(), text(held.message()), held.is_waiting()), ("here", CALL.into(), true));
    let changed = CALL.replace(r#""n":1"#, r#""n":2"#);
    assert_eq!(held.edit(msg(NOTE)), Err(NotDecided::Differs));
    assert_eq!(held.edit(msg(OTHER)), Err(NotDecided::Differs));
    held.edit(msg(&changed)).unwrap();
    assert_eq!(got(call).await, [RESULT]);
    assert_eq!(server.told(), [changed]);
    assert_eq!(held.resume(), Err(NotDecided::Already), "an approval that is replayed counts for nothing");
    assert!(holds.held().is_empty() && holds.get(held.number()).is_none());
}

#[tokio::test]
async fn what_is_rejected_or_answered_never_reaches_the_server() {
    let holds = holding(Options::new(), Interest::requests());
    let (mut stack, server) = hold_stack(&holds, &[RESULT]);
    let call = send(&mut stack, CALL);
    holds.next().await.reject(Block::error(Code::INVALID_PARAMS, "no")).unwrap();
    assert_eq!(got(call).await, [r#"{"jsonrpc":"2.0","id":"a","error":{"code":-32602,"message":"no"}}"#]);
    let call = send(&mut stack, CALL);
    holds.next().await.answer(msg(ANSWER)).unwrap();
    assert_eq!(got(call).await, [ANSWER.replace("\"q\"", "\"a\"")]);
    assert!(server.told().is_empty());
}

#[tokio::test]
async fn responses_notifications_and_the_servers_questions_are_held_too() {
    let holds = holding(Options::new(), Interest::everything().direction(Direction::ToClient));
    let (mut stack, server) = hold_stack(&holds, &[PROGRESS, QUESTION, RESULT]);
    let call = send(&mut stack, CALL);
    let held = holds.next().await;
    assert_eq!((held.message().kind(), held.request().map(text)), (Kind::Notification, Some(CALL.into())));
    held.resume().unwrap();
    holds.next().await.answer(msg(ANSWER)).unwrap();
    let held = holds.next().await;
    held.edit(msg(RESULT.replace("[]", "[1]"))).unwrap();
    assert_eq!(got(call).await, [PROGRESS.to_owned(), RESULT.replace("[]", "[1]")]);
    assert_eq!(server.told(), [CALL, ANSWER]);
}

#[tokio::test]
async fn only_what_a_breakpoint_is_about_is_held() {
    let holds = Holds::new(Options::new());
    let loads =
        Breakpoint::new("loads", Interest::requests()).when(|seen| seen.point() == Point::PreComponentLoad);
    holds.set(loads.clone()).unwrap();
    holds.set(loads).unwrap_err();
    let (mut stack, server) = hold_stack(&holds, &[RESULT]);
    assert_eq!(got(send(&mut stack, CALL)).await, [RESULT]);
    let load = CALL.replace("\"t\"", "\"load-component\"");
    let call = send(&mut stack, &load);
    let held = holds.next().await;
    assert!(holds.clear("loads") && !holds.clear("loads"));
    assert_eq!(got(send(&mut stack, &load)).await, [RESULT], "the breakpoint is gone");
    assert!(held.is_waiting(), "what it holds is held still");
    assert_eq!((holds.resume_all(), holds.resume_all()), (1, 0));
    got(call).await;
    assert_eq!(server.told().len(), 3);
}

#[tokio::test]
async fn a_breakpoint_is_met_where_a_rule_would_be() {
    let holds = Holds::new(Options::new());
    let loads = Matcher::new().tool(Text::glob("load-*"));
    let failures =
        Matcher::new().method(Text::exact("tools/call")).result(serde_json::json!({"isError": true}));
    holds.set(Breakpoint::on("loads", loads)).unwrap();
    holds.set(Breakpoint::on("failures", failures)).unwrap();
    let failed = r#"{"jsonrpc":"2.0","id":"a","result":{"content":[],"isError":true}}"#;
    let (mut stack, _server) = hold_stack(&holds, &[failed]);
    let call = send(&mut stack, CALL.replace("\"t\"", "\"load-component\""));
    let held = holds.next().await;
    assert_eq!((held.breakpoint(), held.message().kind()), ("loads", Kind::Request));
    held.resume().unwrap();
    let held = holds.next().await;
    assert_eq!((held.breakpoint(), held.message().kind()), ("failures", Kind::Response));
    held.resume().unwrap();
    assert_eq!(got(call).await, [failed]);
}

#[tokio::test]
async fn a_message_is_held_once_also_where_two_breakpoints_meet_it() {
    let holds = holding(Options::new(), Interest::requests());
    holds.set(Breakpoint::new("again", Interest::everything())).unwrap();
    let (mut stack, _) = hold_stack(&holds, &[PROGRESS, PROGRESS, RESULT]);
    let call = send(&mut stack, CALL);
    holds.next().await.edit(msg(CALL.replace(":1}", ":2}"))).unwrap();
    for _ in 0..3 {
        let held = holds.next().await;
        assert_eq!(held.direction(), Direction::ToClient, "two notifications that look alike are two");
        held.resume().unwrap();
    }
    assert_eq!(got(call).await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_decides_about_is_blocked_or_goes_on_as_was_chosen() {
    for (options, told) in [(Options::new(), 0), (Options::new().fail_open(), 1)] {
        let holds = holding(options.max_age(Duration::from_secs(50)), Interest::requests());
        let (mut stack, server) = hold_stack(&holds, &[RESULT]);
        let began = tokio::time::Instant::now();
        let call = send(&mut stack, CALL);
        let held = holds.next().await;
        assert_eq!(held.time_left(), Duration::from_secs(50));
        let answer = got(call).await.concat();
        assert_eq!((began.elapsed(), server.told().len()), (Duration::from_secs(50), told), "{answer}");
        assert_eq!(answer.contains("Nobody decided about the message in time"), told == 0);
        assert_eq!(held.resume(), Err(NotDecided::Expired));
    }
}

#[tokio::test]
async fn what_finds_no_room_is_blocked_or_goes_on_as_was_chosen() {
    for (options, told) in [
        (Options::new().max_held(1), 0),
        (Options::new().max_bytes(CALL.len() + 10), 0),
        (Options::new().max_held(1).fail_open(), 1),
    ] {
        let holds = holding(options, Interest::requests());
        let (mut stack, server) = hold_stack(&holds, &[RESULT]);
        let first = send(&mut stack, CALL);
        let held = holds.next().await;
        let second = got(send(&mut stack, OTHER)).await.concat();
        assert_eq!((server.told().len(), second.contains("Too many messages wait")), (told, told == 0));
        held.resume().unwrap();
        got(first).await;
        let third = send(&mut stack, OTHER);
        holds.next().await.resume().unwrap();
        got(third).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_client_cancels_is_not_held_any_more() {
    let holds = holding(Options::new(), Interest::requests());
    let (mut stack, server) = hold_stack(&holds, &[RESULT]);
    let mut changes = holds.changes();
    let call = send(&mut stack, CALL);
    let held = holds.next().await;
    changes.changed().await.unwrap();
    call.abort();
    changes.changed().await.unwrap();
    assert_eq!((held.resume(), held.is_waiting(), holds.held().len()), (Err(NotDecided::Gone), false, 0));
    settled().await;
    assert!(server.told().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asked_for_progress_outlives_its_own_timeout() {
    let holds = holding(Options::new(), Interest::requests());
    let (mut stack, _) = hold_stack(&holds, &[RESULT]);
    let sent = CALL.replace(r#""name":"t""#, r#""name":"t","_meta":{"progressToken":"p"}"#);
    let calling = stack.call(msg(sent));
    let call = tokio::spawn(async move {
        let mut reply: Reply = calling.await.unwrap();
        let mut messages = 0;
        while let Some(item) =
            tokio::time::timeout(Duration::from_secs(20), futures::StreamExt::next(&mut reply))
                .await
                .expect("in time")
        {
            item.unwrap();
            messages += 1;
        }
        messages
    });
    let held = holds.next().await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    held.resume().unwrap();
    assert_eq!(call.await.unwrap(), 7, "six times progress, and the response");
}

fn of(principal: &str, session: &str, sent: impl AsRef<str>) -> JsonRpcMessage {
    let mut context = Context::new(Direction::ToUpstream).session(session);
    let key = SessionId::from_text(session).key();
    context.shared_mut().insert(Arc::new(Session::new(key, Some(Principal::new(principal)))));
    msg(sent).with_context(Arc::new(context))
}

#[tokio::test]
async fn a_digest_is_of_who_and_what_and_an_approval_of_another_counts_for_nothing() {
    let holds = holding(Options::new(), Interest::requests());
    let (mut stack, _) = hold_stack(&holds, &[RESULT]);
    let mut all = Vec::new();
    for message in [
        of("ann", "s", CALL),
        of("bob", "s", CALL),
        of("ann", "t", CALL),
        of("ann", "s", CALL.replace("\"n\":1", "\"n\": 1")),
        of("ann", "s", CALL.replace("\"t\"", "\"u\"")),
        of("ann", "s", OTHER),
    ] {
        all.push((stack.call(message), holds.held().pop().unwrap()));
    }
    let again =
        stack.call(of("ann", "s", CALL.replace("\"a\"", "99").replace("\"name\"", r#""_meta":{},"name""#)));
    let again_held = holds.held().pop().unwrap();
    assert_eq!(again_held.digest(), all[0].1.digest(), "neither the id nor `_meta` is part of it");
    drop(again);
    assert_eq!(all[0].1.principal().map(Principal::as_str), Some("ann"));
    for at in 1..all.len() {
        assert_eq!(all[at].1.approve(&all[0].1.digest()), Err(NotDecided::Differs), "{at}");
    }
    let digest = all[0].1.digest();
    all[0].1.approve(&digest).unwrap();
    assert_eq!(all[0].1.approve(&digest), Err(NotDecided::Already));
    assert_eq!((digest.to_string().len(), holds.reject_all(&Block::tool_error("no"))), (64, 5));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_that_decide_at_once_one_does() {
    let holds = holding(Options::new(), Interest::requests());
    let (mut stack, server) = hold_stack(&holds, &[RESULT]);
    for _ in 0..200 {
        let call = send(&mut stack, CALL);
        let held = holds.next().await;
        let deciders: Vec<_> = (0..4)
            .map(|_| {
                tokio::spawn({
                    let held = held.clone();
                    async move { held.resume() }
                })
            })
            .collect();
        let mut counted = 0;
        for decider in deciders {
            counted += usize::from(decider.await.unwrap().is_ok());
        }
        assert_eq!((counted, got(call).await), (1, vec![RESULT.to_owned()]));
    }
    assert_eq!(server.told().len(), 200);
}

#[tokio::test]
async fn what_a_person_has_changed_is_marked_and_what_only_waited_is_not() {
    let changed = || msg(RESULT.replace("[]", "[1]"));
    for (edited, is_marked) in [(None, false), (Some(msg(RESULT)), false), (Some(changed()), true)] {
        let holds = holding(Options::new(), only(Direction::ToClient, Kind::Response));
        let (mut stack, _server) = hold_stack(&holds, &[RESULT]);
        let call = tokio::spawn(stack.call(msg(CALL)));
        let held = holds.next().await;
        match edited {
            Some(edited) => held.edit(edited).unwrap(),
            None => held.resume().unwrap(),
        }
        let reply = call.await.unwrap().unwrap();
        assert_eq!(reply.as_one().map(JsonRpcMessage::is_synthetic), Some(is_marked));
    }
}
