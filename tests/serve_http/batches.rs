//! Batches, which only 2025-03-26 has.

use http::StatusCode;
use serde_json::{Value, json};
use shadowcat::serve::http::{Builder, Http};

use crate::front::{
    AGREED, Calls, Events, INITIALIZE, body, get, modern, open, open_as, post, send, sending, sessions,
};
use crate::support::{self, call_text, cancelled, done, msg, note, progress, soon};

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":"q","result":{"roots":[]}}"#;

/// A session of the revision that has batches.
async fn opened(change: impl FnOnce(Builder) -> Builder) -> (Http, Calls, String) {
    let (http, mut calls) = sessions(|http| change(http.batches(4)));
    let old = |text: &str| text.replace("2025-06-18", "2025-03-26");
    let session = open_as(&http, &mut calls, post(None, old(INITIALIZE)), &old(AGREED)).await;
    (http, calls, session)
}

fn batch(messages: &[&str]) -> String {
    format!(" [{}\n] ", messages.join(" ,\n"))
}

async fn refused(http: &Http, session: Option<&str>, text: impl Into<String>) -> (StatusCode, Value) {
    let response = send(http, post(session, text)).await;
    let status = response.status();
    let error: Value = serde_json::from_str(&body(response).await).unwrap();
    assert!(error["id"].is_null(), "{error}");
    (status, error["error"]["code"].clone())
}

#[tokio::test]
async fn a_batch_is_refused_with_a_clear_error_unless_it_is_asked_for() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    for session in [None, Some(&*session)] {
        let response = send(&http, post(session, batch(&[&call_text(1)]))).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST);
        let error = body(response).await;
        assert!(error.contains("-32600") && error.contains("batches are not accepted"), "{error}");
    }
    assert!(calls.is_empty());
}

#[tokio::test]
async fn only_sessions_of_the_revision_that_has_them_take_batches() {
    let (http, mut calls) = sessions(|http| http.batches(4));
    let later = open(&http, &mut calls).await;
    let text = batch(&[&call_text(1)]);
    for session in [None, Some(&*later)] {
        assert_eq!(refused(&http, session, &*text).await, (StatusCode::BAD_REQUEST, json!(-32600)));
    }
    assert_eq!(refused(&http, Some("unknown"), text).await.0, StatusCode::NOT_FOUND);
    assert!(calls.is_empty());
}

