//! Files of rules: what is said of what is wrong in them, and where.

#![cfg(all(feature = "yaml", feature = "regex", feature = "jsonpath"))]

use std::time::{Duration, Instant};

use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::rules::{Problem, ProblemKind, RuleSet};

use crate::rule_files::*;

#[test]
fn whatever_is_malformed_is_told_with_its_place() {
    let mut others = Vec::new();
    for (text, said) in malformed() {
        let problems = yaml(&text).expect_err(&text);
        let told: Vec<String> = problems.iter().map(Problem::to_string).collect();
        let placed = |problem: &Problem| problem.kind == ProblemKind::Malformed && problem.at.is_some();
        let same = told.iter().zip(said).all(|(told, said)| told.contains(said));
        if told.len() != said.len() || !same || !problems.iter().all(placed) {
            others.push(format!("{text}: {told:#?}"));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn malformed_json_is_told_with_its_place() {
    let mut others = Vec::new();
    let long = format!("{{\"rules\":{}{}}}", "[".repeat(70), "]".repeat(70));
    for (text, said) in [
        ("", "r.json:1:1: no JSON: EOF while parsing a value"),
        ("{", "r.json:1:1: no JSON: EOF while parsing an object"),
        ("{\"rules\": []} x", "r.json:1:15: no JSON: trailing characters"),
        (
            "{\n  // rules\n  \"rules\": []\n}",
            "r.json:2:3: no JSON: key must be a string; JSON has no comments",
        ),
        ("{\n \"é\": 1, \"rules\": ]}", "r.json:2:19: no JSON: expected value"),
        ("{\"rules\": [], \"rules\": []}", "r.json:1:15: the key \"rules\" stands twice; remove one"),
        ("{\"rules\": [], \"r\\u0075les\": []}", "r.json:1:15: the key \"rules\" stands twice; remove one"),
        (
            "{\"rules\": [{\"id\": \"a\", \"matcher\": {\"params\": {\"a\": 1, \"a\": 2}}}]}",
            "r.json:1:55: the key \"a\" stands twice",
        ),
        ("{\"rules\": [1e999]}", "r.json:1:12: no JSON: number out of range"),
        ("{\"rules\": [\"\\ud800\"]}", "r.json:1:12: no JSON: unexpected end of hex escape"),
        (&long, "r.json:1:74: nested more than 64 deep"),
        (
            "{\"rules\": [\n\n   {\"id\": \"ä\", \"x\": 1, \"matcher\": {}, \"action\": {\"type\": \"hold\"}}]}",
            "r.json:3:16: rule \"ä\": a rule has no field \"x\"",
        ),
    ] {
        let problems = RuleSet::from_json("r.json", text).unwrap_err();
        let first = problems.iter().next().unwrap().to_string();
        if !first.starts_with(said) {
            others.push(format!("{text}: {first}"));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn what_would_cost_much_is_refused_or_fast() {
    let started = Instant::now();
    let mut bomb = "x-a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (one, other) in ('b'..='j').zip('a'..) {
        bomb += &format!("x-{one}: &{one} [{}]\n", vec![format!("*{other}"); 10].join(", "));
    }
    let problems = yaml(&format!("{bomb}rules: []")).unwrap_err().to_string();
    assert!(problems.contains("no YAML: "), "{problems}");

    let deep = format!("rules: {}{}", "[".repeat(5_000), "]".repeat(5_000));
    assert!(yaml(&deep).is_err());
    assert!(RuleSet::from_json("r", &deep.replace("rules:", "")).is_err());
    assert!(RuleSet::from_json("r", &"[".repeat(1 << 20)).is_err());

    let linear = yaml(&rule("matcher: {tool: {regex: \"^(a+)+$\"}}, action: {type: hold}")).unwrap().rules;
    assert!(met(&linear, "tools/call", &json!({"name": format!("{}!", "a".repeat(100_000))})).is_empty());
    assert_eq!(met(&linear, "tools/call", &json!({"name": "aaa"})), ["a"]);

    for path in [
        "$[?((((((((((1==1))))))))))]",
        "$[?@[?@[?@[?@[?@[?@[?@[?@[?@.a]]]]]]]]]",
        "$[?!(!(!(!(!(!(!(@.a)))))))]",
    ] {
        let fields =
            format!("matcher: {{where: [{{path: \"{path}\", exists: true}}]}}, action: {{type: hold}}");
        let _ = yaml(&rule(&fields));
    }
    assert!(started.elapsed() < Duration::from_secs(60), "only what never ends takes so long");
}

#[test]
fn there_is_an_end_to_what_is_told() {
    let many: Vec<Value> =
        (0..500).map(|id| json!({"id": id.to_string(), "matcher": {}, "action": {}})).collect();
    let problems = RuleSet::from_json("r", &json!({ "rules": many }).to_string()).unwrap_err();
    assert_eq!((problems.iter().count(), problems.left_out()), (100, 400));
    assert!(problems.to_string().ends_with("\nand 400 more"));
}

proptest! {

    #[test]
    fn no_text_makes_it_panic(text in "[-{}\\[\\]:,\"a-c0-9 \n&*!|>$/.~]{0,80}") {
        let _ = RuleSet::from_json("r", &text);
        let _ = yaml(&text);
        let _ = yaml(&rule(&text));
    }

    #[test]
    fn places_are_where_the_rule_stands(before in 0..20_usize, blanks in "[ \n]{0,20}") {
        let text = format!("{{\"rules\": [{}{blanks}{{\"id\": \"é\", \"wrong\": 1}}]}}", "{},".repeat(before));
        let problems = RuleSet::from_json("r", &text).unwrap_err();
        let own = problems.iter().find(|problem| problem.what.contains("\"wrong\"")).unwrap();
        let at = own.at.unwrap();
        let line = text.lines().nth(at.line as usize - 1).unwrap();
        let found: String = line.chars().skip(at.column as usize - 1).take(7).collect();
        prop_assert_eq!(found, "\"wrong\"");
    }
}
