//! Files of policies: what is in them, all that is wrong with one, and their schema, which says what the reader says.

#![cfg(all(feature = "yaml", feature = "regex", feature = "jsonpath", feature = "cel"))]

use jsonschema::Validator;
use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::policy::wassette::{Judged, Refusal};
use shadowcat::policy::{self, Loaded, Policy, Subject, Verdict, Who};
use shadowcat::rules::{Problem, ProblemKind, Problems, Seen};
use shadowcat::wassette::ManagementTool;
use shadowcat::{Direction, JsonRpcMessage};

const EVERY: &str = include_str!("../policies/every.yaml");

fn yaml(text: &str) -> Result<Loaded, Problems> {
    Policy::from_yaml("p.yaml", text)
}

/// A file of one rule, by its fields in YAML's flow style.
fn rule(fields: &str) -> String {
    format!("default: allow\nrules:\n- {{id: a, {fields}}}\n")
}

/// A file with this for a Wassette.
fn wassette(fields: &str) -> String {
    format!("default: allow\nrules: []\nwassette: {{{fields}}}\n")
}

#[test]
fn a_file_says_what_may_be_used_and_by_whom() {
    let Loaded { policy, wassette, warnings, .. } = yaml(EVERY).unwrap();
    assert!(warnings.is_empty(), "{warnings}");
    let who = Who::anybody().principal("alice").session("s-1").client("c").upstream("files");
    let may = |tool: &str, path: &str, who: &Who<'_>| {
        let params = json!({"name": tool, "arguments": {"path": path, "tags": ["xy"]}});
        let call = JsonRpcMessage::request(1, "tools/call", params.to_string()).unwrap();
        let seen = Seen::new(&call, Direction::ToUpstream);
        policy.decide(&Subject::tool(tool), who, Some(&seen)).verdict() == Verdict::Allow
    };
    assert!(may("read_file", "/data/a", &who) && may("list_all", "/data/a", &who));
    assert!(!may("write_file", "/data/a", &who));
    assert!(!may("read_file", "/etc/a", &who), "by a condition");
    assert!(!may("read_file", "/data/../a", &who), "by the expression");
    assert!(!may("read_file", "/data/a", &Who::anybody()), "to nobody else");
    assert!(policy.decide(&Subject::prompt("x"), &who, None).verdict() == Verdict::Allow);
    assert!(policy.decide(&Subject::resource("file:///etc/x"), &who, None).verdict() == Verdict::Deny);

    let profile = wassette.unwrap();
    assert!(profile.is_allowed(ManagementTool::LoadComponent));
    assert!(!profile.is_allowed(ManagementTool::GetPolicy));
    let load = |uri: &str| profile.judge("load-component", Some(json!({"path": uri}).to_string().as_bytes()));
    assert_eq!(load("oci://ghcr.io/microsoft/time:1"), Judged::Allow(ManagementTool::LoadComponent));
    assert_eq!(load("oci://registry.example:5000/a/b/c"), Judged::Refuse(Refusal::NotPinned));
    assert!(matches!(load("file:///components/a.wasm"), Judged::Check(_)));
    assert_eq!(load("https://a.example.com/tools/a.wasm"), Judged::Refuse(Refusal::NotPinned));
}

