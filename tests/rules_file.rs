//! Files of rules: what is read of them, what is said of what is wrong, and that the schema says the same.

#![cfg(all(feature = "yaml", feature = "regex", feature = "jsonpath"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::{Duration, Instant};

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::rules::{self, Action, Loaded, Problem, ProblemKind, Problems, RuleSet, Seen};
use shadowcat::{Direction, JsonRpcMessage};

const SEEDS: &str = include_str!("rules/seeds.yaml");
const EVERY: &str = include_str!("rules/every.yaml");

fn yaml(text: &str) -> Result<Loaded, Problems> {
    RuleSet::from_yaml("r.yaml", text)
}

fn schema() -> Validator {
    jsonschema::validator_for(&serde_json::from_str(rules::SCHEMA).unwrap()).unwrap()
}

/// A file of one rule, by its fields in YAML's flow style.
fn rule(fields: &str) -> String {
    format!("rules:\n- {{id: a, {fields}}}\n")
}

/// The ids of the rules that a request meets.
fn met(rules: &RuleSet, method: &str, params: &Value) -> Vec<String> {
    let message = JsonRpcMessage::request(1, method, params.to_string()).unwrap();
    let seen = Seen::new(&message, Direction::ToUpstream);
    let (mut at, mut ids) = (None, Vec::new());
    while let Some(found) = rules.next(at, &seen).unwrap() {
        ids.push(found.rule().id().to_owned());
        at = Some(found.position());
    }
    ids
}

#[test]
fn the_file_of_the_seeds_loads_as_it_stands() {
    let loaded = yaml(SEEDS).unwrap();
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(
        met(&loaded.rules, "tools/call", &json!({"name": "get_weather"})),
        ["delay-tool-calls", "mock-weather"]
    );
    assert_eq!(met(&loaded.rules, "tools/call", &json!({"name": "add"})), ["delay-tool-calls"]);
    assert!(met(&loaded.rules, "tools/list", &json!({})).is_empty());
    let delay = loaded.rules.rules().find_map(|rule| match rule.action() {
        Action::Fault(fault) => Some(fault.delay),
        _ => None,
    });
    assert_eq!(delay, Some(Duration::from_millis(500)));
    let described = loaded.rules.rules().filter_map(|rule| rule.description());
    assert_eq!(described.count(), 2);
}

#[test]
fn everything_that_the_format_has_loads_without_a_warning() {
    let loaded = yaml(EVERY).unwrap_or_else(|problems| panic!("{problems}"));
    assert!(loaded.warnings.is_empty(), "{}", loaded.warnings);
    assert_eq!(loaded.rules.rules().len(), EVERY.matches("id: ").count() - 1, "one is not enabled");
}

#[test]
fn json_and_yaml_give_the_same_rules() {
    for text in [SEEDS, EVERY] {
        let json = serde_json::to_string_pretty(&as_json(text)).unwrap();
        let one: Vec<_> = yaml(text).unwrap().rules.rules().cloned().collect();
        let other = RuleSet::from_json("r.json", &json).unwrap_or_else(|problems| panic!("{problems}"));
        assert_eq!(one, other.rules.rules().cloned().collect::<Vec<_>>());
    }
}

