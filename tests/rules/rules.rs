//! Which rules are for which messages.

use serde_json::json;
use shadowcat::protocol::Era;
use shadowcat::rules::{Action, IdTaken, Matcher, Rule, RuleSet, Scope, Seen, Test, Text, Type};
use shadowcat::{Direction, JsonRpcMessage, Kind, Pointer, ScanOptions};

use Direction::{ToClient, ToUpstream};

fn call(tool: &str, arguments: &str) -> JsonRpcMessage {
    let params = format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#);
    JsonRpcMessage::request(7, "tools/call", params).unwrap()
}

fn answer(result: &str) -> JsonRpcMessage {
    JsonRpcMessage::response(7, result).unwrap()
}

fn at(place: &str) -> Pointer {
    place.parse().unwrap()
}

fn rule(id: &str, matcher: Matcher) -> Rule {
    Rule::new(id, matcher, Action::Pass)
}

/// The ids of all rules that are for it, in order.
fn ids(rules: &RuleSet, seen: &Seen<'_>) -> Vec<String> {
    let mut position = None;
    let mut ids = Vec::new();
    while let Some(matched) = rules.next(position, seen).unwrap() {
        position = Some(matched.position());
        ids.push(matched.rule().id().to_owned());
    }
    ids
}

#[test]
fn a_matcher_without_words_is_for_every_request_of_a_client() {
    let (all, list) = (Matcher::new(), JsonRpcMessage::request(1, "tools/list", "").unwrap());
    assert!(all.matches(&Seen::new(&list, ToUpstream)).unwrap());
    assert!(!all.matches(&Seen::new(&list, ToClient)).unwrap());
    let done = JsonRpcMessage::notification("notifications/initialized", "").unwrap();
    assert!(!all.matches(&Seen::new(&done, ToUpstream)).unwrap());
    assert!(!all.matches(&Seen::new(&answer("{}"), ToClient).request(Some(&list))).unwrap());
}

