//! What is told of rules before any message comes, and that it is so.

#![cfg(all(feature = "regex", feature = "jsonpath"))]

use serde_json::{Value, json};
use shadowcat::rules::{Action, Matcher, ProblemKind, Rule, RuleSet, Text};

use ProblemKind::{Doubtful, NeverMatches, Senseless, Shadowed};

fn found(rules: Value) -> Vec<(ProblemKind, String)> {
    let problems = match RuleSet::from_json("r.json", &json!({ "rules": rules }).to_string()) {
        Ok(loaded) => loaded.warnings,
        Err(problems) => problems,
    };
    problems.iter().map(|problem| (problem.kind, problem.to_string())).collect()
}

/// Of a rule with this matcher that is held.
fn of_matcher(matcher: Value) -> Vec<(ProblemKind, String)> {
    found(json!([{"id": "a", "matcher": matcher, "action": {"type": "hold"}}]))
}

fn of_action(matcher: Value, action: Value) -> Vec<(ProblemKind, String)> {
    found(json!([{"id": "a", "matcher": matcher, "action": action}]))
}

#[track_caller]
fn is_only(found: &[(ProblemKind, String)], kind: ProblemKind, what: &str) {
    assert!(
        matches!(found, [(is, told)] if *is == kind && told.contains(what)),
        "{kind:?} {what}: {found:#?}"
    );
}

#[test]
fn a_rule_that_can_never_match_is_an_error() {
    let at = |path: &str, test: Value| {
        let mut condition = json!({ "path": path });
        condition.as_object_mut().unwrap().extend(test.as_object().unwrap().clone());
        condition
    };
    let there = |path: &str| at(path, json!({"exists": true}));
    for (matcher, what) in [
        (
            json!({"kind": "request", "where": [there("/result/x")]}),
            "a request has no `/result`, so that /result/x never exists",
        ),
        (json!({"kind": "request", "error": {"code": 1}}), "a request has no `/error`"),
        (json!({"kind": "response", "where": [there("/params/name")]}), "a response has no `/params`"),
        (json!({"kind": "response", "where": [there("$.params.name")]}), "a response has no `/params`"),
        (json!({"method": "notifications/progress", "where": [there("/id")]}), "a notification has no `/id`"),
        (json!({"where": [there("/method/x")]}), "`/method` is no object"),
        (
            json!({"method": "tools/list", "tool": "add"}),
            "a message of the method \"tools/list\" has no tool",
        ),
        (json!({"method": {"glob": "prompts/*"}, "tool": "add"}), "has no tool"),
        (json!({"method": "tools/call", "uri": "file:///a"}), "has no resource"),
        (json!({"kind": "notification", "tool": "add"}), "a notification has no tool"),
        (json!({"method": []}), "the list of what the method may be is empty"),
        (json!({"tool": []}), "the list of what the tool may be is empty"),
        (json!({"any": []}), "`any` of no matchers matches nothing"),
        (json!({"probability": 0}), "its chance is 0"),
        (json!({"nth": {"from": 5, "until": 4}}), "ends with the match 4, before it begins with the match 5"),
        (json!({"not": {}}), "`not` excludes all that the rest allows"),
        (json!({"tool": "add", "not": {"method": "tools/call"}}), "`not` excludes"),
        (json!({"session": "a", "all": [{"session": "b"}]}), "no session is both \"a\" and \"b\""),
        (json!({"kind": "request", "all": [{"kind": "response"}]}), "another direction or kind"),
        (json!({"era": "legacy", "all": [{"era": "modern"}]}), "two eras"),
        (json!({"any": [{"tool": "a", "method": "ping"}, {"tool": []}]}), "none of `any` can match"),
        (
            json!({"where": [at("/params/a", json!({"equals": 1})), at("/params/a", json!({"equals": 2}))]}),
            "nothing is all that is said of /params/a",
        ),
        (json!({"where": [at("/params/a", json!({"above": 10, "below": 5}))]}), "no value passes"),
        (
            json!({"where": [at("/params/a", json!({"above": 10})), at("/params/a", json!({"below": 5}))]}),
            "said of /params/a",
        ),
        (
            json!({"where": [at("/params/a", json!({"at_least": 5})), at("/params/a", json!({"below": 5}))]}),
            "said of /params/a",
        ),
        (json!({"where": [at("/params/a", json!({"type": "string", "equals": 1}))]}), "no value passes"),
        (json!({"where": [at("/params/a", json!({"type": "string", "above": 1}))]}), "no value passes"),
        (json!({"where": [at("/params/a", json!({"one_of": []}))]}), "no value passes"),
        (
            json!({"where": [at("/params/a", json!({"glob": "a*"})), at("/params/a", json!({"one_of": ["b", "c"]}))]}),
            "said of /params/a",
        ),
        (
            json!({"where": [there("/params/a/b"), at("/params/a", json!({"type": "string"}))]}),
            "said of /params/a",
        ),
        (
            json!({"where": [there("/params/a/b"), at("/params/a", json!({"exists": false}))]}),
            "said of /params/a",
        ),
        (
            json!({"where": [there("$..a"), at("$..a", json!({"exists": false}))]}),
            "to be there and not to be there",
        ),
        (
            json!({"params": {"a": {"b": 1}}, "where": [at("/params/a/b", json!({"above": 1}))]}),
            "said of /params/a/b",
        ),
        (json!({"tool": "add", "params": {"name": "sub"}}), "said of /params/name"),
    ] {
        is_only(&of_matcher(matcher), NeverMatches, what);
    }
    let scope = json!([{"id": "a", "scope": {"session": "s"}, "matcher": {"session": "t"}, "action": {"type": "hold"}}]);
    is_only(&found(scope), NeverMatches, "no session is both");
}