#[test]
fn a_file_is_read_by_the_end_of_its_name() {
    let folder = std::env::temp_dir().join(format!("shadowcat-rules-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    for (name, text, what) in [
        ("a.yaml", SEEDS, ""),
        ("a.yml", "\u{feff}rules: []", ""),
        ("a.json", "\u{feff}{\"rules\": []}", ""),
        ("a.toml", "", "the name of a file of rules ends in .json, .yaml or .yml"),
        ("b.json", "rules: []", "no JSON: expected value"),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        let problems = rules::check(&path).to_string();
        assert!(problems.contains(what) && problems.is_empty() == what.is_empty(), "{name}: {problems}");
    }
    std::fs::write(folder.join("c.yaml"), b"rules: [\xff]").unwrap();
    assert!(rules::check(folder.join("c.yaml")).to_string().ends_with("is no UTF-8 text"));
    std::fs::write(folder.join("d.json"), vec![b' '; 9 << 20]).unwrap();
    assert!(rules::check(folder.join("d.json")).to_string().ends_with("at most 8388608 bytes"));
    assert!(rules::check(folder.join("none.json")).to_string().contains("cannot be read"));
    std::fs::remove_dir_all(folder).unwrap();
}

/// Whole files in YAML, and all that is said of them.
fn malformed() -> Vec<(String, &'static [&'static str])> {
    let whole = [
        ("rules: [", &["r.yaml:1:8: no YAML: unclosed bracket"][..]),
        ("rules: []\nrules: []", &["r.yaml:2:1: no YAML: duplicate mapping key: rules"]),
        ("", &["expected a file of rules, a mapping, found nothing"]),
        ("- a", &["r.yaml:1:1: expected a file of rules, a mapping, found a list"]),
        ("{}", &["r.yaml:1:1: a file of rules needs `rules`; add it"]),
        (
            "version: 2\nrules: []",
            &["r.yaml:1:10: version 2 of the format is not known; this reads version 1"],
        ),
        ("version: \"1\"\nrules: []", &["version \"1\" of the format is not known"]),
        ("rulse: []", &["r.yaml:1:1: a file of rules has no field \"rulse\"; did you mean \"rules\"?"]),
        ("rules: {}", &["r.yaml:1:8: expected a list, found a mapping"]),
        ("rules: [a]", &["r.yaml:1:9: expected a rule, a mapping, found a text"]),
        ("rules: []\n---\nrules: []", &["no YAML: "]),
        ("rules:\n- <<: {id: a}\n", &["no YAML: "]),
        (
            "rules:\n- {id: a, matcher: {}, action: {type: hold}}\n- {id: a, matcher: {}, action: {type: hold}}",
            &["r.yaml:3:8: rule \"a\": the rule in line 2 has this id, too; rename one"],
        ),
    ];
    let rules = [
        ("", &["r.yaml:2:3: rule \"a\": a rule needs `matcher`", "a rule needs `action`"][..]),
        ("id: b, matcher: {}, action: {type: hold}", &["duplicate mapping key: id"]),
        (
            "matcher: {}, action: {type: rewritte}",
            &[": unknown action \"rewritte\"; did you mean \"rewrite\"?"],
        ),
        ("matcher: {}, action: {type: 1}", &["expected a text, found a number; put it in quotes"]),
        ("matcher: {}, action: {}", &["an action needs `type`; add it"]),
        ("matcher: {}, action: hold", &["expected an action, a mapping, found a text"]),
        ("mathcer: {}, action: {type: hold}", &["has no field \"mathcer\"; did you mean \"matcher\"?"]),
        ("matcher: {metod: x}, action: {type: hold}", &["has no field \"metod\"; did you mean \"method\"?"]),
        (
            "matcher: {method: 5}, action: {type: hold}",
            &["expected a text or a pattern, a mapping, found a number"],
        ),
        ("matcher: {tool: {regexp: x}}, action: {type: hold}", &["did you mean \"regex\"?"]),
        (
            "matcher: {tool: {regex: \"(\"}}, action: {type: hold}",
            &["r.yaml:2:35: rule \"a\": no regular expression: unclosed group"],
        ),
        (
            "matcher: {tool: {regex: \"(?=x)\"}}, action: {type: hold}",
            &["no regular expression: look-around"],
        ),
        (
            "matcher: {tool: {regex: \"(?:\\\\w{500}){500}\"}}, action: {type: hold}",
            &["no regular expression: Compiled regex exceeds size limit"],
        ),
        (
            "matcher: {tool: a, uri: b}, action: {type: hold}",
            &["`tool` and `uri`: no message has both; use `any`"],
        ),
        (
            "matcher: {direction: up}, action: {type: hold}",
            &["unknown direction \"up\"; known: client_to_server, server_to_client"],
        ),
        (
            "matcher: {kind: reqest}, action: {type: hold}",
            &["unknown kind \"reqest\"; did you mean \"request\"?"],
        ),
        ("matcher: {era: old}, action: {type: hold}", &["unknown era \"old\"; known: legacy, modern"]),
        ("matcher: {params: [1]}, action: {type: hold}", &["expected `params`, a mapping, found a list"]),
        (
            "matcher: {probability: 1.5}, action: {type: hold}",
            &["a probability is a number from 0 to 1, not 1.5"],
        ),
        (
            "matcher: {nth: 0}, action: {type: hold}",
            &["expected an integer from 1 to 9007199254740991, found 0"],
        ),
        (
            "matcher: {nth: {}}, action: {type: hold}",
            &["`nth` is a number, or has one or more of from, every, until"],
        ),
        (
            "matcher: {all: [{nth: 1}]}, action: {type: hold}",
            &["a matcher within a matcher has no field \"nth\""],
        ),
        (
            "matcher: {where: [{path: city, exists: true}]}, action: {type: hold}",
            &["\"city\" is no path; write a JSON Pointer"],
        ),
        (
            "matcher: {where: [{path: /a~2, exists: true}]}, action: {type: hold}",
            &["no JSON Pointer: after a tilde"],
        ),
        ("matcher: {where: [{path: \"$.a[\", exists: true}]}, action: {type: hold}", &["no JSONPath: "]),
        (
            "matcher: {where: [{path: \"$..a..b..c\", exists: true}]}, action: {type: hold}",
            &["a JSONPath has at most two `..`"],
        ),
        (
            "matcher: {where: [{path: /params}]}, action: {type: hold}",
            &["a condition needs one or more of exists, equals"],
        ),
        (
            "matcher: {where: [{path: /params, exists: false, above: 1}]}, action: {type: hold}",
            &["`exists: false` stands alone"],
        ),
        ("matcher: {where: [{path: /params, abvoe: 1}]}, action: {type: hold}", &["did you mean \"above\"?"]),
        ("matcher: {where: [{path: /params, type: text}]}, action: {type: hold}", &["unknown type \"text\""]),
        (
            "matcher: {where: [{path: /params, above: .nan}]}, action: {type: hold}",
            &["expected a number, found a text"],
        ),
        (
            "matcher: {where: [{path: /params, longer_than: -1}]}, action: {type: hold}",
            &["expected an integer from 0"],
        ),
        (
            "priority: 3000000000, matcher: {}, action: {type: hold}",
            &["expected an integer from -2147483648 to 2147483647, found 3000000000"],
        ),
        ("enabled: maybe, matcher: {}, action: {type: hold}", &["expected true or false, found a text"]),
        ("description: , matcher: {}, action: {type: hold}", &["expected a text, found nothing"]),
        ("scope: all, matcher: {}, action: {type: hold}", &["unknown scope \"all\"; known: global"]),
        (
            "scope: {upstream: a, client: b}, matcher: {}, action: {type: hold}",
            &["a scope needs just one of upstream, client"],
        ),
        (
            "capture: {c: {path: /params}}, matcher: {}, action: {type: hold}",
            &["a capture needs `request`", "a capture has no field \"path\"; known: request"],
        ),
        ("matcher: {}, action: {type: hold, for: 5}", &["the action `hold` has no field \"for\""]),
        (
            "matcher: {}, action: {type: mock}",
            &["the action `mock` needs just one of response, error, tool_error, tape, sequence"],
        ),
        ("matcher: {}, action: {type: mock, response: {}, tape: x}", &["needs just one of"]),
        ("matcher: {}, action: {type: mock, response: [1]}", &["a result is a mapping in MCP, not a list"]),
        (
            "matcher: {}, action: {type: mock, response: {}, then: stop}",
            &["unknown `then` \"stop\"; known: repeat, cycle, pass"],
        ),
        ("matcher: {}, action: {type: mock, error: {code: x}}", &["expected an integer, found a text"]),
        ("matcher: {}, action: {type: mock, sequence: [{}]}", &["an answer needs just one of"]),
        ("matcher: {}, action: {type: mock, tape: \"\"}", &["the name of a tape is not empty"]),
        (
            "matcher: {}, action: {type: fault, delay_ms: 5}",
            &["the action `fault` needs `fault`", "has no field \"delay_ms\""],
        ),
        (
            "matcher: {}, action: {type: fault, fault: {delay_ms: 3600001}}",
            &["expected an integer from 0 to 3600000, found 3600001"],
        ),
        (
            "matcher: {}, action: {type: fault, fault: {flood: 100000}}",
            &["expected an integer from 1 to 10000"],
        ),
        (
            "matcher: {}, action: {type: fault, fault: {delay_ms: 1e99}}",
            &["expected an integer from 0 to 3600000, found 1e"],
        ),
        (
            "matcher: {}, action: {type: fault, fault: {timeout: true, flood: 1}}",
            &["`fault` needs just one of error, timeout"],
        ),
        ("matcher: {}, action: {type: fault, fault: {timeout: false}}", &["`timeout` is true, or left out"]),
        ("matcher: {}, action: {type: block, code: 1.5}", &["expected an integer from -9007199254740991"]),
        (
            "matcher: {}, action: {type: rewrite, rewrite: [{set: /params/a}]}",
            &["the step `set` needs `value`; add it"],
        ),
        (
            "matcher: {}, action: {type: rewrite, rewrite: [{remove: /params/a, value: 1}]}",
            &["`remove` takes no `value`"],
        ),
        (
            "matcher: {}, action: {type: rewrite, rewrite: [{set: /a, remove: /b, value: 1}]}",
            &["a step needs just one of set"],
        ),
        (
            "matcher: {}, action: {type: rewrite, rewrite: [], on_error: ignore}",
            &["unknown `on_error` \"ignore\""],
        ),
        (
            "matcher: {}, action: {type: tag, tag: {a: 1}}",
            &["expected a text, found a number; put it in quotes"],
        ),
        ("matcher: {}, action: {type: tag, tag: {\"\": b}}", &["the name of a tag is not empty"]),
    ];
    let rules = rules.into_iter().map(|(fields, said)| (rule(fields), said));
    let whole = whole.into_iter().map(|(text, said)| (text.to_owned(), said));
    whole.chain(rules).collect()
}

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

/// YAML as JSON, by a way that is not the crate's.
fn as_json(text: &str) -> Value {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true }).unwrap()
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

thread_local! {
    static SCHEMA_ONCE: std::rc::Rc<Validator> = std::rc::Rc::new(schema());
}
