//! Reads inside params, results and `_meta`; revisions and eras.

use shadowcat::protocol::{Era, ProtocolVersion, peek};
use shadowcat::{JsonRpcMessage, ScanOptions};

use peek::Unreadable::{Duplicate, LoneSurrogate, Mistyped};

use crate::support::{self, cancelled, msg, progress};

fn request(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
}

fn transparent(text: String) -> JsonRpcMessage {
    let message = JsonRpcMessage::parse_with(text, &ScanOptions::new().transparent()).unwrap();
    assert!(!message.is_strict());
    message
}

#[test]
fn names_are_read_of_the_methods_that_have_them() {
    let call = msg(request("tools/call", r#"{"arguments":{"name":"other"},"n\u0061me" : "a\/b"}"#));
    assert_eq!(peek::tool_name(&call).unwrap().as_deref(), Some("a/b"));
    assert_eq!(peek::prompt_name(&call).unwrap(), None);
    let prompt = msg(request("prompts/get", r#"{"name":"p"}"#));
    assert_eq!(peek::prompt_name(&prompt).unwrap().as_deref(), Some("p"));
    assert_eq!(peek::tool_name(&prompt).unwrap(), None);
    for method in ["resources/read", "resources/subscribe", "resources/unsubscribe"] {
        let read = msg(request(method, r#"{"uri":"file:///\u00e9"}"#));
        assert_eq!(peek::resource_uri(&read).unwrap().as_deref(), Some("file:///é"));
    }
    assert_eq!(peek::tool_name(&msg(request("tools/call", "{}"))).unwrap(), None);
    assert_eq!(peek::tool_name(&msg(request("tools/call", "null"))).unwrap(), None);
    let escaped = msg(request(r"tools\/call", r#"{"name":"t"}"#));
    assert_eq!(peek::tool_name(&escaped).unwrap().as_deref(), Some("t"));
}

#[test]
fn a_name_of_another_type_is_unreadable() {
    for value in ["1", "null", "[]", "{}", "true", r#"["t"]"#] {
        let call = msg(request("tools/call", &format!(r#"{{"name":{value}}}"#)));
        assert_eq!(peek::tool_name(&call), Err(Mistyped), "{value}");
    }
}

#[test]
fn a_lone_surrogate_in_a_name_is_unreadable_and_a_pair_is_not() {
    let name = |name: &str| request("tools/call", &format!(r#"{{"name":"{name}"}}"#));
    assert_eq!(peek::tool_name(&msg(name(r"a\ud83d"))), Err(LoneSurrogate));
    assert_eq!(peek::tool_name(&msg(name(r"\ude00\ud83d"))), Err(LoneSurrogate));
    assert_eq!(peek::tool_name(&msg(name(r"\ud83d\ude00"))).unwrap().as_deref(), Some("\u{1F600}"));
}

#[test]
fn a_key_that_stands_twice_is_read_as_neither() {
    let twice = transparent(request("tools/call", r#"{"name":"a","n\u0061me":"b"}"#));
    assert_eq!(peek::tool_name(&twice), Err(Duplicate));
    let twice = transparent(request("resources/read", r#"{"uri":"a","uri":"a"}"#));
    assert_eq!(peek::resource_uri(&twice), Err(Duplicate));
    let twice = transparent(request("tools/list", r#"{"cursor":"a","cursor":"b"}"#));
    assert_eq!(peek::cursor(&twice), Err(Duplicate));
    let twice = transparent(request("tools/call", r#"{"_meta":{"progressToken":1,"progressToken":2}}"#));
    assert_eq!(peek::progress_token(&twice), Err(Duplicate));
    let elsewhere = transparent(request("tools/call", r#"{"name":"a","x":1,"x":2}"#));
    assert_eq!(peek::tool_name(&elsewhere).unwrap().as_deref(), Some("a"), "another key does no harm");
}

#[test]
fn a_meta_that_stands_twice_is_read_as_neither_whatever_their_types() {
    let with_token = r#""_meta":{"progressToken":1,"io.modelcontextprotocol/subscriptionId":1}"#;
    for other in [r#""_meta":{}"#, r#""_meta":3"#, r#""_m\u0065ta":null"#] {
        for params in [format!("{{{with_token},{other}}}"), format!("{{{other},{with_token}}}")] {
            let twice = transparent(request("tools/call", &params));
            assert_eq!(peek::meta(&twice, "progressToken"), Err(Duplicate), "{params}");
            assert_eq!(peek::progress_token(&twice), Err(Duplicate), "{params}");
            assert_eq!(peek::subscription_id(&twice), Err(Duplicate), "{params}");
            assert_eq!(peek::protocol_version(&twice), Err(Duplicate), "{params}");
        }
    }
}

#[test]
fn tokens_and_ids_keep_their_type() {
    let token = |value: &str| {
        let call = msg(request("tools/call", &format!(r#"{{"_meta":{{"progressToken":{value}}}}}"#)));
        let token = peek::progress_token(&call).map(|token| token.map(|token| token.to_owned()));
        let note = msg(progress(value, 1));
        assert_eq!(peek::progress_token(&note).map(|token| token.map(|token| token.to_owned())), token);
        let cancel = msg(cancelled(value));
        assert_eq!(peek::cancelled_id(&cancel).map(|token| token.map(|token| token.to_owned())), token);
        token.map(|token| token.unwrap().to_string())
    };
    for value in ["1", "-7", "\"1\"", "1.5", "99999999999999999999", "\"\"", r#""\u0031""#] {
        assert_eq!(token(value).as_deref(), Ok(value));
    }
    for value in ["null", "true", "{}", "[1]"] {
        assert_eq!(token(value), Err(Mistyped), "{value}");
    }
}

#[test]
fn what_is_not_there_is_none() {
    for text in [support::call_text(1), support::done(1), support::note("notifications/progress")] {
        let message = msg(text);
        assert_eq!(peek::progress_token(&message), Ok(None));
        assert_eq!(peek::cancelled_id(&message), Ok(None));
        assert_eq!(peek::subscription_id(&message), Ok(None));
        assert_eq!(peek::cursor(&message), Ok(None));
        assert_eq!(peek::next_cursor(&message), Ok(None));
        assert_eq!(peek::protocol_version(&message), Ok(None));
        assert_eq!(peek::meta(&message, "x"), Ok(None));
    }
}

#[test]
fn pages_are_read_from_requests_and_results() {
    let request = msg(request("tools/list", r#"{"cursor":"c"}"#));
    assert_eq!(peek::cursor(&request).unwrap().as_deref(), Some("c"));
    let result = msg(r#"{"jsonrpc":"2.0","id":1,"result":{"nextCursor":"n","_meta":{"k":[1]}}}"#);
    assert_eq!(peek::next_cursor(&result).unwrap().as_deref(), Some("n"));
    assert_eq!(peek::meta(&result, "k").unwrap(), Some(&b"[1]"[..]));
}

#[test]
fn a_listen_is_named_in_meta() {
    let note = r#"{"jsonrpc":"2.0","method":"notifications/x",
        "params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"s"}}}"#;
    let note = msg(note);
    let id = peek::subscription_id(&note).unwrap().unwrap();
    assert_eq!(id.text().as_deref(), Some("s"));
}

#[test]
fn revisions_are_found_where_each_era_writes_them() {
    let modern = msg(request(
        "tools/call",
        r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"protocolVersion":"x"}"#,
    ));
    assert_eq!(peek::protocol_version(&modern).unwrap().as_deref(), Some("2026-07-28"));
    let legacy = msg(request("initialize", r#"{"protocolVersion":"2025-06-18"}"#));
    assert_eq!(peek::protocol_version(&legacy).unwrap().as_deref(), Some("2025-06-18"));
    let answer = msg(r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-03-26"}}"#);
    assert_eq!(peek::protocol_version(&answer).unwrap().as_deref(), Some("2025-03-26"));
    let other = msg(request("tools/call", r#"{"protocolVersion":"2025-03-26"}"#));
    assert_eq!(peek::protocol_version(&other).unwrap(), None, "an argument of that name is no revision");
}

#[test]
fn revisions_are_ordered_and_belong_to_eras() {
    assert!(ProtocolVersion::ALL.is_sorted());
    assert_eq!(ProtocolVersion::ALL.last(), Some(&ProtocolVersion::LATEST));
    for version in ProtocolVersion::ALL {
        assert_eq!(version.to_string().parse(), Ok(version));
        assert_eq!(version.era() == Era::Modern, version == ProtocolVersion::LATEST);
    }
    for unknown in ["", "2025-11-2", "2025-11-25 ", "DRAFT-2026-v1", "2024-10-07"] {
        assert!(unknown.parse::<ProtocolVersion>().is_err());
    }
}