#[tokio::test]
async fn each_request_of_a_batch_is_answered_in_one_array() {
    let (http, mut calls, session) = opened(|http| http).await;
    let text = batch(&[&call_text(1), &note("notifications/roots/list_changed"), &call_text(2)]);
    let response = sending(&http, post(Some(&session), text));
    let (_, first) = calls.take("tools/call").await;
    calls.take("notifications/roots/list_changed").await;
    let (_, second) = calls.take("tools/call").await;
    second.finish(msg(done(2)));
    first.finish(msg(done(1)));
    let response = response.await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/json");
    let answers: Vec<Value> = serde_json::from_str(&body(response).await).unwrap();
    let mut ids: Vec<_> = answers.iter().map(|answer| answer["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
    assert!(http.is_idle());
}

#[tokio::test]
async fn what_comes_before_the_answers_makes_it_a_stream() {
    let (http, mut calls, session) = opened(|http| http).await;
    let response = sending(&http, post(Some(&session), batch(&[&call_text(1), &call_text(2)])));
    let ((_, first), (_, second)) = (calls.take("tools/call").await, calls.take("tools/call").await);
    second.finish(msg(done(2)));
    first.send(msg(progress(7, 1))).await.unwrap();
    first.send(msg(QUESTION)).await.unwrap();
    let mut events = Events::of(response.await.unwrap());
    let mut said = [events.data().await, events.data().await, events.data().await];
    said.sort_unstable();
    let mut due = [progress(7, 1), QUESTION.to_owned(), done(2)];
    due.sort_unstable();
    assert_eq!(said, due);
    // Its answer may come in a batch, too.
    let answered = send(&http, post(Some(&session), batch(&[ANSWER]))).await;
    assert_eq!(answered.status(), StatusCode::ACCEPTED);
    assert_eq!(support::text(&calls.next().await.0), ANSWER);
    first.finish(msg(done(1)));
    assert_eq!(events.data().await, done(1));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn a_client_that_takes_json_only_gets_the_array_alone() {
    let (http, mut calls, session) = opened(|http| http).await;
    let mut request = post(Some(&session), batch(&[&call_text(1)]));
    request.headers_mut().insert("accept", "application/json".parse().unwrap());
    let response = sending(&http, request);
    let (_, sender) = calls.take("tools/call").await;
    sender.send(msg(progress(7, 1))).await.unwrap();
    sender.send(msg(QUESTION)).await.unwrap();
    let (refusal, _) = calls.next().await;
    assert!(refusal.error().is_some());
    sender.finish(msg(done(1)));
    assert_eq!(body(response.await.unwrap()).await, format!("[{}]", done(1)));
}

#[tokio::test]
async fn a_batch_that_asks_nothing_is_accepted_without_a_body() {
    let (http, mut calls, session) = opened(|http| http).await;
    let text = batch(&[&note("notifications/initialized"), &note("notifications/roots/list_changed")]);
    let response = send(&http, post(Some(&session), text)).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(body(response).await, "");
    calls.take("notifications/initialized").await;
    calls.take("notifications/roots/list_changed").await;
    let (status, code) = refused(&http, Some(&session), batch(&[ANSWER])).await;
    assert_eq!((status, code), (StatusCode::BAD_REQUEST, json!(-32600)), "nobody asked");
}

#[tokio::test]
async fn a_request_that_its_own_batch_cancels_is_not_answered() {
    let (http, _calls, session) = opened(|http| http).await;
    let response = send(&http, post(Some(&session), batch(&[&call_text(1), &cancelled(1)]))).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert!(http.is_idle());
}

#[tokio::test]
async fn what_finds_no_room_is_answered_in_its_place() {
    let (http, mut calls, session) = opened(|http| http.max_in_flight(1)).await;
    let response =
        sending(&http, post(Some(&session), batch(&[&call_text(1), &call_text(1), &call_text(2)])));
    calls.take("tools/call").await.1.finish(msg(done(1)));
    let answers: Vec<Value> = serde_json::from_str(&body(response.await.unwrap()).await).unwrap();
    let codes: Vec<_> = answers.iter().map(|answer| (&answer["id"], &answer["error"]["code"])).collect();
    let due = [(&json!(null), &json!(-32600)), (&json!(2), &json!(-32603)), (&json!(1), &json!(null))];
    assert_eq!(codes, due);
}

#[tokio::test]
async fn of_a_batch_that_is_not_acceptable_nothing_reaches_the_server() {
    let (http, calls, session) = opened(|http| http).await;
    let (one, two) = (call_text(1), call_text(2));
    let modern = modern(3, "tools/list").into_body();
    for (text, code) in [
        ("[]".to_owned(), -32600),
        (batch(&[&one, "7"]), -32600),
        (batch(&[&one, "[]"]), -32600),
        (batch(&[&one, ANSWER]), -32600),
        (batch(&[&one, INITIALIZE]), -32600),
        (format!("[{one},{two}"), -32700),
        (format!("[{one},]"), -32700),
        (format!("[{one} {two}]"), -32700),
        (format!("[{one}]]"), -32700),
        (format!("[,{one}]"), -32700),
        (format!("[{one}] x"), -32700),
        ("[".to_owned(), -32700),
    ] {
        let response = send(&http, post(Some(&session), &*text)).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{text}");
        let error: Value = serde_json::from_str(&body(response).await).unwrap();
        assert_eq!(error["error"]["code"], code, "{text}");
    }
    let many = batch(&[&one, &two, &call_text(3), &call_text(4), &call_text(5)]);
    assert_eq!(refused(&http, Some(&session), many).await.0, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(send(&http, post(Some(&session), batch(&[&one, &modern]))).await.status(), 400);
    assert!(calls.is_empty());
}

#[tokio::test]
async fn a_client_that_leaves_its_batch_cancels_nothing() {
    let (http, mut calls, session) = opened(|http| http).await;
    let response = sending(&http, post(Some(&session), batch(&[&call_text(1), &call_text(2)])));
    let ((_, first), (_, second)) = (calls.take("tools/call").await, calls.take("tools/call").await);
    first.send(msg(progress(7, 1))).await.unwrap();
    drop(response.await.unwrap());
    assert!(!http.is_idle());
    // Who was asked in vain is told so.
    first.send(msg(QUESTION)).await.unwrap();
    assert!(soon(calls.next()).await.0.error().is_some());
    first.finish(msg(done(1)));
    second.finish(msg(done(2)));
    while !http.is_idle() {
        tokio::task::yield_now().await;
    }
    drop(send(&http, get(&session)).await);
}

#[tokio::test]
async fn what_is_refused_is_told_in_the_words_of_the_answer() {
    let (told, mut heard) = tokio::sync::mpsc::channel(16);
    let (http, mut calls, session) = opened(|http| {
        http.max_in_flight(1).scan(shadowcat::ScanOptions::new().max_bytes(1000)).on_refused(move |refused| {
            told.try_send((String::from_utf8_lossy(refused.bytes).into_owned(), refused.why.to_owned()))
                .unwrap();
        })
    })
    .await;
    let open = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    let large = "x".repeat(2000);
    for (session, text, status) in [
        (Some(&*session), call_text(1), 400),
        (Some(&*session), call_text(2), 503),
        (Some(&*session), ANSWER.to_owned(), 400),
        (Some(&*session), batch(&[&call_text(3), ANSWER]), 400),
        (Some(&*session), large, 413),
        (Some("unknown"), call_text(1), 404),
        (Some("unknown"), batch(&[&call_text(1)]), 404),
        (None, call_text(1), 400),
        (None, "{".to_owned(), 400),
    ] {
        let response = send(&http, post(session, text.clone())).await;
        assert_eq!(response.status(), status, "{text}");
        let answer: Value = serde_json::from_str(&body(response).await).unwrap();
        let (bytes, why) = heard.recv().await.unwrap();
        assert_eq!(bytes, if status == 413 { "" } else { &*text });
        let why = why.strip_prefix(&format!("{status}: ")).unwrap();
        let is_busy = status == 503 && why.contains("in flight");
        assert!(is_busy || answer["error"]["message"].as_str().unwrap().contains(why), "{answer} {why}");
    }
    // A batch in which one is refused.
    let taken = sending(&http, post(Some(&session), batch(&[&call_text(1)])));
    assert_eq!(heard.recv().await.unwrap().0, call_text(1));
    assert!(body(taken.await.unwrap()).await.contains("in use"));
    let gone = send(&http, get("unknown")).await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert_eq!(heard.recv().await.unwrap().1, "404: the session is not known here");
    sender.finish(msg(done(1)));
    assert_eq!(open.await.unwrap().status(), StatusCode::OK);
    assert!(heard.try_recv().is_err());
}