#[test]
fn what_may_match_is_left_alone() {
    for matcher in [
        json!({}),
        json!({"result": {}}),
        json!({"kind": "response", "tool": "add", "where": [{"path": "/result/isError", "equals": true}]}),
        json!({"kind": "response", "where": [{"path": "$..params", "exists": true}]}),
        json!({"kind": "response", "where": [{"path": "$['params','result']", "exists": true}]}),
        json!({"kind": "request", "where": [{"path": "/result", "exists": false}]}),
        json!({"where": [{"path": "$.params[*]", "equals": 1}, {"path": "$.params[*]", "equals": 2}]}),
        json!({"where": [{"path": "/params/a", "equals": 1}, {"path": "/params/a", "one_of": [1.0, 2]}]}),
        json!({"where": [{"path": "/params/a", "at_least": 5, "at_most": 5}]}),
        json!({"where": [{"path": "/params/a", "like": [1]}, {"path": "/params/a/1", "equals": 2}]}),
        json!({"method": {"glob": "*"}, "tool": "add"}),
        json!({"method": "notifications/resources/updated", "uri": "file:///a"}),
        json!({"any": [{"tool": []}, {"tool": "a"}]}),
        json!({"tool": {"glob": "a*"}, "not": {"tool": "ab"}}),
        json!({"any": [{"kind": "request"}, {"kind": "response"}], "tool": "add"}),
    ] {
        let found = of_matcher(matcher.clone());
        assert!(found.is_empty(), "{matcher}: {found:#?}");
    }
}

