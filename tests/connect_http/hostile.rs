//! The hostile corpus for event streams of a server, against the leaf.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use futures::StreamExt;
use serde_json::Value;
use shadowcat::connect::http::{Options, Transport};
use shadowcat::wire::lines::one_line;
use shadowcat::{Error, JsonRpcMessage, ScanOptions};

use crate::corpus;
use crate::support::*;
use crate::upstream::*;

fn cases(channel: &str) -> Vec<Value> {
    let Some(folder) = corpus::folder() else { return Vec::new() };
    let text = std::fs::read_to_string(folder.join("sse.jsonl")).unwrap();
    let cases = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let cases: Vec<_> = cases.filter(|case| case["channel"] == channel).collect();
    assert!(!cases.is_empty());
    cases
}

fn bytes(text: &Value) -> Vec<u8> {
    BASE64_STANDARD.decode(text.as_str().unwrap()).unwrap()
}

fn options() -> Options {
    Options::new().scan(ScanOptions::new().max_bytes(262_144))
}

fn asks(case: &Value) -> JsonRpcMessage {
    let method = case["pending"][0]["method"].as_str().unwrap();
    let meta = match case["revision"].as_str() {
        Some("2026-07-28") => r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#,
        _ => "",
    };
    msg(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"name":"t"{meta}}}}}"#))
}

/// What the caller sees of an answer to it: messages as they are forwarded, and how it ends.
async fn seen(case: &Value) -> (Vec<Vec<u8>>, Option<Error>) {
    let (mut leaf, mut server) = upstream_with(options());
    let message = asks(case);
    let waiting = begin(&mut leaf, message.clone());
    let mut asked = server.asked().await;
    if asked.body.contains("tools/list") && !message.is_method("tools/list") {
        // The leaf looks up what the call mirrors.
        asked.json(r#"{"jsonrpc":"2.0","id":"shadowcat/tools-0","result":{"tools":[]}}"#);
        asked = server.asked().await;
    }
    assert_eq!(asked.body, text(&message));
    let mut events = asked.events();
    events.raw(bytes(&case["bytes_base64"]));
    drop(events);
    let (mut messages, mut end) = (Vec::new(), None);
    match soon(waiting).await.unwrap() {
        Err(error) => end = Some(error),
        Ok(mut reply) => {
            // The leaf may take the stream up again; there is nothing more.
            server.refuse_all();
            while let Some(item) = soon(reply.next()).await {
                assert!(end.is_none(), "{case}");
                match item {
                    Ok(message) => messages.push(one_line(&message).to_vec()),
                    Err(error) => end = Some(error),
                }
            }
        }
    }
    (messages, end)
}

#[tokio::test(start_paused = true)]
async fn every_stream_of_the_corpus_is_read_as_it_says() {
    for case in cases("sse-upstream") {
        let expect = case["expect"].as_str().unwrap();
        if expect.starts_with("blocked-by-policy") || expect == "stripped" {
            continue; // layers do that
        }
        let (messages, end) = seen(&case).await;
        let wanted: Vec<_> = case["messages_base64"].as_array().unwrap().iter().map(bytes).collect();
        let show = |all: &[Vec<u8>]| {
            all.iter().map(|one| String::from_utf8_lossy(one).into_owned()).collect::<Vec<_>>()
        };
        assert_eq!(show(&messages), show(&wanted), "{}", case["name"]);
        let answered =
            wanted.last().is_some_and(|last| JsonRpcMessage::parse(last.clone()).unwrap().id().is_some());
        assert_eq!(end.is_none(), answered, "{}: {end:?}", case["name"]);
    }
}

#[tokio::test(start_paused = true)]
async fn every_endpoint_of_the_corpus_is_judged_as_it_says() {
    for case in cases("sse-legacy") {
        let (mut leaf, mut server) =
            upstream_at(case["upstream"].as_str().unwrap(), options().transport(Transport::Sse));
        let waiting = begin(&mut leaf, msg(INITIALIZE));
        let mut events = server.get().await.events();
        events.raw(bytes(&case["bytes_base64"]));
        if case["expect"] == "reject" {
            let error = soon(waiting).await.unwrap().unwrap_err();
            assert!(error.is_invalid(), "{}: {error:?}", case["name"]);
            server.hears_nothing().await;
        } else {
            let asked = server.post(INITIALIZE).await;
            assert_eq!(
                (asked.head.uri.host(), asked.head.uri.scheme_str()),
                (Some("upstream.example"), Some("https"))
            );
        }
    }
}
