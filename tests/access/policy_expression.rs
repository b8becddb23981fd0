//! Conditions in CEL: what they hold of, what is told when they are read, and what they cost.

#![cfg(feature = "cel")]

use serde_json::{Value, json};
use shadowcat::policy::{Expression, Policy, Rule, Subject, Target, Verdict, Who};
use shadowcat::rules::{Seen, Text};
use shadowcat::{Direction, JsonRpcMessage};

/// What a rule with this condition makes of a call: whether it is allowed by one that allows, and by one that denies.
fn allowed(expression: &str, arguments: &Value, who: &Who<'_>) -> (bool, bool) {
    let params = json!({"name": "t", "arguments": arguments}).to_string();
    let call = JsonRpcMessage::request(1, "tools/call", params).unwrap();
    let seen = Seen::new(&call, Direction::ToUpstream);
    let target = || Target::Tool(Text::exact("t"));
    let guard = || Expression::new(expression).unwrap();
    let allow = Policy::deny_by_default([Rule::allow("a", target()).guard(guard())]).unwrap();
    let deny = Policy::allow_by_default([Rule::deny("d", target()).guard(guard())]).unwrap();
    let may =
        |policy: &Policy| policy.decide(&Subject::tool("t"), who, Some(&seen)).verdict() == Verdict::Allow;
    (may(&allow), may(&deny))
}

const HOLDS: (bool, bool) = (true, false);
const DOES_NOT: (bool, bool) = (false, true);
/// Denied by both.
const FAILS: (bool, bool) = (false, false);

#[test]
fn a_condition_holds_or_does_not_and_one_that_fails_denies_either_way() {
    let arguments = json!({"path": "/data/x", "n": 3, "big": u64::MAX, "half": 0.5, "list": [1, 2], "no": null,
        "deep": {"a": [{"b": true}]}, "": 1});
    let alice = Who::anybody().principal("alice");
    for (expression, expected) in [
        ("true", HOLDS),
        ("1 == 2", DOES_NOT),
        ("args.path.startsWith('/data/')", HOLDS),
        ("args.path.endsWith('y') || args.n > 2", HOLDS),
        ("args.n + 1 == 4 && type(args.n) == int", HOLDS),
        ("args.half < 1.0 && args.big > args.n", HOLDS),
        ("args.n == '3'", DOES_NOT),
        ("2 in args.list && !(5 in args.list)", HOLDS),
        ("args.list.all(x, x < 3) && args.list.exists(x, x == 2)", HOLDS),
        ("size(args.list.filter(x, x > 1)) == 1", HOLDS),
        ("args.deep.a[0].b", HOLDS),
        ("has(args.path) && !has(args.other)", HOLDS),
        ("has(args.other) && args.other > 1", DOES_NOT),
        ("args.no == null", HOLDS),
        ("kind == 'tool' && name == 't' && method == 'tools/call'", HOLDS),
        ("principal == 'alice'", HOLDS),
        ("principal != 'bob' ? size(args.path) < 9 : false", HOLDS),
        // What cannot be told.
        ("args.other > 1", FAILS),
        ("args.path > 1", FAILS),
        ("args.path", FAILS),
        ("args.list[7] == 1", FAILS),
        ("client != 'evil'", FAILS),
        ("args.n / 0 == 1", FAILS),
        ("args.big + args.big > 0u", FAILS),
    ] {
        assert_eq!(allowed(expression, &arguments, &alice), expected, "{expression}");
    }
    assert_eq!(allowed("principal != 'bob'", &arguments, &Who::anybody()), FAILS, "nobody is known");
    assert_eq!(allowed("size(args) == 0", &json!({}), &alice), HOLDS);
}

#[test]
fn a_list_shows_what_a_condition_may_allow() {
    let rule =
        Rule::allow("a", Target::Tool(Text::exact("t"))).guard(Expression::new("args.n == 1").unwrap());
    let policy = Policy::deny_by_default([rule]).unwrap();
    assert_eq!(policy.decide(&Subject::tool("t"), &Who::anybody(), None).verdict(), Verdict::Allow);
    assert_eq!(policy.decide(&Subject::tool("u"), &Who::anybody(), None).verdict(), Verdict::Deny);
}

