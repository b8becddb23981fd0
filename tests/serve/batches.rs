//! Batches on a pipe, which only 2025-03-26 has.

use std::time::Duration;

use serde_json::Value;
use shadowcat::{Error, JsonRpcMessage, ReplySender, serve};
use tokio::sync::mpsc::Receiver;
use tokio::task::JoinHandle;

use crate::support::{Peer, by_hand, call_text, cancelled, done, msg, note, peer, progress};

type Calls = Receiver<(JsonRpcMessage, ReplySender)>;

/// A session in which a revision was agreed on.
struct Opened {
    client: Peer,
    calls: Calls,
    served: JoinHandle<Result<(), Error>>,
    _listen: ReplySender,
}

async fn opened_as(version: &str, batches: usize, max_in_flight: usize) -> Opened {
    let (stack, mut calls) = by_hand();
    let (mut client, read, write) = peer(1 << 20);
    let front = serve::stdio(stack).batches(batches).max_in_flight(max_in_flight);
    let served = tokio::spawn(front.drain(Duration::from_secs(1)).run_on(read, write));
    let (_, listen) = take(&mut calls, "subscriptions/listen").await;
    let params = format!(r#"{{"protocolVersion":"{version}","capabilities":{{}}}}"#);
    client.say(JsonRpcMessage::request(0, "initialize", &*params).unwrap().bytes()).await;
    let (_, sender) = take(&mut calls, "initialize").await;
    sender.finish(JsonRpcMessage::response(0, format!(r#"{{"protocolVersion":"{version}"}}"#)).unwrap());
    client.hear().await.unwrap();
    Opened { client, calls, served, _listen: listen }
}

async fn opened() -> Opened {
    opened_as("2025-03-26", 4, 1024).await
}

async fn take(calls: &mut Calls, method: &str) -> (JsonRpcMessage, ReplySender) {
    let (message, sender) = calls.recv().await.unwrap();
    assert_eq!(message.method(), Some(method));
    (message, sender)
}

fn batch(messages: &[&str]) -> String {
    format!(" [{} ]", messages.join(" , "))
}

async fn refusal(client: &mut Peer) -> (Value, String) {
    let error: Value = serde_json::from_str(&client.hear().await.unwrap()).unwrap();
    assert!(error["id"].is_null(), "{error}");
    (error["error"]["code"].clone(), error["error"]["message"].to_string())
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_refused_unless_it_is_asked_for_and_its_revision_agreed_on() {
    let text = batch(&[&call_text(1)]);
    let Opened { client, calls, .. } = &mut opened_as("2025-03-26", 0, 1024).await;
    client.say(text.clone()).await;
    assert_eq!(refusal(client).await.0, -32600);
    assert!(calls.try_recv().is_err());

    let Opened { client, calls, .. } = &mut opened_as("2025-06-18", 4, 1024).await;
    client.say(text).await;
    assert_eq!(refusal(client).await.0, -32600);
    assert!(calls.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn the_requests_of_a_batch_are_answered_in_one_array_when_the_last_is() {
    let Opened { client, calls, .. } = &mut opened().await;
    client.say(batch(&[&call_text(1), &note("notifications/roots/list_changed"), &call_text(2)])).await;
    let (_, first) = take(calls, "tools/call").await;
    take(calls, "notifications/roots/list_changed").await;
    let (_, second) = take(calls, "tools/call").await;
    second.finish(msg(done(2)));
    first.try_send(msg(progress(1, 1))).unwrap();
    assert_eq!(client.hear().await.unwrap(), progress(1, 1), "what is no answer does not wait");
    client.hears_nothing().await;
    client.say(call_text(3)).await;
    let (_, third) = take(calls, "tools/call").await;
    third.finish(msg(done(3)));
    assert_eq!(client.hear().await.unwrap(), done(3), "another call is none of the batch's");
    first.finish(msg(done(1)));
    assert_eq!(client.hear().await.unwrap(), format!("[{},{}]", done(2), done(1)));
}

#[tokio::test(start_paused = true)]
async fn a_batch_without_requests_is_not_answered() {
    let Opened { client, calls, .. } = &mut opened().await;
    client.say(batch(&[&note("notifications/initialized"), &note("notifications/roots/list_changed")])).await;
    take(calls, "notifications/initialized").await;
    take(calls, "notifications/roots/list_changed").await;
    client.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_request_of_a_batch_is_not_waited_for() {
    let Opened { client, calls, .. } = &mut opened().await;
    client.say(batch(&[&call_text(1), &call_text(2)])).await;
    let (_, first) = take(calls, "tools/call").await;
    let (_, _second) = take(calls, "tools/call").await;
    first.finish(msg(done(1)));
    client.say(cancelled(2)).await;
    assert_eq!(client.hear().await.unwrap(), format!("[{}]", done(1)));

    client.say(batch(&[&call_text(1)])).await;
    let (_, _sender) = take(calls, "tools/call").await;
    client.say(cancelled(1)).await;
    client.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_of_a_batch_goes_on_that_is_wrong_in_one_place() {
    let Opened { client, calls, .. } = &mut opened().await;
    let initialize = r#"{"jsonrpc":"2.0","id":9,"method":"initialize"}"#;
    let one = call_text(1);
    let five = [&*one; 5];
    for (text, code) in [
        (batch(&[]), -32600),
        (batch(&[&call_text(1), "1"]), -32600),
        (batch(&[&call_text(1), r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"x"}"#]), -32600),
        (batch(&[&call_text(1), &done(2)]), -32600),
        (batch(&[&call_text(1), initialize]), -32600),
        (batch(&five), -32600),
        (format!("[{}", call_text(1)), -32700),
    ] {
        client.say(text.clone()).await;
        assert_eq!(refusal(client).await.0, code, "{text}");
        assert!(calls.try_recv().is_err(), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_requests_with_one_id_the_second_is_refused() {
    let Opened { client, calls, .. } = &mut opened().await;
    client.say(batch(&[&call_text(1), &call_text(1)])).await;
    let (_, sender) = take(calls, "tools/call").await;
    assert!(refusal(client).await.1.contains("in use"));
    sender.finish(msg(done(1)));
    assert_eq!(client.hear().await.unwrap(), format!("[{}]", done(1)));
}

#[tokio::test(start_paused = true)]
async fn what_fails_or_is_refused_is_an_answer_in_the_array() {
    let Opened { client, calls, .. } = &mut opened_as("2025-03-26", 4, 1).await;
    client.say(batch(&[&call_text(1), &call_text(2)])).await;
    let (_, sender) = take(calls, "tools/call").await;
    drop(sender);
    let answers: Vec<Value> = serde_json::from_str(&client.hear().await.unwrap()).unwrap();
    assert_eq!(answers.len(), 2);
    assert!(answers.iter().all(|answer| answer["error"]["code"].is_i64()), "{answers:?}");
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_is_told_when_the_session_ends() {
    let Opened { mut client, mut calls, served, _listen } = opened().await;
    client.say(batch(&[&call_text(1), &call_text(2)])).await;
    let (_, first) = take(&mut calls, "tools/call").await;
    let (_, _never) = take(&mut calls, "tools/call").await;
    first.finish(msg(done(1)));
    client.close().await;
    assert_eq!(client.hear().await.unwrap(), format!("[{}]", done(1)));
    served.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_told_in_the_words_of_the_answer() {
    let (stack, mut calls) = by_hand();
    let (mut client, read, write) = peer(1 << 20);
    let (told, mut heard) = tokio::sync::mpsc::channel(16);
    let front = serve::stdio(stack).batches(1).max_in_flight(1).on_refused(move |refused| {
        told.try_send((String::from_utf8_lossy(refused.bytes).into_owned(), refused.why.to_owned())).unwrap();
    });
    let _served = tokio::spawn(front.run_on(read, write));
    let (_, _listen) = take(&mut calls, "subscriptions/listen").await;
    let params = r#"{"protocolVersion":"2025-03-26","capabilities":{}}"#;
    client.say(JsonRpcMessage::request(0, "initialize", params).unwrap().bytes()).await;
    let (_, sender) = take(&mut calls, "initialize").await;
    sender.finish(JsonRpcMessage::response(0, r#"{"protocolVersion":"2025-03-26"}"#).unwrap());
    client.hear().await.unwrap();
    client.say(call_text(1)).await;
    let (_, _open) = take(&mut calls, "tools/call").await;
    for text in [call_text(1), call_text(2), done(9), batch(&[&done(9), &done(8)]), "{".to_owned()] {
        client.say(text.clone()).await;
        let answer: Value = serde_json::from_str(&client.hear().await.unwrap()).unwrap();
        let (bytes, why) = heard.recv().await.unwrap();
        assert_eq!(bytes, text);
        let is_busy = answer["error"]["data"]["shadowcat"]["kind"] == "busy" && why.contains("in flight");
        assert!(is_busy || answer["error"]["message"].as_str().unwrap().contains(&why), "{answer} {why}");
    }
    assert!(heard.try_recv().is_err());
}
