//! The scanner against serde_json: what it accepts means the same to both, and nothing makes it panic.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use shadowcat::{Code, Fault, JsonRpcMessage, Kind, ParseError, ScanOptions};

use crate::generate::{message, mutate, mutation};

/// The members as serde_json finds them. A `null` reads as absent.
#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    method: Option<&'a RawValue>,
    #[serde(borrow)]
    params: Option<&'a RawValue>,
    #[serde(borrow)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

fn scan(bytes: &[u8]) -> Result<JsonRpcMessage, ParseError> {
    JsonRpcMessage::parse_with(bytes.to_vec(), &ScanOptions::new())
}

/// serde_json's own limits, which say nothing about the grammar.
fn is_limit(error: &serde_json::Error) -> bool {
    let text = error.to_string();
    ["number out of range", "recursion limit", "surrogate", "unexpected end of hex escape"]
        .iter()
        .any(|limit| text.contains(limit))
}

fn assert_serde_json_agrees(message: &JsonRpcMessage) {
    let bytes: &[u8] = message.bytes();
    if let Err(error) = serde_json::from_slice::<Value>(bytes) {
        assert!(is_limit(&error), "{error}: {}", String::from_utf8_lossy(bytes));
    }
    let members: Members<'_> = serde_json::from_slice(bytes).expect("an accepted message is JSON");
    let told = |raw: Option<&RawValue>| raw.map(|raw| raw.get().as_bytes().to_vec());
    let not_null = |raw: Option<&[u8]>| raw.filter(|raw| *raw != b"null").map(<[u8]>::to_vec);
    let id = message.id().map(|id| id.as_str().as_bytes());
    assert_eq!(not_null(id), told(members.id));
    assert_eq!(not_null(message.params()), told(members.params));
    assert_eq!(not_null(message.result()), told(members.result));
    assert_eq!(not_null(message.error()), told(members.error));
    assert_eq!(message.method().is_some(), members.method.is_some());
    if let (Some(method), Some(raw)) = (message.method(), members.method) {
        let decoded: String = serde_json::from_str(raw.get()).expect("a method is a string");
        assert!(method == decoded || raw.get().contains('\\'));
    }
    let kind = match (members.method, members.id) {
        (None, _) => Kind::Response,
        (Some(_), None) => Kind::Notification,
        (Some(_), Some(_)) => Kind::Request,
    };
    assert_eq!(message.kind(), kind);
}