/// A file, and what is said of it.
fn malformed() -> Vec<(String, &'static str)> {
    vec![
        ("[]".into(), "p.yaml:1:1: expected a file of a policy, a mapping, found a list"),
        ("rules: []".into(), "p.yaml:1:1: a file of a policy needs `default`; add it"),
        ("default: allow".into(), "p.yaml:1:1: a file of a policy needs `rules`; add it"),
        ("default: alow\nrules: []".into(), "p.yaml:1:10: unknown default \"alow\"; did you mean \"allow\"?"),
        (
            "default: deny\nrules: []\nversion: 2".into(),
            "p.yaml:3:10: version 2 of the format is not known; this reads version 1",
        ),
        (
            "default: deny\nrules: []\nruels: []".into(),
            "p.yaml:3:1: a file of a policy has no field \"ruels\"; did you mean \"rules\"?",
        ),
        (
            rule("effect: deny"),
            "p.yaml:3:3: rule \"a\": a rule of a policy needs just one of tool, prompt, resource, method, component",
        ),
        (
            rule("effect: deny, tool: x, prompt: y"),
            "p.yaml:3:3: rule \"a\": a rule of a policy needs just one of tool, prompt, resource, method, component",
        ),
        (
            rule("effect: refuse, tool: x"),
            "p.yaml:3:19: rule \"a\": unknown effect \"refuse\"; known: allow, deny",
        ),
        (rule("effect: deny, tool: {regex: '('}"), "no regular expression"),
        (rule("effect: deny, tool: {glub: x}"), "did you mean \"glob\"?"),
        (
            rule("effect: deny, tool: x, for: {}"),
            "p.yaml:3:39: rule \"a\": `for` needs one or more of principal, session, client, upstream",
        ),
        (rule("effect: deny, tool: x, where: [{path: a, exists: true}]"), "\"a\" is no path"),
        (
            rule("effect: deny, tool: x, if: 'args.'"),
            "p.yaml:3:38: rule \"a\": no condition: it cannot be read",
        ),
        (
            rule("effect: deny, tool: x, if: 'arg.x == 1'"),
            "no condition: there is no variable \"arg\", at line 1, column 1",
        ),
        (rule("effect: deny, tool: x, if: 1"), "expected a text, found a number; put it in quotes"),
        (rule("effect: deny, tool: x, priority: high"), "expected an integer, found a text"),
        (
            rule("effect: deny, tool: x}\n- {id: a, effect: allow, tool: y"),
            "p.yaml:4:8: rule \"a\": the rule in line 3 has this id, too; rename one",
        ),
        (wassette("allow: [load]"), "unknown tool of Wassette \"load\""),
        (
            wassette("allow: [get-policy], deny: [get-policy]"),
            "p.yaml:3:40: \"get-policy\" is allowed and denied; remove one",
        ),
        (wassette("deny: [get-policy, get-policy]"), "p.yaml:3:31: \"get-policy\" stands twice; remove one"),
        (
            wassette("sources: ['oci://*/x']"),
            "p.yaml:3:22: no source: a host is written out, or begins with `*.`",
        ),
        (wassette("sources: ['http://a/x']"), "no source: a pattern begins with file://, oci:// or https://"),
        (
            wassette("sources: ['file:///a/../b']"),
            "no source: a path has neither `.` nor `..`; write where it leads",
        ),
        (
            wassette("sources: [{from: 'oci://a.b/c', digest: 'sha256:1'}]"),
            "no digest: a digest is written as",
        ),
        (wassette("sources: [{from: 'oci://a.b/c', digest: []}]"), "name a digest, or leave `digest` out"),
        (wassette("sources: [{pinned: true}]"), "a source needs `from`; add it"),
        (
            wassette("ceiling: {version: '1.0', permissions: {netwrok: {}}}"),
            "p.yaml:3:51: no policy of Wassette: permissions: unknown field `netwrok`",
        ),
        (
            wassette(
                "ceiling: {version: '1.0', permissions: {storage: {allow: [{uri: /x, access: [read]}]}}}",
            ),
            "p.yaml:3:76: no policy of Wassette: permissions.storage.allow[0].uri: a storage URI begins with fs://",
        ),
        (wassette("ceilling: {}"), "`wassette` has no field \"ceilling\"; did you mean \"ceiling\"?"),
    ]
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_what_to_do() {
    let mut wrong = Vec::new();
    for (text, said) in malformed() {
        let problems = yaml(&text).expect_err(&text).to_string();
        if !problems.contains(said) {
            wrong.push(format!("{text}{problems}\nis not\n{said}\n"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn everything_is_told_at_once_and_in_order() {
    let text = "default: maybe\nrules:\n- {id: a, effect: no, tool: x}\n- {id: b, effect: deny, tool: {glob: 1}}\n\
                wassette: {allow: [x]}\n";
    let problems = yaml(text).unwrap_err();
    let lines: Vec<u32> = problems.iter().map(|problem| problem.at.unwrap().line).collect();
    assert_eq!(lines, [1, 3, 4, 5], "{problems}");
}

#[test]
fn rules_that_contradict_are_an_error_at_their_place() {
    let text =
        "default: allow\nrules:\n- {id: no, effect: deny, tool: x}\n- {id: yes, effect: allow, tool: x}\n";
    let problems = yaml(text).unwrap_err().to_string();
    assert_eq!(
        problems,
        "p.yaml:4:3: rule \"yes\": the rule \"no\" denies what it allows; remove one of them"
    );
}

#[test]
fn what_is_doubtful_is_a_warning_at_its_place() {
    let warnings = yaml(&rule("effect: deny, tool: 'get_*'")).unwrap().warnings.to_string();
    assert!(warnings.starts_with("p.yaml:3:3: warning: rule \"a\": "), "{warnings}");
}

#[test]
fn a_rule_that_is_not_enabled_is_not_in_force_and_still_read() {
    let denied = |text: String| {
        let policy = yaml(&text).unwrap().policy;
        policy.decide(&Subject::tool("x"), &Who::anybody(), None).verdict() == Verdict::Deny
    };
    assert!(denied(rule("effect: deny, tool: x")));
    assert!(!denied(rule("effect: deny, tool: x, enabled: false")));
    assert!(yaml(&rule("effect: deny, tool: {glob: 1}, enabled: false")).is_err());
}

fn schema() -> Validator {
    jsonschema::validator_for(&serde_json::from_str(policy::SCHEMA).unwrap()).unwrap()
}

/// What no schema tells.
const BEYOND_THE_SCHEMA: [&str; 10] = [
    "no regular expression",
    "no JSONPath",
    "a JSONPath has at most",
    "has this id, too",
    "no condition",
    "is allowed and denied",
    "no source: ",
    "no policy of Wassette",
    "no YAML",
    "stands twice",
];

fn tells(problem: &Problem) -> bool {
    let what = &problem.what;
    problem.kind == ProblemKind::Malformed && !BEYOND_THE_SCHEMA.iter().any(|beyond| what.contains(beyond))
}

/// A file that breaks the schema is refused, and one that is malformed breaks the schema.
fn agree(schema: &Validator, file: &Value) -> Result<(), String> {
    let read = Policy::from_json("p", &file.to_string());
    let valid = schema.is_valid(file);
    let malformed = read.as_ref().err().is_some_and(|problems| problems.iter().any(tells));
    // What breaks the schema is refused; what is refused for its form breaks the schema.
    if if valid { !malformed } else { read.is_err() } {
        return Ok(());
    }
    let errors: Vec<String> = schema.iter_errors(file).map(|error| error.to_string()).collect();
    Err(format!("{file}\nread: {:?}\nschema: {errors:#?}", read.map(|_| ())))
}

fn as_json(text: &str) -> Value {
    serde_saphyr::from_str_with_options(text, serde_saphyr::options! { strict_booleans: true }).unwrap()
}

#[test]
fn the_schema_takes_what_is_right_and_refuses_what_is_malformed() {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&serde_json::from_str(policy::SCHEMA).unwrap()));
    let errors: Vec<String> = schema.iter_errors(&as_json(EVERY)).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
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
    for place in places(&whole, String::new()) {
        for other in [json!(null), json!(true), json!(7), json!("x"), json!([]), json!({}), json!({"x": 1})] {
            let mut file = whole.clone();
            *file.pointer_mut(&place).unwrap() = other;
            agree(&schema, &file).unwrap();
            count += 1;
        }
        let (parent, key) = place.rsplit_once('/').unwrap_or_default();
        let mut file = whole.clone();
        if let Some(Value::Object(members)) = file.pointer_mut(parent) {
            let value = members.remove(key);
            agree(&schema, &file).unwrap();
            let Some(Value::Object(members)) = file.pointer_mut(parent) else { continue };
            members.insert("another".to_owned(), value.unwrap_or_default());
            agree(&schema, &file).unwrap();
        }
    }
    assert!(count > 500, "{count}");
}

/// The pointer of every value of a document.
fn places(value: &Value, at: String) -> Vec<String> {
    let inner: Vec<_> = match value {
        Value::Object(members) => {
            members.iter().flat_map(|(key, value)| places(value, format!("{at}/{key}"))).collect()
        }
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(key, value)| places(value, format!("{at}/{key}"))).collect()
        }
        _ => Vec::new(),
    };
    std::iter::once(at).chain(inner).collect()
}

/// A value of any shape, of the words that the format knows.
fn any_value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "id",
        "effect",
        "allow",
        "deny",
        "tool",
        "prompt",
        "resource",
        "method",
        "component",
        "for",
        "where",
        "if",
        "principal",
        "client",
        "glob",
        "regex",
        "path",
        "equals",
        "exists",
        "/params/a",
        "true",
        "args.x",
        "sources",
        "from",
        "pinned",
        "digest",
        "ceiling",
        "get-policy",
        "load-component",
        "oci://a.b/c",
        "version",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2..3_i64).prop_map(Value::from),
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
    fn the_schema_and_the_reader_agree(one in any_value(), other in any_value(), name in "tool|for|where|if|method") {
        let schema = SCHEMA.with(std::rc::Rc::clone);
        let mut rule = json!({"id": "a", "effect": "deny", "tool": "x"});
        rule[name] = one.clone();
        for file in [
            json!({"default": "deny", "rules": [rule]}),
            json!({"default": "deny", "rules": [one.clone()]}),
            json!({"default": "deny", "rules": [], "wassette": one}),
            json!({"default": "deny", "rules": [], "wassette": {"sources": [other.clone()], "allow": other}}),
        ] {
            agree(&schema, &file).map_err(TestCaseError::fail)?;
        }
    }
}

thread_local! {
    static SCHEMA: std::rc::Rc<Validator> = std::rc::Rc::new(schema());
}
