//! What would make the server deaf is kept from it, and everything else reaches it.

use std::collections::VecDeque;

use serde::Deserialize;
use serde_json::{Value, json};
use shadowcat::JsonRpcMessage;
use shadowcat::message::Kind as MessageKind;

use crate::process::tell;
use crate::process::wassette::{entries, folder};
use crate::session::{INITIALIZE, INITIALIZED, Session};
use crate::world::Kind;

/// A line that was seen to make the real one deaf, or not to.
#[derive(Debug, Deserialize)]
struct Case {
    phase: String,
    about: String,
    line: String,
    deaf: bool,
}

fn cases(phase: &str) -> Vec<Case> {
    let all: Vec<Case> = entries(&folder().join("deaf.jsonl"));
    let of_phase: Vec<_> = all.into_iter().filter(|case| case.phase == phase).collect();
    assert!(!of_phase.is_empty(), "{phase}");
    of_phase
}

/// The ids of the requests in it, each of which is to be answered.
fn due(line: &str) -> Vec<Value> {
    let messages = line.lines().filter_map(|line| JsonRpcMessage::parse(line.to_owned()).ok());
    let requests = messages.filter(|message| message.kind() == MessageKind::Request);
    requests.filter_map(|request| serde_json::from_str(request.id()?.as_str()).ok()).collect()
}

/// Sends the line and then a ping: what is answered to the line's first request. All answers are awaited.
async fn say(session: &mut Session, case: &Case) -> Option<Value> {
    session.client.say(&case.line).await;
    if case.line.contains(r#""initialize""#) && case.phase == "session" {
        session.client.say(INITIALIZED).await; // it opened the session once more
    }
    let pong = session.send("ping", Value::Null).await;
    let (mut awaited, mut answer) = (due(&case.line), None);
    let first = awaited.first().cloned();
    awaited.push(pong.clone());
    while !awaited.is_empty() {
        let heard = session.hear().await;
        let Some(at) = awaited.iter().position(|id| *id == heard["id"]) else { continue };
        let id = awaited.swap_remove(at);
        if id == pong {
            assert_eq!(heard["result"], json!({}), "{case:?}");
        } else if Some(id) == first {
            answer = Some(heard);
        }
    }
    answer
}

/// What 0.2.0 understands it answers itself, but for the lists that always fail there.
fn is_for_the_server(case: &Case) -> bool {
    let fails =
        ["prompts/list", "resources/list"].iter().any(|name| case.line.contains(&format!("\"{name}\"")));
    // rmcp takes this for a notification and never answers.
    let is_no_request = case.line.contains("notifications/");
    !case.deaf && !due(&case.line).is_empty() && !fails && !is_no_request
}

async fn nothing_makes_it_deaf(mut session: Session) {
    session.open().await;
    let (cases, mut answered) = (cases("session"), 0);
    for case in &cases {
        let before = session.server.kept();
        let answer = say(&mut session, case).await;
        session.is_the_first_and_answers().await;
        let kept = session.server.kept().answered > before.answered;
        if is_for_the_server(case) {
            assert!(!kept, "{case:?}: the server answers it, not {answer:?}");
            answered += 1;
        }
        // But for ids: the connector has its own.
        if case.deaf && !due(&case.line).is_empty() && !case.about.starts_with("id: ") {
            assert!(kept, "{case:?}: kept from the server");
            let code = answer.as_ref().map(|answer| &answer["error"]["code"]);
            assert!(code.is_some_and(Value::is_i64), "{case:?}: {answer:?}");
        }
    }
    let (kind, kept) = (session.world.kind, session.server.kept());
    tell(&format!("{} lines on {kind:?}: it answered {answered}, and was spared {kept:?}", cases.len()));
    session.end().await;
}

async fn nothing_before_initialize_ends_it(mut session: Session) {
    for case in cases("initialize").iter().filter(|case| case.deaf) {
        let answer = say(&mut session, case).await;
        assert_eq!(answer.is_none(), due(&case.line).is_empty(), "{case:?}");
    }
    session.open().await;
    session.is_the_first_and_answers().await;
    session.end().await;
}

