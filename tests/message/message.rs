//! Making messages, their ids, and putting other ids into them.

use std::collections::HashMap;

use proptest::prelude::*;
use shadowcat::{Code, Context, Direction, Fault, JsonRpcMessage, Kind, OwnedId, ScanOptions};

use crate::support::{self, msg, text};

fn id_of(raw: &str) -> OwnedId {
    msg(format!(r#"{{"jsonrpc":"2.0","id":{raw},"method":"x"}}"#)).owned_id().unwrap()
}

#[test]
fn a_request_is_made_of_its_parts() {
    let made = JsonRpcMessage::request(7, "tools/call", r#"{"name":"t"}"#).unwrap();
    assert_eq!(text(&made), r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t"}}"#);
    assert_eq!((made.kind(), made.method()), (Kind::Request, Some("tools/call")));
    assert_eq!(made.params(), Some(&br#"{"name":"t"}"#[..]));
    assert!(made.is_strict() && made.result().is_none() && made.error().is_none());
}

#[test]
fn a_notification_has_no_id_and_nobody_answers_it() {
    let made = JsonRpcMessage::notification("notifications/initialized", "").unwrap();
    assert_eq!(text(&made), r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    assert_eq!(made.kind(), Kind::Notification);
    assert!(made.id().is_none() && made.responder().id().is_none());
    assert!(made.responder().result("{}").unwrap().is_none());
}

#[test]
fn a_request_method_without_an_id_is_no_notification() {
    let error = JsonRpcMessage::notification("tools/call", "{}").unwrap_err();
    assert_eq!(error.fault(), Fault::MissingId);
    assert!(!error.is_answerable());
}

#[test]
fn an_error_response_escapes_its_text_and_may_answer_nobody() {
    let why = "a \"quoted\"\n\\ line\u{0}";
    let made = JsonRpcMessage::error_response(Some(&OwnedId::from("a")), Code(-5), why);
    let error: serde_json::Value = serde_json::from_slice(made.error().unwrap()).unwrap();
    assert_eq!((error["code"].as_i64(), error["message"].as_str()), (Some(-5), Some(why)));
    assert_eq!(msg(text(&made)).error(), made.error());

    let nobodys = JsonRpcMessage::error_response(None, Code::PARSE_ERROR, "what?");
    assert!(nobodys.id().is_none() && !text(&nobodys).contains("\"id\""));
    assert_eq!(nobodys.kind(), Kind::Response);
}

#[test]
fn parts_that_are_no_json_make_no_message() {
    for bad in
        ["1", "[]", "{", "{}}", r#"{},"x":2"#, r#"{},"id":2"#, "}{", "{} {}", "nul", r#"{"a":1,"a":2}"#]
    {
        assert!(JsonRpcMessage::request(1, "x", bad).is_err(), "params {bad}");
        assert!(JsonRpcMessage::notification("x", bad).is_err(), "params {bad}");
    }
    for bad in ["", "{", r#"1,"x":2"#, r#"{},"error":{"code":1,"message":""}"#, "1 2", "}{", "01"] {
        assert!(JsonRpcMessage::response(1, bad).is_err(), "result {bad}");
    }
    assert!(JsonRpcMessage::request(1, "", "").is_err(), "a method has a name");
    assert!(JsonRpcMessage::request("", "x", "").is_err(), "an id is not empty");
    assert!(JsonRpcMessage::request(1 << 53, "x", "").is_err(), "an id that not every peer keeps");
}

#[test]
fn ids_are_equal_by_type_and_decoded_value() {
    assert_eq!(id_of(r#""1""#), id_of(r#""\u0031""#));
    assert_eq!(id_of(r#""\u0031""#), OwnedId::from("1"));
    assert_eq!(id_of("1"), OwnedId::from(1));
    assert_ne!(id_of("1"), id_of(r#""1""#));
    assert_ne!(id_of(r#""a""#), id_of(r#""A""#));
    assert_ne!(id_of(r#""e\u0301""#), id_of(r#""é""#), "no normalisation");

    let mut table = HashMap::new();
    table.insert(id_of(r#""\u0061/b""#), 1);
    assert_eq!(table.get(&id_of(r#""a\/b""#)), Some(&1), "equal ids have equal hashes");
}

#[test]
fn ids_with_other_lone_surrogates_are_other_ids() {
    let id = |raw: &str| {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{raw},"method":"x"}}"#);
        JsonRpcMessage::parse_with(text, &ScanOptions::new().transparent()).unwrap().owned_id().unwrap()
    };
    assert_eq!(id(r#""\ud800""#), id(r#""\ud800""#));
    assert_ne!(id(r#""\ud800""#), id(r#""\ud801""#));
    assert_ne!(id(r#""\ud800""#), id(r#""\ufffd""#));
}

#[test]
fn an_id_stays_as_it_was_written() {
    let message = msg(r#"{"jsonrpc":"2.0","id":"\u0061","method":"x"}"#);
    assert_eq!(message.id().unwrap().as_str(), r#""\u0061""#);
    let answer = message.responder().result("{}").unwrap().unwrap();
    assert_eq!(text(&answer), r#"{"jsonrpc":"2.0","id":"\u0061","result":{}}"#);
}

#[test]
fn another_id_goes_only_where_one_was() {
    let note = msg(r#"{"jsonrpc":"2.0","method":"x"}"#);
    assert_eq!(note.clone().with_id(3), note);
    let nobodys = msg(r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}"#);
    assert_eq!(nobodys.clone().with_id(3), nobodys);
}

#[test]
fn what_rides_beside_a_message_survives_a_change_and_is_never_shared() {
    let context = std::sync::Arc::new(Context::new(Direction::ToUpstream).session("s"));
    let mut first = support::call(1).with_context(context);
    first.extensions_mut().insert(5_u8);
    let mut copy = first.clone();
    copy.extensions_mut().insert(6_u8);
    assert_eq!(first.extensions().get::<u8>(), Some(&5), "a copy's facts are its own");
    for changed in [first.clone().with_id(2), first.edit().method("x").finish().unwrap()] {
        assert_eq!(changed.extensions().get::<u8>(), Some(&5));
        assert_eq!(changed.context().unwrap().session_id(), Some("s"));
    }
}

#[test]
fn debug_output_shows_no_payload() {
    let message = msg(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"key":"s3cret"}}"#);
    assert!(!format!("{message:?} {:?}", shadowcat::Reply::one(message.clone())).contains("s3cret"));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "\\PC{0,12}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            object(inner).prop_map(serde_json::Value::from),
        ]
    })
}

fn object(
    values: impl Strategy<Value = serde_json::Value>,
) -> impl Strategy<Value = serde_json::Map<String, serde_json::Value>> {
    prop::collection::btree_map("[a-z\"\\\\é ]{0,6}", values, 0..4)
        .prop_map(|map| map.into_iter().map(|(key, value)| (format!("k{key}"), value)).collect())
}

fn id() -> impl Strategy<Value = OwnedId> {
    const MAX: i64 = (1 << 53) - 1;
    prop_oneof![
        (-MAX..=MAX).prop_map(OwnedId::from),
        "[ -~é\u{1F600}]{1,20}".prop_map(|id| OwnedId::from(&*id))
    ]
}

proptest! {
    #[test]
    fn a_message_that_was_built_scans_to_the_parts_it_was_built_from(
        id in id(), method in "[a-z/\"\\\\é]{1,20}", params in object(json()), result in json(),
    ) {
        let params = serde_json::Value::from(params).to_string();
        let request = JsonRpcMessage::request(id.clone(), &format!("x{method}"), &params).unwrap();
        let again = JsonRpcMessage::parse(request.bytes().clone()).unwrap();
        prop_assert_eq!(again.owned_id(), Some(id.clone()));
        prop_assert_eq!(again.method(), Some(&*format!("x{method}")));
        prop_assert_eq!(again.params(), Some(params.as_bytes()));

        let result = result.to_string();
        let response = JsonRpcMessage::response(id.clone(), &result).unwrap();
        prop_assert_eq!(response.owned_id(), Some(id));
        prop_assert_eq!(response.result(), Some(result.as_bytes()));
        let whole: serde_json::Value = serde_json::from_slice(response.bytes()).unwrap();
        prop_assert_eq!(whole["result"].to_string(), result);
    }

    #[test]
    fn another_id_reads_like_a_fresh_parse_of_the_same_bytes(
        old in id(), new in id(), params in object(json()), space in "[ \t\r\n]{0,3}", shape in 0..5_u8,
    ) {
        let params = serde_json::Value::from(params);
        let meta = format!(r#"{{"_meta":{{"k":1}},"p":{params}}}"#);
        let s = &space;
        let parsed = match shape {
            0 => format!(r#"{{{s}"jsonrpc":"2.0",{s}"id"{s}:{s}{old}{s},"method":"m\u0061","params":{s}{meta}}}"#),
            1 => format!(r#"{{"method":"m","params":{params},"jsonrpc":"2.0"{s},{s}"id":{old}{s}}}"#),
            2 => format!(r#"{{"result":{meta},"id"{s}:{old},"jsonrpc":"2.0"}}"#),
            3 => format!(r#"{{"id":{old},"jsonrpc":"2.0","result":{params}{s}}}"#),
            _ => format!(r#"{{"error":{{"code":1,"message":"m"}},"id":{s}{old},"jsonrpc":"2.0"}}"#),
        };
        let message = msg(parsed).with_id(new.clone());
        let fresh = msg(text(&message));
        prop_assert_eq!(message.owned_id(), Some(new));
        prop_assert_eq!(message.id(), fresh.id());
        prop_assert_eq!(message.id().unwrap().as_str(), fresh.id().unwrap().as_str());
        prop_assert_eq!(message.kind(), fresh.kind());
        prop_assert_eq!(message.method(), fresh.method());
        prop_assert_eq!(message.params(), fresh.params());
        prop_assert_eq!(message.result(), fresh.result());
        prop_assert_eq!(message.error(), fresh.error());
        prop_assert_eq!(message.meta(), fresh.meta());
        prop_assert_eq!(message.has_line_break(), fresh.has_line_break());
        prop_assert_eq!(message.is_strict(), fresh.is_strict());
    }
}
