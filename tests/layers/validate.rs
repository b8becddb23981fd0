//! Arguments against the tools' own schemas, honest and hostile ones.

#![cfg(feature = "schema")]

use std::sync::Arc;

use serde_json::{Value, json};
use shadowcat::layer::validate::{Options, Schemas, ValidateArguments, ValidateArgumentsLayer};
use shadowcat::policy::Decisions;
use shadowcat::session::Principal;
use shadowcat::{Context as Facts, Direction, Error, JsonRpcMessage, Reply};
use tower::util::BoxCloneService;
use tower::{Layer, Service, ServiceExt};

use crate::support::*;

type Stack = ValidateArguments<BoxCloneService<JsonRpcMessage, Reply, Error>>;

/// A server with the one tool `t`, and what reached it besides questions for the list.
fn stack(schemas: &Schemas, schema: &str) -> (Stack, Seen) {
    let seen = Seen::default();
    let tools = format!(r#"{{"tools":[{{"name":"t","inputSchema":{schema}}},{{"name":"free"}}]}}"#);
    let clone = seen.clone();
    let server = tower::service_fn(move |message: JsonRpcMessage| {
        let result = if message.is_method("tools/list") { tools.clone() } else { "{}".to_owned() };
        if !message.is_method("tools/list") {
            clone.push(text(&message));
        }
        let answer = message.responder().result(result).unwrap();
        async move { Ok::<_, Error>(answer.map_or_else(Reply::empty, Reply::one)) }
    });
    (ValidateArgumentsLayer::new(schemas).layer(BoxCloneService::new(server)), seen)
}

async fn list(stack: &mut Stack) {
    let list = JsonRpcMessage::request(1, "tools/list", "{}").unwrap();
    drop(stack.ready().await.unwrap().call(list).await.unwrap());
}

fn call_with(tool: &str, arguments: &Value) -> JsonRpcMessage {
    JsonRpcMessage::request(2, "tools/call", json!({ "name": tool, "arguments": arguments }).to_string())
        .unwrap()
}

async fn send(stack: &mut Stack, message: JsonRpcMessage) -> Reply {
    stack.ready().await.unwrap().call(message).await.unwrap()
}

/// The text of the refusal; `None` of what passes.
fn refusal(reply: &Reply) -> Option<String> {
    let error: Value = serde_json::from_slice(reply.as_one().unwrap().error()?).unwrap();
    assert_eq!(error["code"], -32602);
    Some(error["message"].as_str().unwrap().to_owned())
}

/// What becomes of arguments under a schema.
async fn under(schema: &str, arguments: &Value) -> Option<String> {
    let (mut stack, _) = stack(&Schemas::new(Options::new()), schema);
    list(&mut stack).await;
    refusal(&send(&mut stack, call_with("t", arguments)).await)
}

const CITY: &str = r#"{"type":"object","properties":{"city":{"type":"string","maxLength":5},"days":{"items":{"minimum":1}}},"required":["city"],"additionalProperties":false}"#;

#[tokio::test]
async fn no_other_spelling_of_a_listed_name_gets_around_its_schema() {
    let schemas = Schemas::new(Options::new());
    let (mut stack, seen) = stack(&schemas, CITY);
    list(&mut stack).await;
    for name in ["T", "t\u{200b}", " t", "t\0x", "FREE"] {
        let reply = send(&mut stack, call_with(name, &json!({ "city": 5 }))).await;
        assert_eq!(refusal(&reply), Some(format!("Unknown tool: {name}")), "{name:?}");
    }
    assert_eq!(seen.len(), 0);
    assert_eq!(refusal(&send(&mut stack, call_with("other", &json!({}))).await), None);
}

#[tokio::test]
async fn arguments_that_break_the_schema_are_refused_by_place_and_rule() {
    let schemas = Schemas::new(Options::new());
    let (mut stack, seen) = stack(&schemas, CITY);
    list(&mut stack).await;
    for (arguments, told) in [
        (json!({"city": 1}), "/city breaks /properties/city/type"),
        (json!({"city": "secret-value"}), "/city breaks /properties/city/maxLength"),
        (json!({"city": "Ulm", "days": [1, 0]}), "/days/1 breaks /properties/days/items/minimum"),
        (json!({}), "the whole breaks /required: city is missing"),
        (json!({"city": "Ulm", "x": 1}), "the whole breaks /additionalProperties"),
    ] {
        let reply = send(&mut stack, call_with("t", &arguments)).await;
        let text = refusal(&reply).unwrap();
        assert_eq!(text, format!("Invalid arguments: {told}"));
        assert!(!text.contains("secret-value"));
        let decision = &Decisions::of(&reply)[0];
        assert_eq!((decision.by(), decision.rule_id()), ("validate", Some("violation")));
    }
    assert_eq!(seen.len(), 0, "nothing reached the server");
    assert_eq!(refusal(&send(&mut stack, call_with("t", &json!({"city": "Ulm"}))).await), None);
    assert_eq!((schemas.stats().violations, schemas.stats().valid, schemas.stats().compiled), (5, 1, 1));
}

#[tokio::test]
async fn no_arguments_are_empty_ones() {
    let (mut stack, _) = stack(&Schemas::new(Options::new()), CITY);
    list(&mut stack).await;
    let bare = JsonRpcMessage::request(1, "tools/call", r#"{"name":"t"}"#).unwrap();
    assert!(refusal(&send(&mut stack, bare).await).unwrap().contains("city is missing"));
}

#[tokio::test]
async fn a_tool_without_a_schema_takes_anything_and_an_unlisted_one_as_the_options_say() {
    for (options, is_refused) in [(Options::new(), false), (Options::new().refuse_unlisted(), true)] {
        let (mut stack, _) = stack(&Schemas::new(options), CITY);
        list(&mut stack).await;
        assert_eq!(refusal(&send(&mut stack, call_with("free", &json!([1]))).await), None);
        let unlisted = refusal(&send(&mut stack, call_with("other", &json!({}))).await);
        assert_eq!(unlisted, is_refused.then(|| "Unknown tool: other".to_owned()));
    }
}

#[tokio::test]
async fn what_is_only_reported_passes_with_a_decision() {
    let schemas = Schemas::new(Options::new().report_violations().report_unusable());
    for schema in [CITY, r#"{"$ref":"https://evil.example/schema"}"#] {
        let (mut stack, seen) = stack(&schemas, schema);
        list(&mut stack).await;
        let reply = send(&mut stack, call_with("t", &json!({"city": 1}))).await;
        assert_eq!((refusal(&reply), seen.len()), (None, 1));
        assert!(!Decisions::of(&reply)[0].is_enforced());
    }
    assert_eq!((schemas.stats().violations, schemas.stats().unusable, schemas.stats().refused), (1, 1, 0));
}

#[tokio::test]
async fn what_one_principal_was_shown_is_not_another_ones() {
    let schemas = Schemas::new(Options::new());
    let (mut stack, _) = stack(&schemas, CITY);
    let by = |who: &str, message: JsonRpcMessage| {
        let mut facts = Facts::new(Direction::ToUpstream);
        facts.shared_mut().insert(Principal::new(who));
        message.with_context(Arc::new(facts))
    };
    let asked = JsonRpcMessage::request(1, "tools/list", "{}").unwrap();
    drop(send(&mut stack, by("alice", asked)).await);
    let wrong = call_with("t", &json!({}));
    assert!(refusal(&send(&mut stack, by("alice", wrong.clone())).await).is_some());
    assert_eq!(refusal(&send(&mut stack, by("bob", wrong)).await), None);
}

#[tokio::test]
async fn of_too_many_lists_the_least_used_is_forgotten() {
    let schemas = Schemas::new(Options::new().max_lists(2));
    let (mut stack, _) = stack(&schemas, CITY);
    let of = |session: &str, message: JsonRpcMessage| {
        message.with_context(Arc::new(Facts::new(Direction::ToUpstream).session(session)))
    };
    for session in ["1", "2", "3"] {
        let asked = JsonRpcMessage::request(1, "tools/list", "{}").unwrap();
        drop(send(&mut stack, of(session, asked)).await);
    }
    let wrong = || call_with("t", &json!({}));
    assert_eq!(refusal(&send(&mut stack, of("1", wrong())).await), None);
    assert!(refusal(&send(&mut stack, of("3", wrong())).await).is_some());
    assert_eq!(schemas.stats().compiled, 1, "one schema is compiled once");
}

#[tokio::test]
async fn schemas_of_known_drafts_are_read_as_they_mean() {
    let tuple = r#"{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"items":[{"type":"string"}]}}}"#;
    assert!(under(tuple, &json!({"a": [1]})).await.unwrap().contains("/a/0"));
    let unknown = r#"{"$schema":"https://evil.example/meta"}"#;
    assert!(under(unknown, &json!({})).await.unwrap().contains("cannot be checked"));
    let tree = r##"{"$defs":{"n":{"properties":{"l":{"$ref":"#/$defs/n"},"v":{"type":"integer"}}}},"$ref":"#/$defs/n"}"##;
    assert_eq!(under(tree, &json!({"l": {"l": {"v": 1}}})).await, None);
    assert!(under(tree, &json!({"l": {"l": {"v": "x"}}})).await.unwrap().contains("/l/l/v breaks"));
    let named = r##"{"$id":"https://json-schema.org/draft/2020-12/schema","$ref":"#/$defs/s","$defs":{"s":{"type":"array"}}}"##;
    assert!(under(named, &json!({})).await.is_some(), "its own name leads nowhere else");
}

/// A schema that refers to the next, twice each: the ways through it double with each.
fn doubling(levels: usize, descends: bool) -> String {
    let part = |n: usize| match descends {
        false => format!(
            r##""d{n}":{{"allOf":[{{"$ref":"#/$defs/d{m}"}},{{"$ref":"#/$defs/d{m}"}}]}}"##,
            m = n + 1
        ),
        true => format!(
            r##""d{n}":{{"anyOf":[{{"properties":{{"a":{{"$ref":"#/$defs/d0"}}}}}},{{"properties":{{"a":{{"$ref":"#/$defs/d0"}}}}}}]}}"##
        ),
    };
    let parts: Vec<_> = (0..levels).map(part).collect();
    format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d{levels}":{{}}}}}}"##, parts.join(","))
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({ "a": inner }))
}

/// All on a small stack, as worker threads have it, and each within a time that only a hang reaches.
#[test]
fn hostile_schemas_cost_little_and_are_never_checked_by() {
    let long = "x".repeat(100_000);
    let many = |part: &str, count: usize| vec![part; count].join(",");
    let cases: Vec<(&str, String, Value)> = vec![
        ("remote", r#"{"$ref":"https://evil.example/s"}"#.into(), json!({})),
        ("file", r#"{"$ref":"file:///etc/passwd"}"#.into(), json!({})),
        ("relative", r#"{"$ref":"other.json"}"#.into(), json!({})),
        (
            "inner document",
            r#"{"properties":{"a":{"$id":"https://x.example/","type":"string"}}}"#.into(),
            json!({}),
        ),
        ("dynamic", r##"{"$dynamicRef":"#x","$dynamicAnchor":"x"}"##.into(), json!({})),
        ("nowhere", r##"{"$ref":"#/$defs/none"}"##.into(), json!({})),
        ("itself", r##"{"$ref":"#"}"##.into(), json!({})),
        (
            "each other",
            r##"{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}"##.into(),
            json!({}),
        ),
        (
            "each other, inside",
            r##"{"anyOf":[{"allOf":[{"$ref":"#"}]},{"not":{"$ref":"#"}}]}"##.into(),
            json!({}),
        ),
        ("doubling here", doubling(40, false), json!({})),
        ("doubling below", doubling(1, true), nested(60)),
        (
            "a chain",
            format!(
                r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d900":{{}}}}}}"##,
                (0..900)
                    .map(|n| format!(r##""d{n}":{{"$ref":"#/$defs/d{}"}}"##, n + 1))
                    .collect::<Vec<_>>()
                    .join(",")
            ),
            json!({}),
        ),
        ("deep", format!("{}{{}}{}", r#"{"not":"#.repeat(70), "}".repeat(70)), json!({})),
        ("too large", format!(r#"{{"description":"{long}"}}"#), json!({})),
        ("a huge enum", format!(r#"{{"enum":[{}]}}"#, many("1", 30_000)), json!({})),
        ("many patterns", format!(r#"{{"allOf":[{}]}}"#, many(r#"{"pattern":"a"}"#, 100)), json!({})),
        (
            "a huge pattern",
            r#"{"properties":{"a":{"pattern":"((a{100}){100}){100}"}}}"#.into(),
            json!({"a": long}),
        ),
        (
            "backtracking",
            r#"{"properties":{"a":{"pattern":"^(?=(a+)+$)(a|aa)+\\1$"}}}"#.into(),
            json!({"a": "a".repeat(5000)}),
        ),
        ("no schema", "[1]".into(), json!({})),
        ("no schema within", r#"{"properties":{"a":7}}"#.into(), json!({})),
        (
            "all text by all patterns",
            format!(r#"{{"properties":{{"a":{{"allOf":[{}]}}}}}}"#, many(r#"{"pattern":"x*y"}"#, 60)),
            json!({"a": long}),
        ),
        (
            "unique in unique",
            doubling(1, false).replace("{}}", r#"{"uniqueItems":true}}"#),
            json!(vec![vec![0; 300]; 300]),
        ),
    ];
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (name, schema, arguments) in cases {
            let began = std::time::Instant::now();
            let told = runtime.block_on(under(&schema, &arguments));
            assert!(told.is_some_and(|told| told.contains("cannot be checked")), "{name}");
            assert!(began.elapsed().as_secs() < 60, "{name} took {:?}", began.elapsed());
            eprintln!("{name}: {:?}", began.elapsed());
        }
    });
    thread.unwrap().join().unwrap();
}

/// The most that passes the bounds does not overflow a stack or hang either.
#[test]
fn schemas_at_the_bounds_are_checked_by() {
    let wide = format!(r#"{{"enum":[{}]}}"#, (0..8000).map(|n| n.to_string()).collect::<Vec<_>>().join(","));
    let chain: Vec<_> = (0..90).map(|n| format!(r##""d{n}":{{"$ref":"#/$defs/d{}"}}"##, n + 1)).collect();
    let chain =
        format!(r##"{{"$ref":"#/$defs/d0","$defs":{{{},"d90":{{"type":"object"}}}}}}"##, chain.join(","));
    let deep = format!("{}{{}}{}", r#"{"properties":{"a":"#.repeat(30), "}}".repeat(30));
    let tree = r##"{"additionalProperties":{"$ref":"#"}}"##.to_owned();
    let linear = r#"{"properties":{"a":{"pattern":"^(a+)+$"}}}"#.to_owned();
    let cases = vec![
        (wide, json!(7999), None),
        (chain, json!({}), None),
        (deep, nested(30), None),
        (tree, nested(60), None),
        (
            linear,
            json!({"a": format!("{}b", "a".repeat(100_000))}),
            Some("Invalid arguments: /a breaks /properties/a/pattern".to_owned()),
        ),
        (doubling(10, false), json!({}), None),
    ];
    let thread = std::thread::Builder::new().stack_size(2 << 20).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for (schema, arguments, told) in cases {
            let shown: String = schema.chars().take(60).collect();
            assert_eq!(runtime.block_on(under(&schema, &arguments)), told, "{shown}");
        }
    });
    thread.unwrap().join().unwrap();
}

#[tokio::test]
async fn arguments_that_are_too_large_are_not_checked() {
    let (mut stack, _) = stack(&Schemas::new(Options::new().max_bytes(100)), CITY);
    list(&mut stack).await;
    let large = json!({ "city": "x".repeat(200) });
    assert!(refusal(&send(&mut stack, call_with("t", &large)).await).unwrap().contains("cannot be checked"));
}
