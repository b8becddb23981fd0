//! What is stripped is what a slow and simple way would strip: decode all, mask each string and key on its own. Nothing
//! outside of the masked strings changes, and what comes out is a message.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};
use shadowcat::JsonRpcMessage;
use shadowcat::secret::{Detector, Marker, Secrets};

static DETECTOR: LazyLock<Detector> = LazyLock::new(Detector::new);

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = JsonRpcMessage::parse(bytes.to_vec()) else { return };
    let secrets = Secrets::of(&DETECTOR, &message);
    let masked = secrets.masked(&Marker::default(), usize::MAX).expect("what is masked is a message");
    assert_eq!(secrets.is_empty(), masked == message);
    assert_eq!((masked.kind(), masked.id(), masked.method()), (message.kind(), message.id(), message.method()));
    JsonRpcMessage::parse(masked.bytes().clone()).expect("also to a strict scan");
    // Numbers that serde_json cannot hold, and lone surrogates, are read by it in no way at all.
    let (Ok(before), Ok(after)) = (serde_json::from_slice(bytes), serde_json::from_slice(masked.bytes())) else {
        return;
    };
    let (Value::Object(before), Value::Object(after)) = (before, after) else { return };
    // Members that the protocol does not know are looked into as the payload is: servers read them, too.
    assert_eq!(before.len(), after.len(), "no member is lost");
    before.iter().for_each(|(key, value)| match key.as_str() {
        "jsonrpc" | "id" | "method" => assert_eq!(value, &after[key]),
        _ => member(key, value, &after),
    });
});

fn compare(before: &Value, after: &Value) {
    match (before, after) {
        (Value::String(before), Value::String(after)) if before == after => {
            assert!(DETECTOR.find(before).is_empty(), "a secret is left");
        }
        (Value::String(_) | Value::Number(_), Value::String(after)) => assert!(after.contains("[REDACTED:")),
        (Value::Array(before), Value::Array(after)) => {
            assert_eq!(before.len(), after.len());
            before.iter().zip(after).for_each(|(before, after)| compare(before, after));
        }
        (Value::Object(before), Value::Object(after)) => {
            assert_eq!(before.len(), after.len(), "no key is lost");
            before.iter().for_each(|(key, value)| member(key, value, after));
        }
        (before, after) => assert_eq!(before, after),
    }
}

fn member(key: &str, before: &Value, after: &Map<String, Value>) {
    let has_secret = !DETECTOR.find(key).is_empty();
    let Some(after) = after.get(key) else { return assert!(has_secret, "only secrets are masked in keys") };
    assert!(!has_secret, "a secret is left in a key");
    // In its place it is the protocol's; which place that is, the tests say.
    let is_protocols = matches!(key, "requestState" | "cursor" | "nextCursor" | "progressToken" | "data")
        || key.ends_with("subscriptionId");
    if !(is_protocols && before.is_string() && before == after) {
        compare(before, after);
    }
}
