//! What is told of rules before any message comes is so, whatever they are.

#![cfg(all(feature = "regex", feature = "jsonpath"))]

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::protocol::Era;
use shadowcat::rules::{
    Action, Matcher, Place, Problem, ProblemKind, Rule, RuleSet, Scope, Seen, Test, Text, Type,
};
use shadowcat::{Direction, JsonRpcMessage, Kind, Pointer};

use ProblemKind::{NeverMatches, Shadowed};

fn pointer(text: &str) -> Pointer {
    text.parse().unwrap()
}

fn text() -> impl Strategy<Value = Text> {
    let exact = prop::sample::select(vec!["a", "b", "ab", "s"]).prop_map(Text::exact);
    let glob = prop::sample::select(vec!["a*", "*", "?", "*b"]).prop_map(Text::glob);
    let regex = prop::sample::select(vec!["^a", "b$"]).prop_map(|regex| Text::regex(regex).unwrap());
    let one = prop_oneof![4 => exact, 2 => glob, 1 => regex].boxed();
    prop_oneof![4 => one.clone(), 1 => prop::collection::vec(one, 0..3).prop_map(Text::any_of)]
}

fn method() -> impl Strategy<Value = Text> {
    prop_oneof![
        prop::sample::select(vec![
            "tools/call",
            "prompts/get",
            "resources/read",
            "notifications/progress",
            "ping"
        ])
        .prop_map(Text::exact),
        prop::sample::select(vec!["tools/*", "*", "notifications/*", "p*"]).prop_map(Text::glob),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!(1),
        json!(2),
        json!(1.0),
        json!(1.5),
        json!("a"),
        json!("ab"),
        json!(null),
        json!(true),
        json!({}),
        json!([]),
        json!({"x": 1}),
        json!({"x": 2}),
        json!({"x": "a", "y": 1}),
        json!([1]),
        json!([1, 2]),
        json!("b"),
    ])
}

fn test() -> impl Strategy<Value = Test> {
    let number = || prop::sample::select(vec![0.0, 1.0, 1.5, 2.0]);
    let kind =
        vec![Type::Null, Type::Boolean, Type::Number, Type::Integer, Type::String, Type::Array, Type::Object];
    let one = prop_oneof![
        2 => Just(Test::Exists),
        2 => Just(Test::Missing),
        4 => value().prop_map(Test::Equals),
        2 => prop::collection::vec(value(), 0..3).prop_map(Test::OneOf),
        4 => value().prop_map(Test::Like),
        1 => text().prop_map(Test::Text),
        1 => number().prop_map(Test::Above),
        1 => number().prop_map(Test::AtLeast),
        1 => number().prop_map(Test::Below),
        1 => number().prop_map(Test::AtMost),
        1 => (0..3_usize).prop_map(Test::LongerThan),
        2 => prop::sample::select(kind).prop_map(Test::Type),
    ]
    .boxed();
    prop_oneof![4 => one.clone(), 1 => prop::collection::vec(one, 0..3).prop_map(Test::All)]
}

fn place() -> impl Strategy<Value = Place> {
    let pointers = vec![
        "/params",
        "/params/name",
        "/params/arguments",
        "/params/arguments/x",
        "/params/uri",
        "/result",
        "/result/x",
        "/error/code",
        "/method",
        "/id",
        "/id/x",
        "/params/arguments/0",
    ];
    let paths = vec![
        "$.params",
        "$..x",
        "$.result",
        "$['params']['arguments']",
        "$.params.arguments[*]",
        "$['id','result']",
    ];
    prop_oneof![
        3 => prop::sample::select(pointers).prop_map(|text| Place::from(pointer(text))),
        1 => prop::sample::select(paths).prop_map(|path| Place::path(path).unwrap()),
    ]
}

#[derive(Clone, Debug)]
enum Part {
    Direction(Direction),
    Kind(Kind),
    Method(Text),
    Tool(Text),
    Prompt(Text),
    Uri(Text),
    Session(Text),
    Era(Era),
    When(Place, Test),
    All(Matcher),
    Any(Vec<Matcher>),
    Not(Matcher),
}

fn put(matcher: Matcher, part: Part) -> Matcher {
    match part {
        Part::Direction(direction) => matcher.direction(direction),
        Part::Kind(kind) => matcher.kind(kind),
        Part::Method(text) => matcher.method(text),
        Part::Tool(text) => matcher.tool(text),
        Part::Prompt(text) => matcher.prompt(text),
        Part::Uri(text) => matcher.uri(text),
        Part::Session(text) => matcher.session(text),
        Part::Era(era) => matcher.era(era),
        Part::When(place, test) => matcher.when(place, test),
        Part::All(part) => matcher.all(part),
        Part::Any(parts) => matcher.any(parts),
        Part::Not(part) => matcher.not(part),
    }
}

