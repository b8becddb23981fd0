//! An edit changes what it says and nothing else, and what comes out is a message; another id reads like a
//! fresh parse.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shadowcat::{JsonRpcMessage, Kind};

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = JsonRpcMessage::parse(bytes.to_vec()) else { return };
    if let Ok(edited) = message.clone().edit().meta("fuzz", "[1]").finish() {
        assert_eq!(
            (edited.kind(), edited.id(), edited.method()),
            (message.kind(), message.id(), message.method())
        );
        let meta: Result<Value, _> = serde_json::from_slice(edited.meta().expect("it was set"));
        assert!(meta.is_err() || meta.is_ok_and(|meta| meta["fuzz"][0] == 1));
        let removed = edited.edit().remove_meta("fuzz").finish().expect("what was set can be removed");
        // `null` in its place has given way to `{}`.
        let least = message.bytes().len() - ("null".len() - "{}".len());
        assert!(removed.bytes().len() >= least || message.meta().is_some());
    }
    // Bytes of unknown shape as a value: refused, or the value and nothing more.
    let edit = message.clone().edit();
    let edit = if message.kind() == Kind::Response { edit.result(bytes) } else { edit.params(bytes) };
    if let Ok(edited) = edit.finish() {
        let payload = edited.result().or(edited.params()).expect("it was set");
        assert_eq!(payload, bytes.trim_ascii());
    }
    let renamed = message.clone().with_id("fuzz");
    let fresh = JsonRpcMessage::parse(renamed.bytes().clone()).expect("a message with another id is one");
    assert_eq!((renamed.id(), renamed.method()), (fresh.id(), fresh.method()));
    assert_eq!((renamed.params(), renamed.result()), (fresh.params(), fresh.result()));
    assert_eq!((renamed.error(), renamed.meta()), (fresh.error(), fresh.meta()));
});
