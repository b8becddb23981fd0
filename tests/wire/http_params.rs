//! Arguments that a tool wants mirrored in headers.

use serde_json::{Value, json};
use shadowcat::Code;
use shadowcat::wire::http::{InvalidAnnotation, ParamHeaders, Refusal, check_params};

use crate::heads::{headers, modern_call};

#[test]
fn an_annotation_counts_where_properties_lead_to_it() {
    let params = ParamHeaders::of_schema(
        br#"{"properties":{
            "a":{"type":"string","x-mcp-header":"One","default":{"x-mcp-header":1}},
            "x-mcp-header":{"type":"integer","x-mcp\u002dheader":"Two"},
            "properties":{"properties":{"c":{"type":"boolean","x-mcp-header":"Three"}}}},
            "enum":[{"x-mcp-header":1}]}"#,
    );
    let params = params.unwrap();
    let mut found: Vec<_> = params.iter().map(|(name, path)| (name.as_str(), path.join("/"))).collect();
    found.sort();
    let expected =
        [("mcp-param-one", "a"), ("mcp-param-three", "properties/c"), ("mcp-param-two", "x-mcp-header")];
    assert_eq!(found, expected.map(|(name, path)| (name, path.to_owned())));
    assert!(ParamHeaders::of_schema(b"{}").unwrap().is_empty());
    assert!(ParamHeaders::of_schema(b"").unwrap().is_empty());
}

#[test]
fn a_tool_with_an_annotation_that_breaks_the_rules_is_not_to_be_called() {
    use InvalidAnnotation::{Duplicate, Misplaced, Name, TooMany, Type};
    let of = |schema: Value| ParamHeaders::of_schema(schema.to_string().as_bytes());
    let one = |kind: Value, name: Value| {
        of(json!({ "properties": { "a": { "type": kind, "x-mcp-header": name } } }))
    };
    for name in [json!(""), json!("a b"), json!("a\r\nb"), json!("é"), json!(1), json!(null), json!("a:")] {
        assert_eq!(one(json!("string"), name.clone()), Err(Name), "{name}");
    }
    for kind in [
        json!("number"),
        json!("object"),
        json!("array"),
        json!("null"),
        json!(null),
        json!(["string", "number"]),
        json!([]),
    ] {
        assert_eq!(one(kind.clone(), json!("A")), Err(Type), "{kind}");
    }
    let a = json!({ "type": "string", "x-mcp-header": "A" });
    assert_eq!(
        of(json!({ "properties": { "a": a, "b": { "type": "string", "x-mcp-header": "a" } } })),
        Err(Duplicate)
    );
    for misplaced in [
        a.clone(),
        json!({ "items": a }),
        json!({ "anyOf": [{ "properties": { "a": a } }] }),
        json!({ "properties": { "l": { "type": "array", "items": { "properties": { "a": a } } } } }),
        json!({ "$defs": { "a": a } }),
        json!({ "if": a }),
        json!({ "patternProperties": { "a": a } }),
    ] {
        assert_eq!(of(misplaced.clone()), Err(Misplaced), "{misplaced}");
    }
    let deep = (0..40).fold(a.clone(), |inner, _| json!({ "properties": { "p": inner } }));
    assert_eq!(of(deep), Err(Misplaced));
    let many: serde_json::Map<_, _> = (0..65)
        .map(|at| (format!("p{at}"), json!({ "type": "string", "x-mcp-header": format!("H{at}") })))
        .collect();
    assert_eq!(of(json!({ "properties": many })), Err(TooMany));
}

#[test]
fn an_argument_and_its_header_are_there_together_or_not_at_all() {
    let params =
        ParamHeaders::of_schema(br#"{"properties":{"n":{"type":"integer","x-mcp-header":"N"}}}"#).unwrap();
    let check = |arguments: Value, header: &[(&str, &str)]| -> Result<(), Refusal> {
        check_params(&headers(header), &modern_call("t", &arguments), &params)
    };
    assert!(check(json!({}), &[]).is_ok() && check(json!({ "n": null }), &[]).is_ok());
    assert!(
        check(json!({ "n": 42 }), &[("mcp-param-n", "42.0"), ("mcp-param-other", "é".trim_matches('é'))])
            .is_ok()
    );
    for (arguments, header) in [
        (json!({}), &[("mcp-param-n", "42")][..]),
        (json!({ "n": null }), &[("mcp-param-n", "null")]),
        (json!({ "n": 42 }), &[]),
        (json!({ "n": 42 }), &[("mcp-param-n", "43")]),
        (json!({ "n": 42 }), &[("mcp-param-n", "42"), ("mcp-param-n", "42")]),
        (json!({ "n": 42 }), &[("mcp-param-n", "=?base64?!?=")]),
        (json!({ "n": [42] }), &[("mcp-param-n", "42")]),
        (json!({ "n": "42" }), &[("mcp-param-n", "42.0")]),
        (json!({ "n": 9007199254740993_i64 }), &[("mcp-param-n", "9007199254740992")]),
    ] {
        let refusal = check(arguments.clone(), header).unwrap_err();
        assert_eq!(
            (refusal.status.as_u16(), refusal.code),
            (400, Code::HEADER_MISMATCH),
            "{arguments} {header:?}"
        );
    }
}
