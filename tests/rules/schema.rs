//! The schema of rule files says what their reader says.

#![cfg(all(feature = "yaml", feature = "regex", feature = "jsonpath"))]

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::rules::{self, Problem, ProblemKind, RuleSet};

use crate::rule_files::*;

fn schema() -> Validator {
    jsonschema::validator_for(&serde_json::from_str(rules::SCHEMA).unwrap()).unwrap()
}

/// What no schema tells.
const BEYOND_THE_SCHEMA: [&str; 7] = [
    "no regular expression",
    "no JSONPath",
    "a JSONPath has at most",
    "has this id, too",
    "no YAML",
    "no JSON:",
    "twice",
];

fn tells(problem: &Problem) -> bool {
    let what = &problem.what;
    problem.kind == ProblemKind::Malformed && !BEYOND_THE_SCHEMA.iter().any(|beyond| what.contains(beyond))
}

/// A file that breaks the schema is refused, and one that is malformed breaks the schema.
fn agree(schema: &Validator, file: &Value) -> Result<(), String> {
    let read = RuleSet::from_json("r", &file.to_string());
    let valid = schema.is_valid(file);
    let malformed = read.as_ref().err().is_some_and(|problems| problems.iter().any(tells));
    if valid != malformed && (valid || read.is_err()) {
        return Ok(());
    }
    let errors: Vec<String> = schema.iter_errors(file).map(|error| error.to_string()).collect();
    Err(format!("{file}\nread: {read:?}\nschema: {errors:#?}"))
}

#[test]
fn the_schema_takes_what_is_right_and_refuses_what_is_malformed() {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&serde_json::from_str(rules::SCHEMA).unwrap()));
    for text in [SEEDS, EVERY] {
        let errors: Vec<String> = schema.iter_errors(&as_json(text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    for (text, _) in malformed() {
        if let Ok(file) = serde_saphyr::from_str::<Value>(&text) {
            agree(&schema, &file).unwrap();
        }
    }
}

#[test]
fn the_schema_and_the_reader_agree_on_every_part_that_is_missing_or_wrong() {
    let (schema, whole) = (schema(), as_json(EVERY));
    let mut count = 0;
    for (place, _) in places(&whole, String::new()) {
        for other in [json!(null), json!(true), json!(7), json!("x"), json!([]), json!({}), json!({"x": 1})] {
            let mut file = whole.clone();
            *file.pointer_mut(&place).unwrap() = other;
            agree(&schema, &file).unwrap();
            count += 1;
        }
        let (parent, key) = place.rsplit_once('/').unwrap_or_default();
        let mut file = whole.clone();
        if let Some(Value::Object(members)) = file.pointer_mut(parent) {
            let value = members.remove(&key.replace("~1", "/"));
            agree(&schema, &file).unwrap();
            let Some(Value::Object(members)) = file.pointer_mut(parent) else { continue };
            members.insert("another".to_owned(), value.unwrap_or_default());
            agree(&schema, &file).unwrap();
        }
    }
    assert!(count > 2_000, "{count}");
}

/// Every value of a document with its pointer.
fn places(value: &Value, at: String) -> Vec<(String, &Value)> {
    let inner: Vec<_> = match value {
        Value::Object(members) => members
            .iter()
            .flat_map(|(key, value)| {
                places(value, format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")))
            })
            .collect(),
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(key, value)| places(value, format!("{at}/{key}"))).collect()
        }
        _ => Vec::new(),
    };
    std::iter::once((at, value)).chain(inner).collect()
}

/// A value of any shape, of the words that the format knows.
fn any_value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "id",
        "matcher",
        "action",
        "type",
        "mock",
        "fault",
        "block",
        "hold",
        "pass",
        "rewrite",
        "tag",
        "method",
        "tool",
        "glob",
        "regex",
        "path",
        "where",
        "equals",
        "above",
        "exists",
        "/params/a",
        "$.params",
        "response",
        "error",
        "code",
        "message",
        "delay_ms",
        "set",
        "value",
        "remove",
        "any",
        "all",
        "not",
        "nth",
        "from",
        "global",
        "kind",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
        (-1.0..2.0_f64).prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..5).prop_map(|members| members
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn the_schema_and_the_reader_agree(matcher in any_value(), action in any_value(), more in any_value()) {
        let schema = SCHEMA_ONCE.with(std::rc::Rc::clone);
        for file in [
            json!({"rules": [{"id": "a", "matcher": matcher, "action": {"type": "hold"}}]}),
            json!({"rules": [{"id": "a", "matcher": {}, "action": action}]}),
            json!({"rules": [{"id": "a", "matcher": {"where": [{"path": "/params/a", "like": more.clone()}]}, "action": {"type": "hold"}, "scope": more}]}),
        ] {
            agree(&schema, &file).map_err(TestCaseError::fail)?;
        }
    }
}

thread_local! {
    static SCHEMA_ONCE: std::rc::Rc<Validator> = std::rc::Rc::new(schema());
}
