//! The cases of the hostile corpus that an event stream's decoder and the scanner decide alone.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::Deserialize;
use shadowcat::wire::lines::one_line;
use shadowcat::wire::sse::{Decoder, Limits};
use shadowcat::{JsonRpcMessage, ScanOptions};

/// The size of a message in the profile of the tests, in bytes.
const MAX: usize = 262_144;

/// Cases that wait, and for what.
const WAITING: [(&str, &str); 4] = [
    ("sse-alias", "the connector knows which id is pending"),
    ("sse-list-evil", "policy"),
    ("sse-secret", "stripping"),
    ("sse-server-request-2026", "the connector knows the revision"),
];
/// The same for a whole channel.
const WAITING_CHANNEL: (&str, &str) = ("sse-legacy", "the connector knows where it is connected to");

#[derive(Deserialize)]
struct Case {
    name: String,
    channel: String,
    bytes_base64: String,
    #[serde(default)]
    messages_base64: Vec<String>,
}

fn bytes(base64: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(base64).unwrap()
}

/// What a client would be sent, one line each.
fn messages(input: &[u8], size: usize) -> Vec<Bytes> {
    let (mut decoder, mut messages) = (Decoder::new(Limits::new(MAX)), Vec::new());
    let options = ScanOptions::new().max_bytes(MAX);
    for chunk in input.chunks(size) {
        decoder.push(Bytes::copy_from_slice(chunk));
        while let Ok(Some(event)) = decoder.next_event() {
            if event.is_message()
                && let Ok(message) = JsonRpcMessage::parse_with(event.data, &options)
            {
                messages.push(one_line(&message));
            }
        }
    }
    assert!(decoder.last_event_id().is_none_or(|id| id.len() <= 1024 && !id.contains('\0')));
    messages
}

#[test]
fn each_hostile_stream_gives_the_messages_it_should() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/sse.jsonl");
    let Ok(text) = std::fs::read_to_string(path) else { return }; // not in the published package
    let (mut ran, mut waiting) = (0, 0);
    for line in text.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        if WAITING.iter().any(|(name, _)| *name == case.name) || case.channel == WAITING_CHANNEL.0 {
            waiting += 1;
            continue;
        }
        let input = bytes(&case.bytes_base64);
        let expected: Vec<_> = case.messages_base64.iter().map(|message| bytes(message)).collect();
        for size in [1, 7, usize::MAX] {
            assert_eq!(messages(&input, size), expected, "{} in {size}s", case.name);
        }
        ran += 1;
    }
    eprintln!("{ran} cases, {waiting} waiting");
    assert!(ran >= 30 && waiting <= 16, "{ran} ran, {waiting} wait");
}
