//! Places inside messages: what is found there, what a change there leaves alone.

use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::message::{Ambiguous, InvalidPointer};
use shadowcat::{JsonRpcMessage, Pointer, ScanOptions};

fn pointer(text: &str) -> Pointer {
    text.parse().unwrap()
}

fn call(params: &str) -> JsonRpcMessage {
    JsonRpcMessage::parse(format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{params}}}"#))
        .unwrap()
}

fn params(message: &JsonRpcMessage) -> &str {
    std::str::from_utf8(message.params().unwrap()).unwrap()
}

/// What `set` makes of `before` at `place` in the params.
fn set(before: &str, place: &str, json: &str) -> String {
    let edited = call(before).edit().set(&pointer(&format!("/params{place}")), json).finish();
    params(&edited.unwrap_or_else(|error| panic!("{before} at {place}: {error}"))).to_owned()
}

fn remove(before: &str, place: &str) -> String {
    params(&call(before).edit().remove(&pointer(&format!("/params{place}"))).finish().unwrap()).to_owned()
}

/// The document and the places of the RFC itself.
#[test]
fn the_examples_of_the_rfc_are_found() {
    let json = br#" {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8} "#;
    for (place, found) in [
        ("/foo", r#"["bar", "baz"]"#),
        ("/foo/0", r#""bar""#),
        ("/", "0"),
        ("/a~1b", "1"),
        ("/c%d", "2"),
        ("/e^f", "3"),
        ("/g|h", "4"),
        ("/i\\j", "5"),
        ("/k\"l", "6"),
        ("/ ", "7"),
        ("/m~0n", "8"),
    ] {
        assert_eq!(pointer(place).find(json), Ok(Some(found.as_bytes())), "{place}");
        assert_eq!(pointer(place).to_string(), place);
    }
    assert_eq!(Pointer::root().find(json).unwrap().unwrap(), json.trim_ascii());
    for nothing in [
        "/bar",
        "/foo/2",
        "/foo/00",
        "/foo/01",
        "/foo/-",
        "/foo/+1",
        "/foo/",
        "/foo/0/x",
        "/foo/99999999999999999999",
    ] {
        assert_eq!(pointer(nothing).find(json), Ok(None), "{nothing}");
    }
}

#[test]
fn what_is_no_pointer_says_why() {
    assert_eq!("a".parse::<Pointer>(), Err(InvalidPointer::NoSlash));
    for tilde in ["/~", "/~2", "/a~b", "/~0~"] {
        assert_eq!(tilde.parse::<Pointer>(), Err(InvalidPointer::Tilde), "{tilde}");
    }
}

#[test]
fn a_key_is_compared_after_unescaping() {
    assert_eq!(pointer("/ab").find(br#"{"\u0061b":1}"#), Ok(Some(&b"1"[..])));
}

#[test]
fn a_key_that_stands_twice_is_read_as_neither() {
    let twice = r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":{"y":1,"\u0079":2}}}"#;
    let message = JsonRpcMessage::parse_with(twice, &ScanOptions::default().transparent()).unwrap();
    assert_eq!(pointer("/params/x/y").find(message.bytes()), Err(Ambiguous));
    message.clone().edit().set(&pointer("/params/x/y"), "3").finish().unwrap_err();
    message.edit().remove(&pointer("/params/x/y")).finish().unwrap_err();
}

#[test]
fn a_value_is_replaced_where_it_stands() {
    assert_eq!(set(r#"{ "a" : [1, {"b": 2}] }"#, "/a/1/b", "[3]"), r#"{ "a" : [1, {"b": [3]}] }"#);
}

#[test]
fn what_is_missing_is_added_to_what_stands_around_it() {
    assert_eq!(set("{}", "/a", "1"), r#"{"a":1}"#);
    assert_eq!(set(r#"{ "b":2 }"#, "/a~1", "1"), r#"{"a/":1, "b":2 }"#);
    assert_eq!(set(r#"{"a":[]}"#, "/a/0", "1"), r#"{"a":[1]}"#);
    assert_eq!(set(r#"{"a":[0 ]}"#, "/a/1", "1"), r#"{"a":[0,1 ]}"#);
    assert_eq!(set(r#"{"a":[0]}"#, "/a/-", "1"), r#"{"a":[0,1]}"#);
}

#[test]
fn what_stands_nowhere_is_refused() {
    for place in ["/x/y", "/a/2", "/a/x", "/n/x"] {
        let edit = call(r#"{"a":[0],"n":1}"#).edit().set(&pointer(&format!("/params{place}")), "1");
        edit.finish().expect_err(place);
    }
}

#[test]
fn a_change_cannot_leave_its_place() {
    for json in ["1,\"x\":2", "1}", "", "{", "1 2"] {
        call("{}").edit().set(&pointer("/params/a"), json).finish().expect_err(json);
    }
    call("{}").edit().set(&pointer("/params"), "[").finish().unwrap_err();
    call("{}").edit().set(&pointer("/jsonrpc"), "\"1.0\"").finish().unwrap_err();
    call("{}").edit().remove(&Pointer::root()).finish().unwrap_err();
    call("{}").edit().remove(&pointer("/jsonrpc")).finish().unwrap_err();
}

#[test]
fn one_comma_goes_with_what_is_removed() {
    assert_eq!(remove(r#"{"a":1 , "b":2, "c":3}"#, "/a"), r#"{"b":2, "c":3}"#);
    assert_eq!(remove(r#"{"a":1 , "b":2, "c":3}"#, "/b"), r#"{"a":1, "c":3}"#);
    assert_eq!(remove(r#"{"a":1 , "b":2 }"#, "/b"), r#"{"a":1 }"#);
    assert_eq!(remove(r#"{"a":[ 1 ]}"#, "/a/0"), r#"{"a":[  ]}"#);
    assert_eq!(remove(r#"{"a":[1,2, 3]}"#, "/a/1"), r#"{"a":[1, 3]}"#);
    assert_eq!(remove("{}", "/a"), "{}");
}

#[test]
fn changes_are_made_in_the_order_in_which_they_were_asked_for() {
    let edited = call("{}")
        .edit()
        .set(&pointer("/params/a"), "{}")
        .set(&pointer("/params/a/b"), "1")
        .remove(&pointer("/params/a/b"))
        .set(&pointer("/params/a/c"), "2")
        .finish()
        .unwrap();
    assert_eq!(params(&edited), r#"{"a":{"c":2}}"#);
}

/// JSON of some depth with few keys, so that places meet values.
fn tree() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<i32>().prop_map(Value::from),
        "[a\"\\\\~/]{0,3}".prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a~/]{0,2}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn places() -> impl Strategy<Value = Pointer> {
    let token = prop_oneof!["[a~/]{0,2}", "[0-3-]"];
    proptest::collection::vec(token, 0..4)
        .prop_map(|tokens| tokens.into_iter().fold(Pointer::root(), Pointer::join))
}

fn around(tree: &Value, pretty: bool) -> JsonRpcMessage {
    let whole = json!({"jsonrpc": "2.0", "id": 1, "result": tree});
    JsonRpcMessage::parse(
        if pretty { serde_json::to_string_pretty(&whole) } else { serde_json::to_string(&whole) }.unwrap(),
    )
    .unwrap()
}

proptest! {
    #[test]
    fn a_place_holds_what_serde_json_finds_there(tree in tree(), place in places(), pretty: bool) {
        let message = around(&tree, pretty);
        let found = place.find(message.result().unwrap()).unwrap();
        let found: Option<Value> = found.map(|json| serde_json::from_slice(json).unwrap());
        prop_assert_eq!(found.as_ref(), tree.pointer(&place.to_string()));
    }

    #[test]
    fn what_was_set_stands_there_and_nothing_else_changed(tree in tree(), place in places(), value in tree(), pretty: bool) {
        let before = around(&tree, pretty);
        let whole = place.tokens().fold(Pointer::root().join("result"), Pointer::join);
        if let Ok(after) = before.clone().edit().set(&whole, value.to_string()).finish() {
            if let Some(there) = tree.pointer(&place.to_string()) {
                let mut expected = tree.clone();
                *expected.pointer_mut(&place.to_string()).unwrap() = value;
                prop_assert_eq!(serde_json::from_slice::<Value>(after.result().unwrap()).unwrap(), expected);
                let back = after.edit().set(&whole, whole.find(before.bytes()).unwrap().unwrap()).finish().unwrap();
                prop_assert_eq!(back.bytes(), before.bytes(), "{} came back", there);
            } else {
                let removed = if whole.tokens().next_back() == Some("-") { return Ok(()) } else { after.edit().remove(&whole).finish().unwrap() };
                prop_assert_eq!(serde_json::from_slice::<Value>(removed.result().unwrap()).unwrap(), tree);
            }
        }
    }

    #[test]
    fn a_pointer_is_read_as_it_was_written(tokens in proptest::collection::vec(any::<String>(), 0..5)) {
        let pointer = tokens.iter().cloned().fold(Pointer::root(), Pointer::join);
        prop_assert_eq!(pointer.to_string().parse::<Pointer>().unwrap(), pointer.clone());
        prop_assert!(pointer.tokens().eq(tokens.iter().map(String::as_str)));
    }
}
