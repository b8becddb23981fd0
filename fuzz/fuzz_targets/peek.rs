//! What a peek reads from a strict message is what serde_json reads; on a transparent one it never panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use shadowcat::protocol::peek;
use shadowcat::{JsonRpcMessage, ScanOptions};

fn read(message: &JsonRpcMessage) {
    let _ = (peek::tool_name(message), peek::prompt_name(message), peek::resource_uri(message));
    let _ = (peek::cursor(message), peek::next_cursor(message), peek::protocol_version(message));
    let _ = (peek::progress_token(message), peek::cancelled_id(message), peek::subscription_id(message));
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(message) = JsonRpcMessage::parse_with(bytes.to_vec(), &ScanOptions::new().transparent()) {
        read(&message);
    }
    let Ok(message) = JsonRpcMessage::parse(bytes.to_vec()) else { return };
    read(&message);
    let Ok(value) = serde_json::from_slice::<Value>(bytes) else { return };
    let params = &value["params"];
    if let Ok(name) = peek::tool_name(&message) {
        let expected = params["name"].as_str().filter(|_| message.is_method("tools/call"));
        assert_eq!(name.as_deref(), expected);
    }
    if let Ok(cursor) = peek::cursor(&message) {
        assert_eq!(cursor.as_deref(), params["cursor"].as_str());
    }
    if let Ok(Some(token)) = peek::progress_token(&message) {
        let meta = if message.result().is_some() { &value["result"]["_meta"] } else { &params["_meta"] };
        let of_progress = message.is_method("notifications/progress");
        let expected = if of_progress { &params["progressToken"] } else { &meta["progressToken"] };
        assert_eq!(token.text().as_deref(), expected.as_str());
        assert_eq!(token.as_i64(), expected.as_i64());
    }
});
