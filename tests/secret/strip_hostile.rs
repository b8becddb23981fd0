//! The corpus's secrets and look-alikes through the layer, in this process.
//!
//! The folder is `tests/hostile/`, or the one that the environment variable `SHADOWCAT_HOSTILE` names.

use std::sync::{Arc, Mutex};

use shadowcat::layer::StripTokensLayer;
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::{Layer, Service, ServiceExt, service_fn};

use crate::corpus::{Case, cases, folder};
use crate::support;

/// What comes out on the other side.
async fn through(case: &Case) -> Vec<u8> {
    let message = JsonRpcMessage::parse(case.bytes().trim_ascii_end().to_vec()).unwrap();
    let said = message.clone();
    let received = Arc::new(Mutex::new(None));
    let heard = received.clone();
    let server = service_fn(move |message: JsonRpcMessage| {
        *heard.lock().unwrap() = Some(message);
        let said = said.clone();
        async move { Ok::<_, Error>(Reply::stream(futures::stream::iter([Ok(said)]))) }
    });
    let from_client = case.channel.starts_with("stdio") || case.channel.starts_with("http");
    let (layer, sent) = match from_client {
        true => (StripTokensLayer::requests(), message),
        false => (StripTokensLayer::replies(), support::call(1)),
    };
    let reply = layer.layer(server).ready().await.unwrap().call(sent).await.unwrap();
    match from_client {
        true => received.lock().unwrap().take().unwrap().bytes().to_vec(),
        false => reply.collect(usize::MAX).await.unwrap()[0].bytes().to_vec(),
    }
}

/// Whether none of the secrets is there, in the bytes or in what a reader makes of them.
fn is_clean(case: &Case, out: &[u8]) -> bool {
    let value: serde_json::Value = serde_json::from_slice(out).unwrap();
    let mut strings = Vec::new();
    collect(&value, &mut strings);
    JsonRpcMessage::parse(out.to_vec()).unwrap();
    let has = |text: &[u8], secret: &[u8]| text.windows(secret.len()).any(|window| window == secret);
    case.forbidden()
        .iter()
        .all(|secret| !has(out, secret) && strings.iter().all(|string| !has(string.as_bytes(), secret)))
}

fn collect(value: &serde_json::Value, strings: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => strings.push(text.clone()),
        serde_json::Value::Array(values) => values.iter().for_each(|value| collect(value, strings)),
        serde_json::Value::Object(members) => members.iter().for_each(|(key, value)| {
            strings.push(key.clone());
            collect(value, strings);
        }),
        _ => {}
    }
}

#[tokio::test]
async fn no_secret_of_the_corpus_passes() {
    let Some(folder) = folder() else { return };
    let (mut should, mut missed) = (0, Vec::new());
    for case in cases(&folder, "strip").iter().filter(|case| case.expect == "stripped") {
        assert!(!case.forbidden().is_empty(), "{}: nothing to look for", case.name);
        let is_clean = is_clean(case, &through(case).await);
        match case.is_should() {
            true => {
                should += 1;
                missed.extend((!is_clean).then(|| case.name.clone()));
            }
            false => assert!(is_clean, "{}: {}", case.name, String::from_utf8_lossy(&case.bytes())),
        }
    }
    assert!(missed.len() * 5 <= should, "of {should}: {missed:?}");
    eprintln!("of {should} that should be found {} were not: {missed:?}", missed.len());
}

#[tokio::test]
async fn no_look_alike_of_the_corpus_changes() {
    let Some(folder) = folder() else { return };
    let mut count = 0;
    for case in cases(&folder, "benign") {
        let sent = case.bytes();
        let out = through(&case).await;
        assert_eq!(
            String::from_utf8_lossy(&out),
            String::from_utf8_lossy(sent.trim_ascii_end()),
            "{}",
            case.name
        );
        count += 1;
    }
    assert!(count > 0);
}