#[test]
fn direction_and_kind_follow_from_what_is_said() {
    let call = call("add", "{}");
    let answer = answer(r#"{"isError":true}"#);
    let asks = JsonRpcMessage::request(1, "sampling/createMessage", "{}").unwrap();
    let logs = JsonRpcMessage::notification("notifications/message", "{}").unwrap();
    let begun = JsonRpcMessage::notification("notifications/initialized", "").unwrap();
    let method = |name| Matcher::new().method(Text::exact(name));
    let (up, down) = (|message| Seen::new(message, ToUpstream), |message| Seen::new(message, ToClient));
    let failed = method("tools/call").result(json!({"isError": true}));
    assert!(failed.matches(&down(&answer).request(Some(&call))).unwrap());
    assert!(!failed.matches(&up(&call)).unwrap());
    assert!(method("sampling/createMessage").matches(&down(&asks)).unwrap());
    assert!(!method("sampling/createMessage").matches(&up(&asks)).unwrap());
    assert!(method("notifications/message").matches(&down(&logs)).unwrap());
    assert!(method("notifications/initialized").matches(&up(&begun)).unwrap());
    let answers = method("sampling/createMessage").kind(Kind::Response);
    assert!(answers.matches(&up(&answer).request(Some(&asks))).unwrap(), "the client answers the server");
    assert!(method("tools/call").kind(Kind::Response).matches(&down(&answer).request(Some(&call))).unwrap());
}

#[test]
fn a_part_that_says_a_direction_leaves_the_whole_open() {
    let either = Matcher::new()
        .any([Matcher::new().direction(ToUpstream), Matcher::new().direction(ToClient).kind(Kind::Response)]);
    let list = JsonRpcMessage::request(1, "tools/list", "").unwrap();
    let logs = JsonRpcMessage::notification("notifications/message", "{}").unwrap();
    assert!(either.matches(&Seen::new(&list, ToUpstream)).unwrap());
    assert!(either.matches(&Seen::new(&answer("{}"), ToClient).request(Some(&list))).unwrap());
    assert!(!either.matches(&Seen::new(&logs, ToClient)).unwrap());
}

#[test]
fn a_name_is_that_of_the_request_or_of_its_response() {
    let tool = Matcher::new().tool(Text::any_of([Text::glob("get_*"), Text::exact("add")]));
    for (name, expected) in [("add", true), ("get_x", true), ("Add", false), ("forget_x", false)] {
        assert_eq!(tool.matches(&Seen::new(&call(name, "{}"), ToUpstream)).unwrap(), expected, "{name}");
    }
    let (call, answer) = (call("add", "{}"), answer("{}"));
    let answered = tool.clone().kind(Kind::Response);
    assert!(answered.matches(&Seen::new(&answer, ToClient).request(Some(&call))).unwrap());
    let progress = JsonRpcMessage::notification("notifications/progress", "{}").unwrap();
    let beside = tool.kind(Kind::Notification).direction(ToClient);
    assert!(!beside.matches(&Seen::new(&progress, ToClient).request(Some(&call))).unwrap());
    let read = JsonRpcMessage::request(1, "resources/read", r#"{"uri":"file:///etc/passwd"}"#).unwrap();
    assert!(Matcher::new().uri(Text::glob("file:///etc/*")).matches(&Seen::new(&read, ToUpstream)).unwrap());
    let prompt = JsonRpcMessage::request(1, "prompts/get", r#"{"name":"add"}"#).unwrap();
    assert!(!Matcher::new().tool(Text::exact("add")).matches(&Seen::new(&prompt, ToUpstream)).unwrap());
    assert!(Matcher::new().prompt(Text::exact("add")).matches(&Seen::new(&prompt, ToUpstream)).unwrap());
}

#[test]
fn a_name_that_peers_may_read_differently_is_not_decided_about() {
    let twice = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#;
    let twice = JsonRpcMessage::parse_with(&twice[..], &ScanOptions::new().transparent()).unwrap();
    let number = JsonRpcMessage::request(1, "tools/call", r#"{"name":1}"#).unwrap();
    let rules = RuleSet::new([rule("b", Matcher::new().tool(Text::exact("b")))]).unwrap();
    for odd in [twice, number] {
        assert!(rules.next(None, &Seen::new(&odd, ToUpstream)).is_err());
        let all = RuleSet::new([rule("all", Matcher::new())]).unwrap();
        assert_eq!(ids(&all, &Seen::new(&odd, ToUpstream)), ["all"], "nobody asks for its name");
    }
}

#[test]
fn a_fact_that_is_not_known_is_not_matched() {
    let call = call("add", "{}");
    let seen = || Seen::new(&call, ToUpstream);
    let glob = || Text::glob("*");
    assert!(!Matcher::new().session(glob()).matches(&seen()).unwrap());
    assert!(Matcher::new().session(glob()).matches(&seen().session("s")).unwrap());
    assert!(Matcher::new().principal(Text::exact("p")).matches(&seen().principal("p")).unwrap());
    assert!(Matcher::new().upstream(Text::exact("u")).matches(&seen().upstream("u")).unwrap());
    assert!(Matcher::new().client(Text::exact("c")).matches(&seen().client("c")).unwrap());
    assert!(Matcher::new().component(Text::exact("c")).matches(&seen().component("c")).unwrap());
    assert!(!Matcher::new().era(Era::Modern).matches(&seen()).unwrap());
    assert!(Matcher::new().era(Era::Modern).matches(&seen().era(Era::Modern)).unwrap());
}

#[test]
fn each_test_holds_of_what_it_says() {
    let like = |value| Test::Like(value);
    let table = [
        ("/params/arguments/n", Test::Exists, true),
        ("/params/arguments/x", Test::Exists, false),
        ("/params/arguments/x", Test::Missing, true),
        ("/params/arguments/n", Test::Missing, false),
        ("/params/arguments/n", Test::Equals(json!(3.0)), true),
        ("/params/arguments/n", Test::OneOf(vec![json!(1), json!(3)]), true),
        ("/params/arguments/n", Test::OneOf(vec![]), false),
        ("/params/arguments/n", Test::Above(3.0), false),
        ("/params/arguments/n", Test::AtLeast(3.0), true),
        ("/params/arguments/n", Test::Below(3.5), true),
        ("/params/arguments/n", Test::AtMost(2.9), false),
        ("/params/arguments/n", Test::Type(Type::Integer), true),
        ("/params/arguments/s", Test::Type(Type::Integer), false),
        ("/params/arguments/s", Test::Text(Text::glob("gr?n")), true),
        ("/params/arguments/s", Test::LongerThan(4), false),
        ("/params/arguments/s", Test::LongerThan(3), true),
        ("/params/arguments/n", Test::LongerThan(0), false),
        ("/params/arguments/l/1/k", Test::Equals(json!("v")), true),
        ("/params/arguments/l/01/k", Test::Missing, true),
        ("/params/arguments/l", like(json!([{"k": "v"}])), true),
        ("/params/arguments/l", like(json!([{"k": "w"}])), false),
        ("/params", like(json!({"name": "t", "arguments": {"n": 3}})), true),
        ("/params", Test::Equals(json!({"name": "t"})), false),
    ];
    let call = call("t", r#"{"n":3,"s":"grün","l":[1,{"k":"v","m":0}]}"#);
    for (place, test, expected) in table {
        let matcher = Matcher::new().when(at(place), test.clone());
        assert_eq!(matcher.matches(&Seen::new(&call, ToUpstream)).unwrap(), expected, "{place} {test:?}");
    }
}

#[cfg(feature = "jsonpath")]
#[test]
fn a_path_holds_where_any_value_does() {
    use shadowcat::rules::Place;

    let path = |path, test| Matcher::new().when(Place::path(path).unwrap(), test);
    let call = call("t", r#"{"files":[{"path":"/tmp/a"},{"path":"/etc/b"}]}"#);
    let matches = |matcher: Matcher| matcher.matches(&Seen::new(&call, ToUpstream)).unwrap();
    let below_etc = Test::Text(Text::glob("/etc/*"));
    assert!(matches(path("$.params.arguments.files[*].path", below_etc.clone())));
    assert!(matches(path("$..path", below_etc)));
    assert!(matches(path("$..size", Test::Missing)));
    assert!(matches(path("$.params.arguments.files[?length(@.path) > 5]", Test::Exists)));
    assert!(Place::path("$.[").is_err());
    assert_eq!(Place::path("$['result'].x").unwrap().payload(), Some("result"));
    assert_eq!(Place::path("$.results").unwrap().payload(), None);
}

#[cfg(feature = "regex")]
#[test]
fn a_regular_expression_takes_linear_time_and_bounded_space() {
    let slow_elsewhere = Text::regex("^(a+)+$").unwrap();
    assert!(!slow_elsewhere.matches(&format!("{}b", "a".repeat(100_000))));
    assert!(Text::regex("(").is_err());
    assert!(Text::regex(r"((\w{100}){100}){100}").is_err());
    let a_glob_too = Text::glob(&"*a".repeat(50));
    assert!(!a_glob_too.matches(&"a".repeat(49)));
}

#[test]
fn priority_comes_first_then_the_narrower_scope_then_the_order_given() {
    let in_scope = |id, scope| rule(id, Matcher::new()).scope(scope);
    let rules = RuleSet::new([
        rule("last", Matcher::new()).priority(-1),
        rule("one", Matcher::new()),
        rule("two", Matcher::new()),
        in_scope("server", Scope::Upstream(Text::exact("u"))),
        in_scope("session", Scope::Session(Text::glob("s*"))),
        in_scope("not here", Scope::Session(Text::exact("other"))),
        rule("first", Matcher::new()).priority(5),
    ])
    .unwrap();
    let call = call("t", "{}");
    let seen = Seen::new(&call, ToUpstream).session("s-1").upstream("u");
    assert_eq!(ids(&rules, &seen), ["first", "session", "server", "one", "two", "last"]);
}

#[test]
fn an_id_names_one_rule() {
    let twice =
        RuleSet::new([rule("a", Matcher::new()), rule("b", Matcher::new()), rule("a", Matcher::new())]);
    assert_eq!(twice.unwrap_err(), IdTaken("a".into()));
}

#[test]
fn occurrences_are_counted_by_rule() {
    let rules = RuleSet::new([
        rule("third", Matcher::new().tool(Text::exact("t"))).only(3),
        rule("every other from the second", Matcher::new()).from(2).every(2).until(5),
        rule("never", Matcher::new()).chance(0.0),
    ])
    .unwrap();
    let (call, other) = (call("t", "{}"), call("u", "{}"));
    let seen = |message| ids(&rules, &Seen::new(message, ToUpstream));
    assert_eq!(seen(&call), [""; 0]);
    assert_eq!(seen(&other), ["every other from the second"]);
    assert_eq!(seen(&call), [""; 0]);
    assert_eq!(seen(&call), ["third", "every other from the second"]);
    assert_eq!((seen(&other), seen(&other)), (vec![], vec![]));
    let counts: Vec<_> = rules.counts().map(|(_, counts)| (counts.matched, counts.taken)).collect();
    assert_eq!(counts, [(3, 1), (6, 2), (6, 0)]);
}

#[test]
fn chance_is_the_same_at_each_run_with_one_seed() {
    let run = |seed| {
        let rules = RuleSet::new([rule("half", Matcher::new()).chance(0.5)]).unwrap().seed(seed);
        let call = call("t", "{}");
        let taken = |_| rules.next(None, &Seen::new(&call, ToUpstream)).unwrap().is_some();
        (0..1000).map(taken).collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
    let often = run(3).into_iter().filter(|taken| *taken).count();
    assert!((400..600).contains(&often), "{often} of 1000");
}

#[test]
fn what_a_rule_captures_is_kept_by_name() {
    let rules =
        RuleSet::new([rule("c", Matcher::new().kind(Kind::Response).method(Text::exact("tools/call")))
            .capture("text", at("/result/content/0/text"))
            .capture("none", at("/result/none"))
            .capture_of_request("city", at("/params/arguments/city"))])
        .unwrap();
    let (call, answer) = (call("t", r#"{"city":"Ulm"}"#), answer(r#"{"content":[{"text":"rain"}]}"#));
    let seen = Seen::new(&answer, ToClient).request(Some(&call));
    let matched = rules.next(None, &seen).unwrap().unwrap();
    assert_eq!(json!(matched.captures()), json!({"text": "rain", "city": "Ulm"}));
}