proptest! {
    #[test]
    fn generated_messages_pass_and_mean_the_same_to_serde_json(text in message()) {
        let message = scan(text.as_bytes()).map_err(|error| TestCaseError::fail(format!("{error}: {text}")))?;
        assert_serde_json_agrees(&message);
    }

    #[test]
    fn whatever_passes_after_mutation_means_the_same_to_serde_json(
        text in message(),
        mutations in vec(mutation(), 1..4),
    ) {
        let mut bytes = text.into_bytes();
        mutations.iter().for_each(|mutation| mutate(&mut bytes, mutation));
        match scan(&bytes) {
            Ok(message) => assert_serde_json_agrees(&message),
            Err(error) => {
                prop_assert!(error.offset() <= bytes.len());
                // −32700 exactly where serde_json sees no document either.
                let is_json = std::str::from_utf8(&bytes).is_ok()
                    && serde_json::from_slice::<&RawValue>(&bytes).is_ok();
                prop_assert_eq!(error.code() == Code::PARSE_ERROR, !is_json, "{}", error);
            }
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = scan(&bytes);
        let transparent = ScanOptions::new().transparent();
        let _ = JsonRpcMessage::parse_with(bytes, &transparent);
    }

    #[test]
    fn a_cut_message_is_no_json_and_no_longer_answers_another_id(text in message(), at in any::<Index>()) {
        let text = text.trim();
        let whole = scan(text.as_bytes()).unwrap();
        let cut = &text.as_bytes()[..at.index(text.len())];
        let error = scan(cut).unwrap_err();
        prop_assert_eq!(error.code(), Code::PARSE_ERROR);
        if let Some(id) = error.id() {
            let sent = whole.id().map(|id| id.to_owned());
            prop_assert_eq!(Some(id), sent.as_ref());
        }
    }
}

/// What a message with this `id` is refused for.
fn refused(members: &str) -> Option<Fault> {
    scan(format!(r#"{{"jsonrpc":"2.0",{members}}}"#).as_bytes()).err().map(|error| error.fault())
}

#[test]
fn ids_that_two_peers_could_read_differently_are_refused() {
    for id in [
        "1.0",
        "1e2",
        "-0",
        "9007199254740992",
        "-9007199254740992",
        "true",
        "[1]",
        "{}",
        r#""""#,
        r#""a\n""#,
        r#""\u009f""#,
    ] {
        assert!(matches!(refused(&format!(r#""id":{id},"method":"x""#)), Some(Fault::Envelope(_))), "{id}");
    }
    for id in ["0", "-7", "9007199254740991", "-9007199254740991", r#""1""#, r#""\u0031""#, r#""١""#] {
        assert_eq!(refused(&format!(r#""id":{id},"method":"x""#)), None, "{id}");
    }
    assert!(refused(&format!(r#""id":"{}","method":"x""#, "a".repeat(1023))).is_some());
}

#[test]
fn a_request_method_without_an_id_is_refused_and_not_answered() {
    let error = scan(br#"{"jsonrpc":"2.0","method":"tools\/call","params":{"name":"x"}}"#).unwrap_err();
    assert_eq!(error.fault(), Fault::MissingId);
    assert!(!error.is_answerable());
    assert_eq!(refused(r#""method":"notifications/initialized""#), None);
}

#[test]
fn null_and_absent_ids_are_for_errors_only() {
    let error = r#""error":{"code":-32700,"message":"parse"}"#;
    assert_eq!(refused(error), None);
    assert_eq!(refused(&format!("\"id\":null,{error}")), None);
    for rest in [r#""id":null,"method":"x""#, r#""id":null,"result":{}"#, r#""result":{}"#] {
        assert!(matches!(refused(rest), Some(Fault::Envelope(_))), "{rest}");
    }
}

#[test]
fn an_envelope_that_is_no_json_rpc_is_refused() {
    for members in [
        r#""id":1"#,
        r#""id":1,"method":"x","result":1"#,
        r#""id":1,"result":1,"error":{"code":1,"message":""}"#,
        r#""id":1,"method":"""#,
        r#""id":1,"method":7"#,
        r#""id":1,"method":"a\u0000""#,
        r#""id":1,"method":"x","params":[]"#,
        r#""id":1,"method":"x","params":"p""#,
        r#""id":1,"result":{},"params":{}"#,
        r#""id":1,"error":{"code":1.0,"message":""}"#,
        r#""id":1,"error":{"code":"1","message":""}"#,
        r#""id":1,"error":{"code":1,"message":null}"#,
        r#""id":1,"error":[]"#,
    ] {
        assert!(matches!(refused(members), Some(Fault::Envelope(_))), "{members}");
    }
    assert!(refused(&format!(r#""id":1,"method":"{}""#, "m".repeat(257))).is_some());
    assert_eq!(refused(&format!(r#""id":1,"method":"{}","params":null"#, "m".repeat(256))), None);
    assert_eq!(refused(r#""id":1,"error":{"message":"","code":-99999999999999999999}"#), None);
    assert!(scan(br#"{"jsonrpc":"\u0032.0","id":1,"method":"x"}"#).is_ok());
    assert!(scan(br#"{"jsonrpc":2.0,"id":1,"method":"x"}"#).is_err());
}

#[test]
fn keys_that_a_lax_peer_takes_for_envelope_members_are_refused() {
    for key in
        ["Method", "ID", " id", "method ", "result\\u0000", "meth\\u200bod", "paramſ", "ｉｄ", "__proto__"]
    {
        let members = format!(r#""id":1,"method":"x","{key}":"y""#);
        assert_eq!(refused(&members), Some(Fault::ConfusableKey), "{key}");
    }
    assert_eq!(refused(r#""id":1,"method":"x","x-vendor":1,"ids":2,"métho":3"#), None);
    assert_eq!(refused(r#""id":1,"method":"x","m\u0065thod":"y""#), Some(Fault::DuplicateKey));
}

#[test]
fn the_sender_of_a_refused_message_can_be_answered() {
    let error = scan(br#"{"jsonrpc":"2.0","id":"\u0061","method":"x","params":{"a":1,"a":2}}"#).unwrap_err();
    assert_eq!(error.fault(), Fault::DuplicateKey);
    assert_eq!(error.offset(), 60);
    assert_eq!(error.id().unwrap().text().as_deref(), Some("a"));
    assert_eq!(error.code(), Code::INVALID_REQUEST);
    assert!(scan(br#"[{"id":1}]"#).unwrap_err().id().is_none());
    assert!(scan(br#"{"id":1,"id":1}"#).unwrap_err().id().is_none());
}