#[test]
fn what_can_be_told_before_is_told_with_its_place() {
    for (expression, said) in [
        ("", "it cannot be read"),
        ("args.", "it cannot be read"),
        ("arg.x == 1", "there is no variable \"arg\", at line 1, column 1"),
        ("true &&\n  nobody", "there is no variable \"nobody\", at line 2, column 3"),
        ("args.x.matches('a')", "there is no function \"matches\""),
        ("exec('rm')", "there is no function \"exec\""),
        ("x == 1 && args.list.all(x, x > 1)", "there is no variable \"x\", at line 1, column 1"),
        ("args.list.all(x, args.list.exists(y, x == y))", "stands inside of another"),
        ("'text'", "it is not true or false"),
        ("args.n + 1", "it is not true or false"),
        ("size(args)", "it is not true or false"),
        ("name", "it is not true or false"),
        ("args.list.map(x, x)", "it is not true or false"),
        ("Message{a: 1} == 2", ""),
        (&"(".repeat(2_000), "at most 1024 characters"),
        (&format!("{}true{}", "(".repeat(17), ")".repeat(17)), "brackets"),
        (&format!("{}true", "!".repeat(1_000)), "signs"),
        (&format!("{}1 == 1", "- ".repeat(400)), "signs"),
        (&format!("{}true", "true ? true : ".repeat(60)), "brackets, `?` or signs"),
    ] {
        let error = Expression::new(expression).expect_err(expression).to_string();
        assert!(error.contains(said), "{expression}: {error}");
    }
}

#[test]
fn long_rows_of_operators_are_read_and_asked() {
    let long = vec!["args.n == 1"; 60].join(" || ");
    assert_eq!(allowed(&long, &json!({"n": 1}), &Who::anybody()), HOLDS);
    for deep in [
        format!("{} > 0", vec!["1"; 250].join(" + ")),
        format!("has(args{})", ".a".repeat(400)),
        format!("args{} == 1", "[0]".repeat(300)),
        format!("args{} == 1", ".size()".repeat(100)),
    ] {
        let error = Expression::new(&deep).unwrap_err().to_string();
        assert!(error.contains("operators one upon another"), "{error}");
    }
}

/// On a stack that is half of what the threads of tokio have.
#[test]
fn the_deepest_expressions_are_read_and_asked_on_a_small_stack() {
    let who = Who::anybody();
    let deepest = [
        format!("{} > 0", vec!["1"; 14].join(" + ")),
        format!("size({}1{}) == 1", "[".repeat(13), "]".repeat(13)),
        format!("{}true{}", "(".repeat(16), ")".repeat(16)),
        format!("args.l.all(x, {}x{} == x)", "[".repeat(8), "][0]".repeat(8).replacen("][0]", "]", 8)),
        format!("{}true", "!".repeat(14)),
        format!("{}true", "true ? true : ".repeat(14)),
    ];
    let asked = std::thread::Builder::new().stack_size(1 << 20).spawn(move || {
        deepest.iter().filter(|text| Expression::new(text).is_ok()).for_each(|text| {
            allowed(text, &json!({"l": [1, 2]}), &who);
        });
        deepest.iter().filter(|text| Expression::new(text).is_ok()).count()
    });
    assert_eq!(asked.unwrap().join().unwrap(), 6);
}

#[test]
fn arguments_that_are_too_large_are_not_looked_at() {
    let who = Who::anybody();
    assert_eq!(allowed("size(args.s) > 1", &json!({"s": "x".repeat(60_000)}), &who), HOLDS);
    assert_eq!(allowed("size(args.s) > 1", &json!({"s": "x".repeat(70_000)}), &who), FAILS);
    assert_eq!(allowed("size(args.l) > 1", &json!({"l": vec![1; 1_000]}), &who), HOLDS);
    assert_eq!(allowed("size(args.l) > 1", &json!({"l": vec![1; 1_100]}), &who), FAILS);
    // The most that one may cost still ends.
    let all = "args.l.all(x, x in args.l && size(args.l + args.l + args.l) > 1)";
    assert_eq!(allowed(all, &json!({"l": (0..1_000).collect::<Vec<_>>()}), &who), HOLDS);
}

#[test]
fn nothing_panics() {
    for text in [
        "\u{0}",
        "a\u{301}",
        "'\\",
        "\"\"\"",
        "b'\\377'",
        "1e999 == 1.0",
        "-9223372036854775808 == 1",
        "[][0]",
        "{}.a",
        "args[args]",
        "0x",
        "1u == 1",
        "true ? true",
        "in",
        "args.`a-b` == 1",
        "args.?a == 1",
        ".args == 1",
    ] {
        if let Ok(expression) = Expression::new(text) {
            let rule = Rule::deny("d", Target::Tool(Text::exact("t"))).guard(expression);
            let policy = Policy::allow_by_default([rule]).unwrap();
            let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"t"}"#).unwrap();
            let seen = Seen::new(&call, Direction::ToUpstream);
            let _ = policy.decide(&Subject::tool("t"), &Who::anybody(), Some(&seen));
        }
    }
}
