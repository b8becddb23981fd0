//! The index never changes which rules are asked.

use proptest::prelude::*;
use serde_json::json;
use shadowcat::rules::{Action, Matcher, Rule, RuleSet, Seen, Test, Text};
use shadowcat::{Direction, JsonRpcMessage, Kind, Pointer};

const METHODS: [&str; 7] = [
    "tools/call",
    "tools/list",
    "prompts/get",
    "resources/read",
    "sampling/createMessage",
    "notifications/progress",
    "notifications/resources/updated",
];

const PLACES: [&str; 5] = ["/params/arguments/n", "/params/name", "/result/n", "/error/code", "/method"];

fn text(words: &'static [&'static str]) -> impl Strategy<Value = Text> {
    let exact = prop::sample::select(words).prop_map(Text::exact);
    let glob = prop::sample::select(&["*", "tools/*", "?", "resources/*", "a*"][..]).prop_map(Text::glob);
    let one = prop_oneof![3 => exact, 1 => glob];
    prop_oneof![3 => one.clone(), 1 => prop::collection::vec(one, 0..3).prop_map(Text::any_of)]
}

fn name() -> impl Strategy<Value = Text> {
    text(&["a", "b", "c"])
}

fn test() -> impl Strategy<Value = (Pointer, Test)> {
    let place = prop::sample::select(&PLACES[..]).prop_map(|place| place.parse().unwrap());
    let test = prop_oneof![
        Just(Test::Exists),
        Just(Test::Missing),
        Just(Test::Equals(json!(1))),
        Just(Test::Equals(json!("a"))),
        Just(Test::Below(2.0)),
    ];
    (place, test)
}

fn flat() -> impl Strategy<Value = Matcher> {
    let direction = prop_oneof![Just(Direction::ToUpstream), Just(Direction::ToClient)];
    let kind = prop_oneof![Just(Kind::Request), Just(Kind::Notification), Just(Kind::Response)];
    let named = prop_oneof![
        name().prop_map(|name| Matcher::new().tool(name)),
        name().prop_map(|name| Matcher::new().prompt(name)),
        name().prop_map(|name| Matcher::new().uri(name)),
        Just(Matcher::new()),
        Just(Matcher::new()),
    ];
    let option = |one_in| prop::option::weighted(one_in, Just(()));
    (
        named,
        prop::option::of(text(&METHODS)),
        direction,
        option(0.3),
        kind,
        option(0.3),
        prop::option::weighted(0.3, test()),
    )
        .prop_map(|(matcher, method, direction, directed, kind, of_kind, test)| {
            let matcher = method.into_iter().fold(matcher, Matcher::method);
            let matcher = directed.into_iter().fold(matcher, |matcher, ()| matcher.direction(direction));
            let matcher = of_kind.into_iter().fold(matcher, |matcher, ()| matcher.kind(kind));
            test.into_iter().fold(matcher, |matcher, (place, test)| matcher.when(place, test))
        })
}

fn matcher() -> impl Strategy<Value = Matcher> {
    flat().prop_recursive(2, 6, 3, |inner| {
        let parts = prop::collection::vec(inner, 0..3);
        (flat(), prop_oneof![Just(0), Just(1), Just(2)], parts).prop_map(|(matcher, how, parts)| match how {
            0 => parts.into_iter().fold(matcher, Matcher::all),
            1 => matcher.any(parts),
            _ => parts.into_iter().fold(matcher, Matcher::not),
        })
    })
}

fn params() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&["a", "b", "d"][..]);
    (name, 0..3)
        .prop_map(|(name, n)| format!(r#"{{"name":"{name}","uri":"{name}","arguments":{{"n":{n}}}}}"#))
}

fn message() -> impl Strategy<Value = (JsonRpcMessage, JsonRpcMessage)> {
    let request = (prop::sample::select(&METHODS[..]), params());
    let request = request.prop_map(|(method, params)| match method.starts_with("notifications/") {
        true => JsonRpcMessage::notification(method, params).unwrap(),
        false => JsonRpcMessage::request(1, method, params).unwrap(),
    });
    let answer = (0..2).prop_map(|n| JsonRpcMessage::response(1, format!(r#"{{"n":{n}}}"#)).unwrap());
    (request, prop::option::of(answer)).prop_map(|(request, answer)| match answer {
        Some(answer) if request.kind() == Kind::Request => (answer, request),
        _ => (request.clone(), request),
    })
}

proptest! {
    #[test]
    fn exactly_those_rules_are_found_whose_matchers_match(
        matchers in prop::collection::vec((matcher(), -1..2), 0..12),
        (message, request) in message(),
        upstream: bool,
    ) {
        let rules = matchers.iter().enumerate().map(|(at, (matcher, priority))| {
            Rule::new(&at.to_string(), matcher.clone(), Action::Hold).priority(*priority)
        });
        let rules = RuleSet::new(rules).unwrap();
        let direction = if upstream { Direction::ToUpstream } else { Direction::ToClient };
        let seen = || {
            let request = (message.kind() != Kind::Notification).then_some(&request);
            Seen::new(&message, direction).request(request)
        };
        let expected: Vec<&str> = rules
            .rules()
            .filter(|rule| rule.matcher().matches(&seen()).unwrap())
            .map(Rule::id)
            .collect();
        let (mut found, mut position) = (Vec::new(), None);
        while let Some(matched) = rules.next(position, &seen()).unwrap() {
            position = Some(matched.position());
            found.push(matched.rule().id());
        }
        prop_assert_eq!(&found, &expected);
        prop_assert!(found.is_empty() || rules.concerns(&seen()));
    }
}