#[test]
fn an_action_that_makes_no_sense_is_an_error() {
    let (call, response) = (json!({"tool": "add"}), json!({"kind": "response", "tool": "add"}));
    let note = json!({"method": "notifications/progress"});
    let list = json!({"method": "tools/list"});
    let rewrite = |step: Value| json!({"type": "rewrite", "rewrite": [step]});
    for (matcher, action, what) in [
        (&response, json!({"type": "mock", "response": {}}), "a response is not answered"),
        (&note, json!({"type": "mock", "response": {}}), "a notification is not answered"),
        (&list, json!({"type": "mock", "tool_error": "x"}), "`tool_error` answers `tools/call` only"),
        (&list, json!({"type": "block", "as_tool_error": true}), "`as_tool_error` is for `tools/call` only"),
        (&call, json!({"type": "mock", "sequence": []}), "it has no answers"),
        (
            &call,
            json!({"type": "fault", "fault": {"reorder": 3}}),
            "only notifications are put in another order",
        ),
        (&call, json!({"type": "fault", "fault": {}}), "nothing goes wrong"),
        (&call, json!({"type": "tag", "tag": {}}), "it has no tags"),
        (&call, json!({"type": "rewrite", "rewrite": []}), "it has no steps"),
        (&call, rewrite(json!({"set": "/id", "value": 1})), "`/id` is never rewritten"),
        (&call, rewrite(json!({"remove": "/jsonrpc"})), "`/jsonrpc` is never rewritten"),
        (&call, rewrite(json!({"set": "$.id", "value": 1})), "`/id` is never rewritten"),
        (&call, rewrite(json!({"set": "/result/a", "value": 1})), "a request has no `/result`"),
        (&response, rewrite(json!({"remove": "/params/a"})), "a response has no `/params`"),
        (
            &call,
            rewrite(json!({"set": "/parms/a", "value": 1})),
            "no message has a member \"parms\"; did you mean `/params`?",
        ),
        (&call, rewrite(json!({"remove": "/method"})), "without `/method` it is no message"),
        (&call, rewrite(json!({"set": "/method", "value": 1})), "`/method` of a message is a text, not 1"),
        (&call, rewrite(json!({"set": "/params", "value": [1]})), "`/params` of a message is an object"),
        (
            &response,
            rewrite(json!({"set": "/error", "value": {"code": 1}})),
            "an object with a code and a message",
        ),
        (
            &call,
            rewrite(json!({"set": "/params/a", "value": "{{city}}"})),
            "nothing called \"city\" is captured; add it",
        ),
        (
            &call,
            rewrite(json!({"set": "/params/a", "value": {"b": ["{{metod}}"]}})),
            "did you mean \"method\"?",
        ),
        (
            &call,
            rewrite(json!({"set": "/params/a", "value": "{{a"})),
            "`{{a` is no place for a captured value",
        ),
        (&call, rewrite(json!({"set": "/params/a", "value": "{{}}"})), "is no place for a captured value"),
    ] {
        is_only(&of_action(matcher.clone(), action), Senseless, what);
    }
    is_only(
        &of_matcher(json!({"where": [{"path": "/parms/a", "exists": true}]})),
        Senseless,
        "no message has a member",
    );
    let capture = |capture: Value, value: &str| {
        found(
            json!([{"id": "a", "matcher": call, "capture": capture, "action": {"type": "mock", "response": {"x": value}}}]),
        )
    };
    is_only(&capture(json!({"x": "/result/y"}), "{{x}}"), Senseless, "a request has no `/result`");
    is_only(&capture(json!({"x": {"request": "/error"}}), "{{x}}"), Senseless, "a request has no `/error`");
    assert!(capture(json!({"x": "/params/y"}), "{{x}} {{tool}} {{{{").is_empty());
}