async fn nothing_between_initialize_and_initialized_ends_it(mut session: Session) {
    session.client.say(INITIALIZE).await;
    assert!(session.hear().await["result"].is_object());
    for case in cases("initialized").iter().filter(|case| case.deaf) {
        let answer = say(&mut session, case).await;
        assert_eq!(answer.is_none(), due(&case.line).is_empty(), "{case:?}");
    }
    session.client.say(INITIALIZED).await;
    session.is_the_first_and_answers().await;
    session.end().await;
}

async fn requests_outside_a_session_are_refused_and_ping_is_answered(mut session: Session) {
    let mut order = VecDeque::from(["initialize", "notifications/initialized"]);
    for opening in [INITIALIZE, INITIALIZED] {
        let error = &session.ask("tools/list", Value::Null).await["error"];
        assert_eq!(error["code"], -32600);
        let first = order.pop_front().unwrap();
        assert_eq!(error["message"], format!("Not initialized: `{first}` comes first"));
        assert_eq!(session.ask("ping", Value::Null).await["result"], json!({}));
        assert_eq!(session.ask("server/discover", json!({})).await["error"]["code"], -32601);
        session.client.say(opening).await;
        if opening == INITIALIZE {
            assert!(session.hear().await["result"].is_object());
        }
    }
    assert_eq!(session.server.kept().answered, 6);
    assert!(session.ask("tools/list", Value::Null).await["result"]["tools"].is_array());
    session.is_the_first_and_answers().await;
    session.end().await;
}

async fn ids_of_every_kind_come_back_as_they_were(mut session: Session) {
    session.open().await;
    let long = format!("\"{}\"", "x".repeat(1000));
    for id in ["9007199254740991", "4294967295", "4294967296", "-1", "0", r#""a""#, r#""9""#, &long] {
        session.client.say(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#)).await;
        let due = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
        assert_eq!(session.client.hear().await.unwrap(), due);
    }
    session.is_the_first_and_answers().await;
    session.end().await;
}

async fn the_lists_that_it_fails_to_give_are_empty(mut session: Session) {
    session.open().await;
    for (method, list) in [("prompts/list", "prompts"), ("resources/list", "resources")] {
        for params in ["", r#","params":{}"#, r#","params":null"#] {
            session.client.say(format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}"{params}}}"#)).await;
            let due = format!(r#"{{"jsonrpc":"2.0","id":7,"result":{{"{list}":[]}}}}"#);
            assert_eq!(session.client.hear().await.unwrap(), due);
        }
    }
    session.is_the_first_and_answers().await;
    session.end().await;
}

async fn a_cancellation_that_it_could_not_read_cancels_and_makes_nobody_deaf(mut session: Session) {
    session.open().await;
    session.load("spin").await;
    for odd in ["5", r#"{"a":1}"#, r#""\ud800""#] {
        let call = session.start_call("spin", json!({})).await;
        let note = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":"#;
        session.client.say(format!(r#"{note}{{"requestId":{call},"reason":{odd}}}}}"#)).await;
        session.is_the_first_and_answers().await;
    }
    session.end().await;
}

crate::on! { scripted, Kind::Scripted("stdio-real-components") =>
    nothing_before_initialize_ends_it,
    nothing_between_initialize_and_initialized_ends_it,
    requests_outside_a_session_are_refused_and_ping_is_answered,
    ids_of_every_kind_come_back_as_they_were,
    the_lists_that_it_fails_to_give_are_empty,
}

crate::on! { fixture, Kind::Fixture =>
    a_cancellation_that_it_could_not_read_cancels_and_makes_nobody_deaf,
    nothing_makes_it_deaf,
    nothing_before_initialize_ends_it,
    nothing_between_initialize_and_initialized_ends_it,
    requests_outside_a_session_are_refused_and_ping_is_answered,
    ids_of_every_kind_come_back_as_they_were,
    the_lists_that_it_fails_to_give_are_empty,
}

crate::on! { real, Kind::Real =>
    nothing_makes_it_deaf,
    nothing_before_initialize_ends_it,
    nothing_between_initialize_and_initialized_ends_it,
    requests_outside_a_session_are_refused_and_ping_is_answered,
    ids_of_every_kind_come_back_as_they_were,
    the_lists_that_it_fails_to_give_are_empty,
}