fn matcher() -> impl Strategy<Value = Matcher> {
    let leaf = prop_oneof![
        1 => prop::sample::select(vec![Direction::ToUpstream, Direction::ToClient]).prop_map(Part::Direction),
        1 => prop::sample::select(vec![Kind::Request, Kind::Response, Kind::Notification]).prop_map(Part::Kind),
        2 => method().prop_map(Part::Method),
        3 => text().prop_map(Part::Tool),
        1 => text().prop_map(Part::Prompt),
        1 => text().prop_map(Part::Uri),
        1 => text().prop_map(Part::Session),
        1 => prop::sample::select(vec![Era::Legacy, Era::Modern]).prop_map(Part::Era),
        6 => (place(), test()).prop_map(|(place, test)| Part::When(place, test)),
    ];
    let of = |parts: Vec<Part>| parts.into_iter().fold(Matcher::new(), put);
    let flat = prop::collection::vec(leaf.clone(), 0..3).prop_map(of).boxed();
    flat.prop_recursive(2, 8, 3, move |inner| {
        let part = prop_oneof![
            4 => leaf.clone(),
            1 => inner.clone().prop_map(Part::All),
            1 => prop::collection::vec(inner.clone(), 0..3).prop_map(Part::Any),
            1 => inner.prop_map(Part::Not),
        ];
        prop::collection::vec(part, 0..4).prop_map(of)
    })
}

/// A small world: every matcher of above may well match here.
fn messages() -> Vec<(JsonRpcMessage, Option<JsonRpcMessage>)> {
    let payloads = [
        json!(1),
        json!(1.5),
        json!("a"),
        json!("ab"),
        json!({"x": 1}),
        json!({"x": "a", "y": 1}),
        json!([1, 2]),
        json!(null),
        json!([]),
    ];
    let mut messages = Vec::new();
    for payload in &payloads {
        for name in ["a", "ab", "s"] {
            for (method, member) in
                [("tools/call", "name"), ("prompts/get", "name"), ("resources/read", "uri")]
            {
                let params = json!({member: name, "arguments": payload}).to_string();
                let request = JsonRpcMessage::request(1, method, params).unwrap();
                let result = JsonRpcMessage::response(1, payload.to_string()).unwrap();
                messages.extend([(request.clone(), None), (result, Some(request))]);
            }
        }
        let result = json!({"x": payload, "params": 1}).to_string();
        let ping = JsonRpcMessage::request("a", "ping", "{}").unwrap();
        messages.push((JsonRpcMessage::response("a", result).unwrap(), Some(ping.clone())));
        messages.push((ping, None));
        let params = json!({"arguments": payload}).to_string();
        messages.push((JsonRpcMessage::notification("notifications/progress", params).unwrap(), None));
    }
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"a"}}"#;
    messages.push((JsonRpcMessage::parse(error).unwrap(), None));
    messages
}

static WORLD: LazyLock<Vec<(JsonRpcMessage, Option<JsonRpcMessage>)>> = LazyLock::new(messages);

/// Calls `look` with every message of the world, both ways, with and without a session.
fn everywhere(mut look: impl FnMut(&Seen<'_>)) {
    for (message, request) in WORLD.iter() {
        for direction in [Direction::ToUpstream, Direction::ToClient] {
            for (session, era) in
                [(None, None), (Some("s"), Some(Era::Legacy)), (Some("ab"), Some(Era::Modern))]
            {
                let seen = Seen::new(message, direction).session(session).era(era);
                look(&if request.is_some() { seen.request(request.as_ref()) } else { seen });
            }
        }
    }
}

fn of<'a>(problems: impl Iterator<Item = &'a Problem>, id: &str, kind: ProblemKind) -> bool {
    problems.into_iter().any(|problem| problem.kind == kind && problem.rule.as_deref() == Some(id))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_said_never_to_match_matches_nothing(matcher in matcher(), scope in prop::option::of(text())) {
        let scope = scope.map_or(Scope::Global, Scope::Session);
        let rules = RuleSet::new([Rule::new("a", matcher.clone(), Action::Hold).scope(scope)]).unwrap();
        let problems = rules.problems();
        if of(problems.iter(), "a", NeverMatches) {
            let mut matched = false;
            everywhere(|seen| matched |= matches!(rules.next(None, seen), Ok(Some(_))));
            prop_assert!(!matched, "{matcher:#?} {problems}");
        }
    }

    #[test]
    fn what_is_said_never_to_be_reached_is_not(first in matcher(), second in matcher(), alike in any::<bool>(), more in matcher()) {
        let second = if alike { first.clone().all(more) } else { second };
        let rules = RuleSet::new([
            Rule::new("first", first.clone(), Action::Pass),
            Rule::new("second", second.clone(), Action::Hold),
        ]).unwrap();
        let problems = rules.problems();
        if of(problems.iter(), "second", Shadowed) {
            let mut reached = false;
            everywhere(|seen| {
                reached |= matches!(rules.next(None, seen), Ok(Some(found)) if found.rule().id() == "second");
            });
            prop_assert!(!reached, "{first:#?} {second:#?} {problems}");
        }
    }
}
