//! Changing parts of a message: what changes, what stays, and what is refused.

use proptest::prelude::*;
use shadowcat::{Edit, JsonRpcMessage, ParseError, ScanOptions};

use crate::support::{msg, text};

fn edited(before: &str, edit: impl FnOnce(Edit) -> Edit) -> String {
    text(&edit(msg(before).edit()).finish().unwrap_or_else(|error| panic!("{before}: {error}")))
}

fn refused(before: &str, edit: impl FnOnce(Edit) -> Edit) -> ParseError {
    edit(msg(before).edit()).finish().expect_err(before)
}

const CALL: &str = r#"{ "jsonrpc":"2.0", "id" : 1 ,"method":"a", "params" : {"x": 1 } }"#;
const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping" }"#;
const NOTE: &str = r#"{"jsonrpc":"2.0","method":"n","params":{}}"#;
const OK: &str = r#"{"jsonrpc":"2.0","id":1, "res\u0075lt" : [1] }"#;
const ERR: &str = r#"{"jsonrpc":"2.0","error" :{"code":1,"message":"m"},"id":1}"#;

#[test]
fn each_part_is_replaced_where_it_stands() {
    assert_eq!(edited(CALL, |e| e.id("z")), CALL.replace(" 1 ,", " \"z\" ,"));
    assert_eq!(edited(CALL, |e| e.method("b\"")), CALL.replace("\"a\"", r#""b\"""#));
    assert_eq!(edited(CALL, |e| e.params("{ }")), CALL.replace(r#"{"x": 1 }"#, "{ }"));
    assert_eq!(edited(OK, |e| e.result("null")), OK.replace("[1]", "null"));
    let other = r#"{"code":2,"message":""}"#;
    assert_eq!(edited(ERR, |e| e.error(other)), ERR.replace(r#"{"code":1,"message":"m"}"#, other));
    assert_eq!(edited(CALL, |e| e), CALL);
}

#[test]
fn several_changes_are_one_edit() {
    let all = edited(PING, |e| e.meta("k", "1").params(r#"{"p":2}"#).method("m").id(2).meta("l", "[3]"));
    assert_eq!(
        all, r#"{"jsonrpc":"2.0","id":2,"method":"m" ,"params":{"_meta":{"l":[3],"k":1},"p":2}}"#,
        "whatever the order of the calls, `_meta` goes into the new params"
    );
}

#[test]
fn a_result_and_an_error_take_each_others_place() {
    let error = r#"{"code":5,"message":"no"}"#;
    assert_eq!(edited(OK, |e| e.error(error)), format!(r#"{{"jsonrpc":"2.0","id":1, "error":{error} }}"#));
    assert_eq!(edited(ERR, |e| e.result("7")), r#"{"jsonrpc":"2.0","result":7,"id":1}"#);
}

#[test]
fn params_are_added_where_there_were_none() {
    assert_eq!(edited(PING, |e| e.params("{}")), r#"{"jsonrpc":"2.0","id":1,"method":"ping" ,"params":{}}"#);
}

#[test]
fn a_member_of_meta_is_made_with_all_that_is_missing_around_it() {
    let with = |params: &str| format!(r#"{{"jsonrpc":"2.0","id":1,"method":"a"{params}}}"#);
    for (before, after) in [
        ("", r#","params":{"_meta":{"k":1}}"#),
        (r#","params":null"#, r#","params":{"_meta":{"k":1}}"#),
        (r#","params":{}"#, r#","params":{"_meta":{"k":1}}"#),
        (r#","params":{ }"#, r#","params":{"_meta":{"k":1} }"#),
        (r#","params":{"x":2}"#, r#","params":{"_meta":{"k":1},"x":2}"#),
        (r#","params":{"x":2,"_meta" : null }"#, r#","params":{"x":2,"_meta" : {"k":1} }"#),
        (r#","params":{"_meta":{}}"#, r#","params":{"_meta":{"k":1}}"#),
        (r#","params":{"_meta": { } }"#, r#","params":{"_meta": {"k":1 } }"#),
        (r#","params":{"x":2,"_meta":{"y":3}}"#, r#","params":{"x":2,"_meta":{"k":1,"y":3}}"#),
        (r#","params":{"_meta":{"k":9}}"#, r#","params":{"_meta":{"k":1}}"#),
        (
            r#","params":{"_meta":{"a":0, "\u006b" : [9] ,"z":0}}"#,
            r#","params":{"_meta":{"a":0, "\u006b" : 1 ,"z":0}}"#,
        ),
    ] {
        assert_eq!(edited(&with(before), |e| e.meta("k", "1")), with(after), "{before}");
    }
    let result = r#"{"jsonrpc":"2.0","id":1,"result":{"x":1}}"#;
    assert_eq!(edited(result, |e| e.meta("k", "1")), result.replace("{\"x", r#"{"_meta":{"k":1},"x"#));
    assert_eq!(edited(NOTE, |e| e.meta("k", "1")), NOTE.replace("{}", r#"{"_meta":{"k":1}}"#));
}

#[test]
fn a_member_of_meta_goes_with_one_comma() {
    let with =
        |meta: &str| format!(r#"{{"jsonrpc":"2.0","method":"n","params":{{"_meta":{{{meta}}},"x":1}}}}"#);
    for (before, after) in [
        (r#""k":1"#, ""),
        (r#" "k" : 1 "#, "  "),
        (r#""k":1,"b":2"#, r#""b":2"#),
        (r#""a":0,"k":1"#, r#""a":0"#),
        (r#""a":0,"k":{"k":[1,2]},"b":2"#, r#""a":0,"b":2"#),
        (r#""a":0 , "\u006b":",\"k\":" , "b":2"#, r#""a":0 , "b":2"#),
        (r#""a":0"#, r#""a":0"#),
    ] {
        assert_eq!(edited(&with(before), |e| e.remove_meta("k")), with(after), "{before}");
    }
    assert_eq!(edited(PING, |e| e.remove_meta("k")), PING, "nothing to remove");
    let twice = with(r#""a":0,"k":1,"b":2"#);
    assert_eq!(edited(&twice, |e| e.remove_meta("a").remove_meta("b").remove_meta("k")), with(""));
}

#[test]
fn what_a_message_cannot_have_is_refused() {
    refused(NOTE, |e| e.id(1));
    refused(NOTE, |e| e.result("1"));
    refused(CALL, |e| e.error(r#"{"code":1,"message":""}"#));
    refused(OK, |e| e.method("m"));
    refused(OK, |e| e.params("{}"));
    refused(OK, |e| e.meta("k", "1"));
    refused(&CALL.replace("\"x\"", "\"_meta\""), |e| e.meta("k", "1"));
    refused(ERR, |e| e.meta("k", "1"));
    refused(r#"{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}"#, |e| e.result("1"));
    refused(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"}}"#, |e| e.id(1));
    refused(NOTE, |e| e.method("tools/call"));
}

#[test]
fn a_value_that_would_break_out_of_its_place_is_refused() {
    for bad in
        ["", " ", "1,\"x\":2", "}{", "{}}", "{},\"id\":9", "1 2", "nul", "\"", "{\"a\":1,}", "\u{a0}1", "NaN"]
    {
        refused(CALL, |e| e.params(bad));
        refused(CALL, |e| e.meta("k", bad));
        refused(OK, |e| e.result(bad));
        refused(ERR, |e| e.error(bad));
        refused(ERR, |e| e.result(bad));
    }
    refused(CALL, |e| e.params("[]"));
    refused(CALL, |e| e.meta("k", [0xff]));
    refused(CALL, |e| e.meta("k", r#"{"a":1,"a":2}"#));
    refused(CALL, |e| e.meta("k", r#""\ud800" "#.trim()).method(""));
    refused(ERR, |e| e.error(r#"{"code":"1","message":""}"#));
    refused(CALL, |e| e.meta("k", "[".repeat(200) + &"]".repeat(200)));
}

#[test]
fn a_key_of_meta_is_text_and_nothing_else() {
    let hostile = r#"k":1,"x"#;
    let after = msg(edited(CALL, |e| e.meta(hostile, "2")));
    let meta: serde_json::Value = serde_json::from_slice(after.meta().unwrap()).unwrap();
    assert_eq!(meta, serde_json::json!({ hostile: 2 }));
    assert_eq!(edited(&text(&after), |e| e.remove_meta(hostile)), CALL.replace("{\"x", "{\"_meta\":{},\"x"));
}

#[test]
fn an_edit_of_a_transparent_message_stays_transparent() {
    let odd = r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":1,"x":2}}"#;
    let odd = JsonRpcMessage::parse_with(odd, &ScanOptions::new().transparent()).unwrap();
    let after = odd.edit().method("b").finish().unwrap();
    assert!(!after.is_strict() && after.method() == Some("b"));
}

#[test]
fn a_member_that_stands_twice_is_not_changed_for_some_readers_only() {
    for params in
        [r#"{"_meta":{"k":1,"k":2}}"#, r#"{"_meta":{"k":1},"_meta":{}}"#, r#"{"_meta":{"k":1},"_meta":null}"#]
    {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{params}}}"#);
        let odd = JsonRpcMessage::parse_with(text, &ScanOptions::new().transparent()).unwrap();
        assert!(odd.clone().edit().meta("k", "3").finish().is_err(), "{params}");
        assert!(odd.edit().remove_meta("k").finish().is_err(), "{params}");
    }
}

/// A message with `_meta` in all the places, and with room between its tokens.
fn message() -> impl Strategy<Value = String> {
    let member = ("[a-d]{1,2}", prop_oneof![Just("1"), Just("\"},{\""), Just("{ \"k\":[ ]}"), Just("null")]);
    let members = prop::collection::btree_map(member.0, member.1, 0..4)
        .prop_map(|map| map.iter().map(|(key, value)| format!("\"{key}\" :{value}")).collect::<Vec<_>>());
    let meta = prop::option::of(members.clone());
    (members, meta, any::<bool>(), 0..4_usize, "[ \t\r\n]{0,2}").prop_map(|(mut all, meta, result, at, s)| {
        if let Some(meta) = meta {
            let meta = format!("\"_meta\"{s}:{s}{{{s}{}{s}}}", meta.join(&format!("{s},")));
            all.insert(at.min(all.len()), meta);
        }
        let payload = format!("{{{s}{}{s}}}", all.join(&format!(",{s}")));
        let end = if result {
            format!("\"result\":{payload}")
        } else {
            format!("\"method\":\"m\",\"params\":{payload}")
        };
        format!("{s}{{{s}\"jsonrpc\":\"2.0\",\"id\"{s}:7,{end}{s}}}{s}")
    })
}

/// How many bytes two texts share at their beginning, and at their end.
fn shared(a: &[u8], b: &[u8]) -> (usize, usize) {
    let front = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let back = a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
    (front, back)
}

fn value(message: &str) -> serde_json::Value {
    serde_json::from_str(message).unwrap()
}

proptest! {
    #[test]
    fn setting_and_removing_meta_means_the_same_to_serde_json(
        before in message(), key in "[a-d]{1,2}", set in prop::option::of(prop_oneof![Just("5"), Just("{\"n\":[]}")]),
    ) {
        let edit = msg(&before).edit();
        let after = match set { Some(json) => edit.meta(&key, json), None => edit.remove_meta(&key) }.finish().unwrap();
        let after = text(&after);

        let mut expected = value(&before);
        let payload = if expected.get("result").is_some() { "result" } else { "params" };
        match set {
            Some(json) => expected[payload]["_meta"][&key] = value(json),
            None => {
                if let Some(meta) = expected[payload].get_mut("_meta") {
                    meta.as_object_mut().unwrap().remove(&key);
                }
            }
        }
        prop_assert_eq!(value(&after), expected);

        // One insertion or one removal: the rest is the same from both ends.
        let (front, back) = shared(before.as_bytes(), after.as_bytes());
        let changed = before.len().min(after.len()).saturating_sub(front + back);
        prop_assert!(changed <= "{ \"k\":[ ]}".len(), "{} -> {}", before, after);
    }

    #[test]
    fn an_edit_keeps_every_byte_that_it_does_not_cover(before in message(), with in "[a-z\"\\\\]{1,9}") {
        let message = msg(&before);
        let spot = |part: &[u8]| part.as_ptr() as usize - message.bytes().as_ptr() as usize;
        let payload = message.params().or(message.result()).unwrap();
        let (start, end) = (spot(payload), spot(payload) + payload.len());
        let json = serde_json::json!({ "with": with }).to_string();
        let edit = message.clone().edit();
        let after = if message.params().is_some() { edit.params(&json) } else { edit.result(&json) }.finish().unwrap();
        prop_assert_eq!(text(&after), format!("{}{json}{}", &before[..start], &before[end..]));
        prop_assert_eq!(after.params().or(after.result()), Some(json.as_bytes()));

        let id = message.id().unwrap().as_str();
        let start = spot(id.as_bytes());
        let after = message.clone().edit().id(&*with).finish().unwrap();
        prop_assert_eq!(text(&after), format!("{}{}{}", &before[..start], serde_json::json!(with), &before[start + id.len()..]));
        prop_assert_eq!(after, message.with_id(&*with));
    }
}

#[test]
fn a_message_that_was_accepted_under_wider_limits_can_be_edited() {
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"a","params":{{"x":{}{}}}}}"#,
        "[".repeat(300),
        "]".repeat(300)
    );
    let options = ScanOptions::new().max_depth(400);
    let message = JsonRpcMessage::parse_with(deep, &options).unwrap();
    assert_eq!(message.edit().method("b").finish().unwrap().method(), Some("b"));
}