#[test]
fn what_may_be_meant_is_a_warning() {
    for (matcher, what) in [
        (
            json!({"tool": "get_*"}),
            r#""get_*" is compared as it stands; for a pattern, write {"glob": "get_*"}"#,
        ),
        (json!({"uri": "^file:"}), r#"write {"regex": "^file:"}"#),
        (json!({"any": [{"tool": ["a", "b.*"]}]}), r#"write {"regex": "b.*"}"#),
        (json!({"method": "tool/call"}), "MCP has no method \"tool/call\"; did you mean \"tools/call\"?"),
    ] {
        is_only(&of_matcher(matcher), Doubtful, what);
    }
    assert!(of_matcher(json!({"uri": "http://a/?q=1"})).is_empty());
    assert!(of_matcher(json!({"method": "my/own/method"})).is_empty());
    let unused = json!([{"id": "a", "matcher": {}, "capture": {"x": "/params"}, "action": {"type": "hold"}}]);
    is_only(&found(unused), Doubtful, "nothing uses the captured value \"x\"");
}

/// Whether a rule with this matcher, that is passed, leaves none to the other.
fn leaves_none(first: Value, second: Value) -> bool {
    let found = found(json!([
        {"id": "first", "matcher": first, "action": {"type": "pass"}},
        {"id": "second", "matcher": second, "action": {"type": "hold"}},
    ]));
    match &found[..] {
        [] => false,
        [(Shadowed, told)] => {
            assert!(told.contains("r.json:1:") && told.contains("the rule \"first\" comes first"), "{told}");
            true
        }
        other => panic!("{other:#?}"),
    }
}

#[test]
fn a_rule_that_an_earlier_one_leaves_nothing_is_a_warning() {
    let call = json!({"method": "tools/call"});
    for (first, second) in [
        (json!({}), call.clone()),
        (call.clone(), json!({"tool": "add"})),
        (json!({"tool": {"glob": "a*"}}), json!({"tool": ["add", "and"]})),
        (json!({"tool": ["add", "sub"]}), json!({"tool": "sub", "params": {"a": 1}})),
        (json!({"params": {"a": 1}}), json!({"params": {"b": 2, "a": 1}})),
        (
            json!({"where": [{"path": "/params/a", "above": 1}]}),
            json!({"where": [{"path": "/params/a", "at_least": 2, "below": 9}]}),
        ),
        (json!({"any": [{"session": "a"}, {"session": "b"}]}), json!({"session": "b"})),
        (json!({"method": "tools/call", "not": {"tool": "add"}}), json!({"tool": "sub"})),
        (json!({"not": {"tool": "add"}}), json!({"method": "ping", "not": {"tool": "add"}})),
    ] {
        assert!(leaves_none(first.clone(), second.clone()), "{first} {second}");
    }
    for (first, second) in [
        (json!({"tool": "add"}), call.clone()),
        (json!({"tool": "add"}), json!({"tool": {"glob": "add"}})),
        (call.clone(), json!({"kind": "response", "tool": "add"})),
        (json!({"params": {"a": 1, "b": 2}}), json!({"params": {"a": 1}})),
        (json!({"session": "a"}), json!({"principal": "a"})),
        (json!({"tool": "add", "probability": 0.5}), json!({"tool": "add"})),
        (json!({"tool": "add", "nth": {"every": 2}}), json!({"tool": "add"})),
        (json!({"tool": "add", "nth": {"from": 2}}), json!({"tool": "add"})),
        (json!({"method": "tools/call", "not": {"tool": "add"}}), json!({"tool": {"glob": "a*"}})),
        (json!({"direction": "server_to_client"}), json!({"direction": "client_to_server"})),
    ] {
        assert!(!leaves_none(first.clone(), second.clone()), "{first} {second}");
    }
}

#[test]
fn only_what_ends_a_way_leaves_nothing() {
    for (action, ends) in [
        (json!({"type": "pass"}), true),
        (json!({"type": "block"}), true),
        (json!({"type": "mock", "response": {}}), true),
        (json!({"type": "mock", "response": {}, "then": "pass"}), false),
        (json!({"type": "mock", "tape": "night"}), false),
        (json!({"type": "fault", "fault": {"timeout": true}}), true),
        (json!({"type": "fault", "fault": {"delay_ms": 5}}), false),
        (json!({"type": "hold"}), false),
        (json!({"type": "tag", "tag": {"a": "b"}}), false),
    ] {
        let second = json!({"id": "b", "matcher": {"tool": "x"}, "action": {"type": "hold"}});
        let found = found(json!([{"id": "a", "matcher": {"tool": "x"}, "action": action}, second]));
        assert_eq!(!found.is_empty(), ends, "{action}: {found:?}");
    }
    let scoped = |one: Value, other: Value| {
        found(json!([
            {"id": "a", "priority": 1, "scope": one, "matcher": {}, "action": {"type": "pass"}},
            {"id": "b", "scope": other, "matcher": {}, "action": {"type": "hold"}},
        ]))
    };
    is_only(&scoped(json!("global"), json!({"session": "s"})), Shadowed, "never reached");
    is_only(&scoped(json!({"session": ["s", "t"]}), json!({"session": "s"})), Shadowed, "never reached");
    assert!(scoped(json!({"session": "s"}), json!("global")).is_empty());
    assert!(scoped(json!({"session": "s"}), json!({"client": "s"})).is_empty());
}

#[test]
fn many_rules_are_proved_in_little_time() {
    let rule = |at: usize| {
        Rule::new(&at.to_string(), Matcher::new().tool(Text::exact(&format!("t{at}"))), Action::Pass)
    };
    assert!(RuleSet::new((0..20_000).map(rule)).unwrap().problems().is_empty());
    let rule = |at: usize| {
        Rule::new(&at.to_string(), Matcher::new().tool(Text::glob(&format!("t{at}*"))), Action::Pass)
    };
    assert!(!RuleSet::new((0..20_000).map(rule)).unwrap().problems().has_errors());
}
