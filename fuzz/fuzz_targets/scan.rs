//! What the strict scan accepts, serde_json must accept too, with the same id and method.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use shadowcat::{JsonRpcMessage, ScanOptions};

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
}

fuzz_target!(|bytes: &[u8]| {
    let _ = JsonRpcMessage::parse_with(bytes.to_vec(), &ScanOptions::new().transparent());
    let Ok(message) = JsonRpcMessage::parse_with(bytes.to_vec(), &ScanOptions::new()) else { return };
    if let Err(error) = serde_json::from_slice::<Value>(bytes) {
        // serde_json's own limits, which JSON does not have.
        let limits = ["number out of range", "recursion limit", "surrogate", "unexpected end of hex escape"];
        assert!(limits.iter().any(|limit| error.to_string().contains(limit)), "{error}");
    }
    let members: Members<'_> = serde_json::from_slice(bytes).expect("an accepted message is JSON");
    let id = message.id().map(|id| id.as_str().to_owned()).filter(|id| id != "null");
    assert_eq!(id.as_deref(), members.id.map(RawValue::get));
    let method = members.method.map(|method| serde_json::from_str::<String>(method.get()).expect("a string"));
    if !members.method.is_some_and(|method| method.get().contains('\\')) {
        assert_eq!(message.method().map(str::to_owned), method);
    }
});
