//! What is held: who it is bound to, what rides beside it, and what a decision may not be.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use shadowcat::layer::hold::{Breakpoint, HoldLayer, Holds, NotDecided, Options};
use shadowcat::layer::intercept::Interest;
use shadowcat::session::Principal;
use shadowcat::{Context, Direction, Error, JsonRpcMessage, Kind, Reply};
use tower::{Layer, Service};

use crate::chain::*;
use crate::support::{msg, soon};

/// In 2026-07-28 there is no session that could say whose a request is.
#[tokio::test]
async fn whose_a_request_is_that_stands_alone_is_part_of_its_digest() {
    let holds = holding(Options::new(), Interest::everything());
    let (mut stack, _) = hold_stack(&holds, &[RESULT]);
    let of = |principal: &str| {
        let mut context = Context::new(Direction::ToUpstream);
        context.shared_mut().insert(Principal::new(principal));
        msg(CALL).with_context(Arc::new(context))
    };
    let calls = ["ann", "bob"].map(|principal| stack.call(of(principal)));
    let [ann, bob] = holds.held().try_into().unwrap();
    assert_eq!(ann.principal().map(Principal::as_str), Some("ann"));
    assert_eq!(bob.approve(&ann.digest()), Err(NotDecided::Differs));
    ann.resume().unwrap();
    let [first, _second] = calls;
    tokio::spawn(first);
    assert_eq!(soon(holds.next()).await.number(), bob.number(), "what is decided is not given out");
    let response = soon(holds.next()).await;
    assert_eq!((response.message().kind(), response.principal()), (Kind::Response, ann.principal()));
}

#[tokio::test]
async fn the_same_response_to_another_call_is_another() {
    let holds = holding(Options::new(), Interest::responses());
    let (mut stack, _) = hold_stack(&holds, &[RESULT]);
    let mut digests = Vec::new();
    for sent in [CALL.to_owned(), CALL.replace(":1}", ":2}"), CALL.to_owned()] {
        let call = send(&mut stack, &sent);
        let held = holds.next().await;
        digests.push(held.digest());
        held.resume().unwrap();
        got(call).await;
    }
    assert_eq!((digests[0] == digests[1], digests[0] == digests[2]), (false, true));
}

#[tokio::test]
async fn what_rides_beside_a_message_rides_on_beside_one_that_is_written_anew() {
    let holds = holding(Options::new(), Interest::requests());
    let told = Arc::new(Mutex::new(None));
    let kept = told.clone();
    let mut stack = HoldLayer::new(&holds).layer(tower::service_fn(move |message: JsonRpcMessage| {
        let session = message.context().and_then(|context| context.session_id()).map(str::to_owned);
        *kept.lock().unwrap() = Some((message.extensions().get::<u8>().copied(), session));
        async { Ok::<_, Error>(Reply::one(msg(RESULT))) }
    }));
    let mut sent = msg(CALL).with_context(Arc::new(Context::new(Direction::ToUpstream).session("s")));
    sent.extensions_mut().insert(7_u8);
    let call = tokio::spawn(stack.call(sent));
    holds.next().await.edit(msg(CALL.replace(":1}", ":2}"))).unwrap();
    drop(soon(call).await.unwrap().unwrap());
    assert_eq!(told.lock().unwrap().take(), Some((Some(7), Some("s".to_owned()))));
}

#[tokio::test]
async fn what_is_decided_is_not_offered_any_more() {
    let holds = holding(Options::new(), Interest::requests());
    let (mut stack, _) = hold_stack(&holds, &[RESULT]);
    let call = stack.call(msg(CALL));
    let held = holds.held().pop().unwrap();
    held.resume().unwrap();
    assert!(holds.held().is_empty(), "though nothing has polled the call since");
    assert_eq!((holds.resume_all(), held.resume()), (0, Err(NotDecided::Already)));
    drop(call);
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused_and_the_message_waits_still() {
    let holds = holding(Options::new(), Interest::everything());
    let (mut stack, server) = hold_stack(&holds, &[RESULT]);
    let call = send(&mut stack, CALL);
    let held = holds.next().await;
    assert_eq!(held.answer(msg(NOTE)), Err(NotDecided::Differs));
    assert_eq!(held.answer(Reply::empty()), Err(NotDecided::Differs));
    held.answer(msg(RESULT)).unwrap();
    assert_eq!(got(call).await, [RESULT]);
    let note = send(&mut stack, NOTE);
    let held = holds.next().await;
    assert_eq!(held.answer(msg(RESULT)), Err(NotDecided::Differs), "nobody waits for one");
    held.resume().unwrap();
    got(note).await;
    assert_eq!(server.told(), [NOTE]);
}

#[tokio::test]
async fn the_longest_age_is_one() {
    let holds = holding(Options::new().max_age(Duration::MAX), Interest::requests());
    let (mut stack, _) = hold_stack(&holds, &[RESULT]);
    let call = send(&mut stack, CALL);
    let held = holds.next().await;
    assert!(held.time_left() > Duration::from_secs(1 << 28));
    held.resume().unwrap();
    assert_eq!(got(call).await, [RESULT]);
}

#[tokio::test]
async fn a_condition_that_panics_blocks_or_lets_pass_as_was_chosen() {
    for (options, told) in [(Options::new(), 0), (Options::new().fail_open(), 1)] {
        let holds = Holds::new(options);
        let breakpoint = Breakpoint::new("bad", Interest::requests()).when(|_| panic!("on purpose"));
        holds.set(breakpoint).unwrap();
        let (mut stack, server) = hold_stack(&holds, &[RESULT]);
        let answer = got(send(&mut stack, CALL)).await.concat();
        assert_eq!((server.told().len(), answer.contains(UNCHECKED)), (told, told == 0));
    }
}

/// One that waits tells its client nothing at all.
#[tokio::test]
async fn a_listen_is_held_only_where_it_is_named() {
    let listen = r#"{"jsonrpc":"2.0","id":"a","method":"subscriptions/listen","params":{}}"#;
    let holds = holding(Options::new(), Interest::requests());
    let (mut stack, server) = hold_stack(&holds, &[RESULT]);
    assert_eq!(got(send(&mut stack, listen)).await, [RESULT]);
    holds.set(Breakpoint::new("listens", Interest::requests().method("subscriptions/listen"))).unwrap();
    let call = send(&mut stack, listen);
    let held = holds.next().await;
    assert_eq!((held.breakpoint(), server.told().len()), ("listens", 1));
    held.resume().unwrap();
    got(call).await;
}

#[tokio::test(start_paused = true)]
async fn a_response_or_a_question_that_nobody_decides_about_is_blocked_or_goes_on() {
    let why = "Nobody decided about the message in time";
    let (asked, said) = (only(Direction::ToClient, Kind::Request), &[QUESTION, RESULT][..]);
    for (interest, opens, told, heard) in [
        (Interest::responses(), false, vec![], vec![QUESTION.to_owned(), error("\"a\"", -32603, why)]),
        (Interest::responses(), true, vec![], vec![QUESTION.to_owned(), RESULT.to_owned()]),
        (asked.clone(), false, vec![error("\"q\"", -32603, why)], vec![RESULT.to_owned()]),
        (asked, true, vec![], vec![QUESTION.to_owned(), RESULT.to_owned()]),
    ] {
        let options = Options::new().max_age(Duration::from_secs(5));
        let holds = holding(if opens { options.fail_open() } else { options }, interest);
        let (mut stack, server) = hold_stack(&holds, said);
        assert_eq!(got(send(&mut stack, CALL)).await, heard);
        assert_eq!(server.told()[1..], told);
        assert!(holds.held().is_empty());
    }
}
