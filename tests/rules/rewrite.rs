//! What rules make of messages: only what they are told to, byte for byte.

use serde_json::{Value, json};
use shadowcat::rules::{NotRewritten, Step, Unfilled};

use crate::rewriting::*;
use crate::support::{msg, text};

const CALL: &str = r#"{"jsonrpc":"2.0", "id":"a","method":"tools/call","params":{"name":"find", "arguments":{"n" : 1,"list":[1, 2,3],"big":12345678901234567890123}}}"#;

fn made(steps: Vec<Step>) -> String {
    text(&rewritten(&msg(CALL), steps).unwrap())
}

#[test]
fn each_step_does_what_it_says_and_nothing_else() {
    let set = vec![Step::Set(at("/params/arguments/n"), to(json!("x")))];
    assert_eq!(made(set), CALL.replace(r#""n" : 1"#, r#""n" : "x""#));
    let new = vec![Step::Set(at("/params/arguments/new"), to(json!([])))];
    assert_eq!(made(new), CALL.replace(r#"{"n" : 1"#, r#"{"new":[],"n" : 1"#));
    let nothing_there = vec![
        Step::Replace(at("/params/arguments/none"), to(json!(1))),
        Step::Remove(at("/params/arguments/none")),
        Step::Remove(at("/params/none/none")),
    ];
    assert_eq!(made(nothing_there), CALL);
    let remove = vec![Step::Remove(at("/params/arguments/list/0")), Step::Remove(at("/params/arguments/n"))];
    assert_eq!(made(remove), CALL.replace(r#""n" : 1,"#, "").replace("[1, 2,3]", "[2,3]"));
}

#[test]
fn a_merge_writes_only_what_it_changes() {
    let same = json!({"arguments": {"n": 1, "list": [1, 2, 3]}});
    assert_eq!(made(vec![Step::Merge(at("/params"), to(same))]), CALL);
    let patch =
        json!({"arguments": {"n": null, "gone": null, "list": [1], "deep": {"a": {"b": null, "c": 2}}}});
    let out = made(vec![Step::Merge(at("/params"), to(patch))]);
    assert_eq!(
        out,
        CALL.replace(r#""n" : 1,"#, r#""deep":{"a":{"c":2}},"#).replace("[1, 2,3]", "[1]"),
        "a number that no tree can hold stays as it is"
    );
}

#[test]
fn places_that_are_not_there_are_an_error_where_a_value_is_to_stand() {
    for step in [
        Step::Set(at("/params/none/x"), to(json!(1))),
        Step::Set(at("/params/arguments/list/9"), to(json!(1))),
        Step::Set(at("/params/name/x"), to(json!(1))),
        Step::Merge(at("/params/none/x"), to(json!({}))),
        Step::Set(at("/result"), to(json!({}))),
        Step::Remove(at("/method")),
    ] {
        assert!(rewritten(&msg(CALL), vec![step.clone()]).is_err(), "{step:?}");
    }
}

#[test]
fn id_and_version_are_not_for_rules_to_change() {
    for place in ["", "/id", "/jsonrpc", "/id/x"] {
        for step in [
            Step::Set(at(place), to(json!(1))),
            Step::Replace(at(place), to(json!(1))),
            Step::Remove(at(place)),
            Step::Merge(at(place), to(json!({"id": 1}))),
        ] {
            let refused = rewritten(&msg(CALL), vec![step]);
            assert!(matches!(refused, Err(NotRewritten::Fixed(_))), "{place:?}: {refused:?}");
        }
    }
}

#[test]
fn a_result_takes_an_errors_place() {
    let failed = msg(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no"}}"#);
    let fine = rewritten(&failed, vec![Step::Set(at("/result"), to(json!({"content": []})))]).unwrap();
    assert_eq!(text(&fine), r#"{"jsonrpc":"2.0","id":1,"result":{"content":[]}}"#);
}

#[cfg(feature = "jsonpath")]
#[test]
fn a_path_is_every_place_that_it_finds() {
    let path = |path: &str| shadowcat::rules::Place::path(path).unwrap();
    let all = made(vec![Step::Set(path("$.params.arguments.list[*]"), to(json!(0)))]);
    assert_eq!(all, CALL.replace("[1, 2,3]", "[0, 0,0]"));
    let twice = made(vec![Step::Remove(path("$.params.arguments.list[0,2,0]"))]);
    assert_eq!(twice, CALL.replace("[1, 2,3]", "[2]"));
    let everywhere = made(vec![Step::Remove(path("$.params.arguments..*"))]);
    let arguments = CALL.split_once(r#""arguments":"#).unwrap().1;
    assert_eq!(everywhere, CALL.replace(arguments, "{}}}"));
    assert_eq!(made(vec![Step::Replace(path("$.params.nothing[*]"), to(json!(0)))]), CALL);
    let nowhere = rewritten(&msg(CALL), vec![Step::Set(path("$.params.nothing[*]"), to(json!(0)))]);
    assert!(matches!(nowhere, Err(NotRewritten::Nowhere(_))));
    let fixed = rewritten(&msg(CALL), vec![Step::Set(path("$.*"), to(json!(0)))]);
    assert!(matches!(fixed, Err(NotRewritten::Fixed(_))));
}

fn filled(template: Value) -> Result<Value, NotRewritten> {
    let message = rewritten(&msg(CALL), vec![Step::Set(at("/params/arguments"), to(template))])?;
    let all: Value = serde_json::from_slice(message.bytes()).unwrap();
    Ok(all["params"]["arguments"].clone())
}

#[test]
fn templates_hold_what_was_captured_and_what_is_known() {
    let template = json!({
        "same": "{{n}}", "text": "<{{n}}>", "known": ["{{method}}", "{{ tool }}", "{{id}}", "{{session}}"],
        "who": "{{principal}}", "first": "{{occurrence}}", "brace": "{{{{n}}", "{{n}}": "}}",
    });
    let expected = json!({
        "same": 1, "text": "<1>", "known": ["tools/call", "find", "a", "s-1"],
        "who": "alice", "first": 1, "brace": "{{n}}", "{{n}}": "}}",
    });
    assert_eq!(filled(template).unwrap(), expected);
    for missing in ["{{none}}", "{{prompt}}", "{{uri}}", "{{component}}", "{{}}", "x {{none}} y"] {
        let error = filled(json!([missing])).unwrap_err();
        assert!(matches!(error, NotRewritten::Unfilled(Unfilled::Missing(_))), "{missing}: {error}");
    }
    assert!(matches!(filled(json!("{{n")), Err(NotRewritten::Unfilled(Unfilled::Open))));
}

#[test]
fn what_is_captured_is_no_template() {
    let message = msg(CALL.replace(r#""n" : 1"#, r#""n":"{{session}} \" {{{{""#));
    let step = Step::Set(at("/params/name"), to(json!("<{{n}}>")));
    let out = rewritten(&message, vec![step]).unwrap();
    let all: Value = serde_json::from_slice(out.bytes()).unwrap();
    assert_eq!(all["params"]["name"], "<{{session}} \" {{{{>");
}
