//! What each decision of an interceptor does to each kind of message, on its way there and on its way back.

use std::sync::Mutex;
use std::time::Duration;

use shadowcat::layer::intercept::{Action, Block, Chain, Interception, Interest};
use shadowcat::{Code, Direction, Kind, Reply};
use tower::{Service, ServiceExt};

use crate::chain::*;
use crate::support::{msg, text};

#[tokio::test]
async fn each_decision_about_a_request() {
    let about = |decide: fn(&mut Interception) -> Action| deciding(Interest::requests(), decide);
    let nothing = Vec::<String>::new();
    let pass = about(|_| Action::Continue);
    assert_eq!(through(&pass, CALL, &[RESULT]).await, (vec![RESULT.into()], vec![CALL.into()]));
    let modify = about(|seen| with(seen.message(), "/params/arguments/n", "2"));
    let changed = CALL.replace(r#""n":1"#, r#""n":2"#);
    assert_eq!(through(&modify, CALL, &[RESULT]).await, (vec![RESULT.into()], vec![changed]));
    let block = about(|_| Action::block(Code::INVALID_PARAMS, "no"));
    assert_eq!(through(&block, CALL, &[RESULT]).await, (vec![error("\"a\"", -32602, "no")], nothing.clone()));
    let tool_error = about(|_| Action::Block(Block::tool_error("no")));
    assert_eq!(through(&tool_error, CALL, &[RESULT]).await, (vec![TOOL_ERROR.into()], nothing.clone()));
    assert_eq!(through(&tool_error, OTHER, &[]).await, (vec![error("2", -32603, "no")], nothing.clone()));
    let respond = about(|_| Action::Respond(Reply::one(msg(RESULT.replace("\"a\"", "9")))));
    assert_eq!(
        through(&respond, CALL, &[]).await,
        (vec![RESULT.into()], nothing.clone()),
        "under the right id"
    );
    let dropped = about(|_| Action::Drop);
    assert_eq!(through(&dropped, CALL, &[]).await, (vec![error("\"a\"", -32603, DROPPED)], nothing));
}

#[tokio::test]
async fn a_request_can_be_answered_by_several_messages() {
    let chain = deciding(Interest::requests(), |_| {
        Action::Respond(Reply::stream(futures::stream::iter([
            Ok(msg(PROGRESS)),
            Ok(msg(RESULT.replace("\"a\"", "9"))),
        ])))
    });
    assert_eq!(through(&chain, CALL, &[]).await.0, [PROGRESS, RESULT]);
}

#[tokio::test]
async fn each_decision_about_a_notification() {
    let about = |decide: fn(&mut Interception) -> Action| {
        deciding(only(Direction::ToUpstream, Kind::Notification), decide)
    };
    let nothing = Vec::<String>::new();
    assert_eq!(through(&about(|_| Action::Continue), NOTE, &[]).await.1, [NOTE]);
    let modify = about(|seen| with(seen.message(), "/params", r#"{"x":1}"#));
    let changed = NOTE.replacen('{', r#"{"params":{"x":1},"#, 1);
    assert_eq!(through(&modify, NOTE, &[]).await.1, [changed]);
    for gone in [
        about(|_| Action::Drop),
        about(|_| Action::block(Code::INTERNAL_ERROR, "no")),
        about(|_| Action::Respond(Reply::one(msg(RESULT)))),
    ] {
        assert_eq!(through(&gone, NOTE, &[]).await, (nothing.clone(), nothing.clone()));
    }
}

#[tokio::test]
async fn each_decision_about_a_clients_answer() {
    let about = |decide: fn(&mut Interception) -> Action| {
        deciding(only(Direction::ToUpstream, Kind::Response), decide)
    };
    assert_eq!(through(&about(|_| Action::Continue), ANSWER, &[]).await.1, [ANSWER]);
    let modify = about(|seen| with(seen.message(), "/result/roots/-", "1"));
    assert_eq!(through(&modify, ANSWER, &[]).await.1, [ANSWER.replace("[]", "[1]")]);
    let block = about(|_| Action::block(Code::INVALID_PARAMS, "no"));
    assert_eq!(
        through(&block, ANSWER, &[]).await.1,
        [error("\"q\"", -32602, "no")],
        "the server waits for it"
    );
    let respond = about(|_| Action::Respond(Reply::one(msg(RESULT))));
    assert_eq!(through(&respond, ANSWER, &[]).await.1, [RESULT.replace("\"a\"", "\"q\"")]);
    assert_eq!(through(&about(|_| Action::Drop), ANSWER, &[]).await.1, [error("\"q\"", -32603, DROPPED)]);
}

/// As a reply of one message, and as the end of a stream.
#[tokio::test]
async fn each_decision_about_a_response() {
    let about = |decide: fn(&mut Interception) -> Action| deciding(Interest::responses(), decide);
    for before in [&[][..], &[PROGRESS]] {
        let says = [before, &[RESULT]].concat();
        let got = async |chain: &Chain| through(chain, CALL, &says).await.0[before.len()..].concat();
        assert_eq!(got(&about(|_| Action::Continue)).await, RESULT);
        let modify = about(|seen| with(seen.message(), "/result/content/-", "1"));
        assert_eq!(got(&modify).await, RESULT.replace("[]", "[1]"));
        let block = about(|_| Action::block(Code::INVALID_PARAMS, "no"));
        assert_eq!(got(&block).await, error("\"a\"", -32602, "no"));
        assert_eq!(got(&about(|_| Action::Block(Block::tool_error("no")))).await, TOOL_ERROR);
        let respond = about(|_| Action::Respond(Reply::one(msg(ANSWER))));
        assert_eq!(got(&respond).await, ANSWER.replace("\"q\"", "\"a\""));
        assert_eq!(got(&about(|_| Action::Drop)).await, error("\"a\"", -32603, DROPPED));
    }
}

#[tokio::test]
async fn each_decision_about_a_servers_notification() {
    let about = |decide: fn(&mut Interception) -> Action| {
        deciding(only(Direction::ToClient, Kind::Notification), decide)
    };
    let says = &[PROGRESS, RESULT];
    assert_eq!(through(&about(|_| Action::Continue), CALL, says).await.0, [PROGRESS, RESULT]);
    let modify = about(|seen| with(seen.message(), "/params/progress", "2"));
    assert_eq!(
        through(&modify, CALL, says).await.0,
        [&PROGRESS.replace("\"progress\":1", "\"progress\":2"), RESULT]
    );
    for gone in [about(|_| Action::Drop), about(|_| Action::block(Code::INTERNAL_ERROR, "no"))] {
        assert_eq!(through(&gone, CALL, says).await.0, [RESULT]);
    }
}

#[tokio::test]
async fn each_decision_about_a_servers_question() {
    let about =
        |decide: fn(&mut Interception) -> Action| deciding(only(Direction::ToClient, Kind::Request), decide);
    let says = &[QUESTION, RESULT];
    let passed = through(&about(|_| Action::Continue), CALL, says).await;
    assert_eq!(passed, (vec![QUESTION.into(), RESULT.into()], vec![CALL.into()]));
    let block = about(|_| Action::block(Code::METHOD_NOT_FOUND, "no"));
    let blocked = (vec![RESULT.into()], vec![CALL.into(), error("\"q\"", -32601, "no")]);
    assert_eq!(
        through(&block, CALL, says).await,
        blocked,
        "the server has its answer, the client was not asked"
    );
    let respond = about(|_| Action::Respond(Reply::one(msg(ANSWER.replace("\"q\"", "7")))));
    assert_eq!(through(&respond, CALL, says).await, (vec![RESULT.into()], vec![CALL.into(), ANSWER.into()]));
    let dropped = through(&about(|_| Action::Drop), CALL, says).await;
    assert_eq!(dropped, (vec![RESULT.into()], vec![CALL.into(), error("\"q\"", -32603, DROPPED)]));
}

#[tokio::test(start_paused = true)]
async fn a_delayed_message_goes_on_after_its_time() {
    let chain = deciding(Interest::everything(), |_| Action::Delay(Duration::from_secs(3)));
    let began = tokio::time::Instant::now();
    assert_eq!(through(&chain, CALL, &[PROGRESS, RESULT]).await.0, [PROGRESS, RESULT]);
    assert_eq!(began.elapsed(), Duration::from_secs(9), "there, and twice back");
}

#[tokio::test(start_paused = true)]
async fn what_is_held_waits_for_its_decision_beyond_any_budget() {
    let (decide, decided) = tokio::sync::oneshot::channel();
    let decided = Mutex::new(Some(decided));
    let chain = deciding(Interest::requests(), move |_| {
        let decided = decided.lock().unwrap().take().unwrap();
        Action::hold(async { decided.await.unwrap() })
    });
    let (mut stack, server) = stack(&chain, &[RESULT]);
    let call = tokio::spawn(stack.ready().await.unwrap().call(msg(CALL)));
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert!(server.told().is_empty() && !call.is_finished());
    let changed = CALL.replace(r#""n":1"#, r#""n":2"#);
    decide.send(Action::Modify(msg(&changed))).unwrap();
    assert_eq!(call.await.unwrap().unwrap().as_one().map(text).as_deref(), Some(RESULT));
    assert_eq!(server.told(), [changed]);
    assert_eq!(chain.stats("one").map(|stats| (stats.held, stats.modified)), Some((1, 1)));
}

#[tokio::test]
async fn a_held_call_that_is_cancelled_never_reaches_the_server() {
    let chain = deciding(Interest::requests(), |_| Action::hold(std::future::pending()));
    let (mut stack, server) = stack(&chain, &[RESULT]);
    let mut call = stack.ready().await.unwrap().call(msg(CALL));
    assert!(futures::poll!(&mut call).is_pending());
    drop(call);
    assert!(server.told().is_empty());
}

#[tokio::test]
async fn what_is_decided_at_once_keeps_its_order_even_if_nobody_polls() {
    let chain = deciding(Interest::everything(), |_| Action::Continue);
    let (mut stack, server) = stack(&chain, &[RESULT]);
    let calls: Vec<_> = [CALL, OTHER, NOTE].map(|sent| stack.call(msg(sent))).into();
    assert_eq!(server.told(), [CALL, OTHER, NOTE]);
    drop(calls);
}
