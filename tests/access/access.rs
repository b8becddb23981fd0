//! Access control: what is denied gets no further, and is in no list; what is allowed passes byte for byte.

use std::sync::Arc;

use serde_json::json;
use shadowcat::layer::access::Access;
use shadowcat::policy::{Decisions, For, Invalid, Owner, Policy, Rule, Target, Verdict, Who};
use shadowcat::rules::{Test, Text};
use shadowcat::session::Principal;
use shadowcat::{Context, Direction, JsonRpcMessage, Pointer, ScanOptions};

use crate::guarded::{error, exchange, guarded, no_evil, request, tool};
use crate::support::{msg, text};

fn allowing(rules: impl IntoIterator<Item = Rule>) -> Access {
    Access::new(Policy::allow_by_default(rules).unwrap())
}

fn denying(rules: impl IntoIterator<Item = Rule>) -> Access {
    Access::new(Policy::deny_by_default(rules).unwrap())
}

fn tools(name: &str) -> Target {
    Target::Tool(Text::glob(name))
}

fn at(place: &str) -> Pointer {
    place.parse().unwrap()
}

fn result(result: &str) -> JsonRpcMessage {
    JsonRpcMessage::response(1, result).unwrap()
}

fn by(principal: &str, message: JsonRpcMessage) -> JsonRpcMessage {
    let mut context = Context::new(Direction::ToUpstream).session("s-1").upstream("files");
    context.shared_mut().insert(Principal::new(principal));
    message.with_context(Arc::new(context))
}

async fn refused(access: &Access, sent: JsonRpcMessage) -> (i64, String) {
    let (got, received) = exchange(access, sent, &[result("{}")]).await;
    assert_eq!((got.len(), received), (1, Vec::new()));
    error(&got[0])
}

async fn passes(access: &Access, sent: JsonRpcMessage) -> bool {
    let bytes = text(&sent);
    let (got, received) = exchange(access, sent, &[result("{}")]).await;
    assert!(received.is_empty() || received == [bytes]);
    assert_eq!(received.is_empty(), !got.is_empty() && got[0].contains("\"error\""));
    !received.is_empty()
}

#[tokio::test]
async fn a_denied_tool_looks_like_an_unknown_one() {
    let access = Access::new(no_evil());
    assert!(passes(&access, tool("evil \"")).await);
    let call = msg(r#"{"jsonrpc":"2.0","id":"x\u0031","method":"tools/call","params":{"name":"EVIL"}}"#);
    let (got, received) = exchange(&access, call, &[]).await;
    let due = r#"{"jsonrpc":"2.0","id":"x\u0031","error":{"code":-32602,"message":"Unknown tool: EVIL"}}"#;
    assert_eq!((got, received), (vec![due.to_owned()], vec![]));
    assert_eq!(access.stats().denied, 1);
}

#[tokio::test]
async fn each_kind_of_thing_is_refused_in_its_own_words() {
    let access = allowing([
        Rule::deny("p", Target::Prompt(Text::exact("p"))),
        Rule::deny("r", Target::Resource(Text::glob("file:///etc/*"))),
        Rule::deny("m", Target::Method(Text::exact("logging/setLevel"))),
    ]);
    assert_eq!(
        refused(&access, request("prompts/get", r#"{"name":"P"}"#)).await,
        (-32602, "Unknown prompt: P".into())
    );
    for method in ["resources/read", "resources/subscribe", "resources/unsubscribe"] {
        let sent = request(method, r#"{"uri":"file:///ETC/passwd"}"#);
        assert_eq!(refused(&access, sent).await, (-32002, "Resource not found".into()));
    }
    let modern =
        r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"uri":"file:///etc/x"}"#;
    assert_eq!(refused(&access, request("resources/read", modern)).await.0, -32602);
    let listen = r#"{"notifications":{"resourceSubscriptions":["file:///ok","file:///etc/x"]}}"#;
    assert_eq!(refused(&access, request("subscriptions/listen", listen)).await.0, -32602);
    assert_eq!(
        refused(&access, request("logging/setLevel", "{}")).await,
        (-32601, "Method not found".into())
    );
    for (reference, code) in [
        (r#"{"type":"ref/prompt","name":"p"}"#, -32602),
        (r#"{"type":"ref/resource","uri":"file:///etc/{x}"}"#, -32602),
    ] {
        let sent = request("completion/complete", &format!(r#"{{"ref":{reference},"argument":{{}}}}"#));
        assert_eq!(refused(&access, sent).await.0, code);
    }
    let sent = request("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"q"},"argument":{}}"#);
    assert!(passes(&access, sent).await);
}

#[tokio::test]
async fn a_denied_notification_is_gone_and_nothing_is_answered() {
    let access = allowing([Rule::deny("m", Target::Method(Text::glob("notifications/x*")))]);
    let note = JsonRpcMessage::notification("notifications/X-secret", "{}").unwrap();
    assert_eq!(exchange(&access, note, &[]).await, (vec![], vec![]));
}

#[tokio::test]
async fn denied_by_default_is_what_no_rule_allows() {
    let access = denying([
        Rule::allow("reading", tools("read_*")),
        Rule::allow("docs", Target::Resource(Text::glob("file:///docs/*"))),
    ]);
    assert!(passes(&access, tool("read_file")).await);
    for name in ["Read_file", "read\u{200b}_file", " read_file", "write_file"] {
        assert!(!passes(&access, tool(name)).await, "{name}");
    }
    for method in [
        "initialize",
        "ping",
        "tools/list",
        "logging/setLevel",
        "server/discover",
        "resources/templates/list",
    ] {
        assert_eq!(exchange(&access, request(method, "{}"), &[]).await.1.len(), 1, "{method}");
    }
    for method in ["tasks/list", "custom/method", "sampling/createMessage"] {
        assert_eq!(refused(&access, request(method, "{}")).await.0, -32601, "{method}");
    }
    assert!(passes(&access, request("resources/read", r#"{"uri":"file:///docs/a"}"#)).await);
    assert!(!passes(&access, request("resources/read", r#"{"uri":"file:///doc"}"#)).await);
}

#[tokio::test]
async fn what_denies_comes_before_what_allows_unless_its_priority_is_lower() {
    let rules = |priority| {
        allowing([
            Rule::allow("get", tools("get_weather")).priority(priority),
            Rule::deny("no-get", tools("get_*")),
        ])
    };
    assert!(!passes(&rules(0), tool("get_weather")).await);
    assert!(passes(&rules(1), tool("get_weather")).await);
    assert!(!passes(&rules(1), tool("Get_weather")).await);
    assert!(!passes(&rules(1), tool("get_time")).await);
}

#[tokio::test]
async fn arguments_decide_and_such_a_tool_stays_in_the_list() {
    let access = allowing([
        Rule::deny("no-keys", tools("read"))
            .when(at("/params/arguments/path"), Test::Text(Text::glob("*.key"))),
        Rule::deny("never", tools("rm")),
        Rule::allow("small", tools("put")).when(at("/params/arguments/n"), Test::Below(10.0)),
        Rule::deny("no-put", tools("put")).priority(-1),
    ]);
    let call = |name: &str, arguments| {
        request("tools/call", &json!({"name": name, "arguments": arguments}).to_string())
    };
    assert!(passes(&access, call("read", json!({"path": "a.txt"}))).await);
    assert!(!passes(&access, call("read", json!({"path": "a.key"}))).await);
    assert!(passes(&access, call("put", json!({"n": 9}))).await);
    assert!(!passes(&access, call("put", json!({"n": 10}))).await);
    let list = r#"{"tools":[{"name":"read"},{"name":"rm"},{"name":"put"}]}"#;
    let (got, _) = exchange(&access, request("tools/list", "{}"), &[result(list)]).await;
    assert!(got[0].ends_with(r#""result":{"tools":[{"name":"read"},{"name":"put"}]}}"#), "{}", got[0]);
}

#[tokio::test]
async fn conditions_decide_about_completions_listens_and_updates_too() {
    let complete = |x: i64| {
        let params =
            json!({"ref": {"type": "ref/prompt", "name": "p"}, "argument": {"name": "x", "value": x}});
        request("completion/complete", &params.to_string())
    };
    let listen = |x: i64| {
        let params =
            json!({"notifications": {"resourceSubscriptions": ["file:///a"]}, "argument": {"value": x}});
        request("subscriptions/listen", &params.to_string())
    };
    let updated = |x: i64| {
        let params = json!({"uri": "file:///a", "argument": {"value": x}});
        JsonRpcMessage::notification("notifications/resources/updated", params.to_string()).unwrap()
    };
    let ones = [Target::Prompt(Text::exact("p")), Target::Resource(Text::exact("file:///a"))];
    let is_one = |rule: Rule| rule.when(at("/params/argument/value"), Test::Equals(json!(1)));
    let allows = denying(ones.clone().map(|one| is_one(Rule::allow(&format!("{one}"), one))));
    let denies = allowing(ones.map(|one| is_one(Rule::deny(&format!("{one}"), one))));
    for x in [1, 2] {
        for sent in [complete(x), listen(x)] {
            assert_eq!(passes(&allows, sent.clone()).await, x == 1, "{}", text(&sent));
            assert_eq!(passes(&denies, sent.clone()).await, x != 1, "{}", text(&sent));
        }
        let says = [updated(x), result("{}")];
        for (access, due) in [(&denies, x != 1), (&allows, x == 1)] {
            let (got, _) = exchange(access, request("ping", "{}"), &says).await;
            assert_eq!(got.len() == 2, due, "{got:?}");
        }
    }
}

#[tokio::test]
async fn a_listen_watches_no_more_than_a_thousand_resources_and_none_without_a_name() {
    let access = allowing([Rule::deny("r", Target::Resource(Text::exact("file:///secret")))]);
    let listen = |uris: Vec<String>| {
        let params = json!({"notifications": {"resourceSubscriptions": uris}});
        request("subscriptions/listen", &params.to_string())
    };
    assert!(passes(&access, listen((0..1_024).map(|n| format!("file:///{n}")).collect())).await);
    assert!(!passes(&access, listen((0..1_025).map(|n| format!("file:///{n}")).collect())).await);
    assert!(!passes(&access, listen(vec![String::new()])).await);
}

#[tokio::test]
async fn what_one_may_read_is_cached_for_nobody_else() {
    let alice = For::everybody().principal(Text::exact("alice"));
    let access = denying([Rule::allow("a", Target::Resource(Text::glob("*"))).only(alice)]);
    let read = by("alice", request("resources/read", r#"{"uri":"file:///a"}"#));
    let (got, _) =
        exchange(&access, read.clone(), &[result(r#"{"contents":[],"cacheScope":"public"}"#)]).await;
    assert!(got[0].ends_with(r#"{"contents":[],"cacheScope":"private"}}"#), "{}", got[0]);
    let (got, _) = exchange(&access, read, &[result(r#"{"contents":[],"CacheScope":"public"}"#)]).await;
    assert_eq!(error(&got[0]).0, -32603);
    let open = allowing([]);
    let public = result(r#"{"contents":[],"cacheScope":"public"}"#);
    let read = request("resources/read", r#"{"uri":"file:///a"}"#);
    assert_eq!(exchange(&open, read, std::slice::from_ref(&public)).await.0, [text(&public)]);
}

#[tokio::test]
async fn a_condition_that_cannot_be_told_denies_and_does_not_allow() {
    let odd = r#"{"name":"t","arguments":{"n":1e999,"x":1}}"#;
    let when = |rule: Rule| rule.when(at("/params/arguments/x"), Test::Equals(json!(2)));
    assert!(!passes(&allowing([when(Rule::deny("d", tools("t")))]), request("tools/call", odd)).await);
    let when = |rule: Rule| rule.when(at("/params/arguments/x"), Test::Exists);
    assert!(!passes(&denying([when(Rule::allow("a", tools("t")))]), request("tools/call", odd)).await);
}

#[tokio::test]
async fn rules_are_for_some_and_not_for_others() {
    let access = allowing([
        Rule::deny("no-guests", tools("*")).only(For::everybody().principal(Text::glob("guest-*"))),
        Rule::deny("files", tools("rm"))
            .only(For::everybody().upstream(Text::exact("files")).session(Text::exact("s-1"))),
        Rule::deny("bots", tools("mv")).only(For::everybody().client(Text::exact("bot"))),
    ]);
    assert!(!passes(&access, by("guest-1", tool("ls"))).await);
    assert!(passes(&access, by("alice", tool("ls"))).await);
    assert!(passes(&access, tool("ls")).await);
    assert!(!passes(&access, by("alice", tool("rm"))).await);
    assert!(passes(&access, tool("rm")).await);
    let bot = r#"{"name":"mv","_meta":{"io.modelcontextprotocol/clientInfo":{"name":"Bot","version":"1"}}}"#;
    assert!(!passes(&access, request("tools/call", bot)).await);
    let list = r#"{"tools":[{"name":"ls"}],"cacheScope":"public"}"#;
    let (got, _) = exchange(&access, by("guest-2", request("tools/list", "{}")), &[result(list)]).await;
    assert!(got[0].ends_with(r#"{"tools":[],"cacheScope":"private"}}"#), "{}", got[0]);
    // Nothing is left out for Alice, but her list is not everybody's.
    let (got, _) = exchange(&access, by("alice", request("tools/list", "{}")), &[result(list)]).await;
    assert!(got[0].ends_with(r#"{"tools":[{"name":"ls"}],"cacheScope":"private"}}"#), "{}", got[0]);
}

#[tokio::test]
async fn tools_of_a_component_are_denied_and_so_are_those_of_nobody_knows_which() {
    let policy =
        || Policy::allow_by_default([Rule::deny("no-net", Target::Component(Text::exact("net")))]).unwrap();
    let access = Access::with_owners(policy(), |tool| match tool {
        "fetch" => Owner::Component("net".into()),
        "read" => Owner::Component("fs".into()),
        "list-components" => Owner::Nobody,
        _ => Owner::Unknown,
    });
    assert!(!passes(&access, tool("fetch")).await);
    assert!(passes(&access, tool("read")).await);
    assert!(passes(&access, tool("list-components")).await);
    assert!(!passes(&access, tool("new")).await);
    assert!(!passes(&Access::new(policy()), tool("read")).await);
}

#[tokio::test]
async fn lists_lose_what_is_denied_and_no_other_byte() {
    let access = allowing([
        Rule::deny("t", tools("x*")),
        Rule::deny("p", Target::Prompt(Text::exact("x"))),
        Rule::deny("r", Target::Resource(Text::glob("file:///x/*"))),
    ]);
    let cases = [
        (
            "tools/list",
            r#"{ "a":1 , "tools" : [ {"name":"x1"} , {"name":"a"} , {"name":"X2"} , {"name":"b"} ] }"#,
            r#"{ "a":1 , "tools" : [ {"name":"a"} , {"name":"b"} ] }"#,
        ),
        (
            "tools/list",
            r#"{"tools":[ {"name":"x1"} , {"name":"x2"} ],"nextCursor":"c\u0031"}"#,
            r#"{"tools":[  ],"nextCursor":"c\u0031"}"#,
        ),
        (
            "tools/list",
            r#"{"tools":[{"name":"a"},{"name":"x"},{"name":"x"}]}"#,
            r#"{"tools":[{"name":"a"}]}"#,
        ),
        (
            "tools/list",
            r#"{"cacheScope":"p\u0075blic","tools":[{"name":"x"},{"name":"a"}],"ttlMs":5}"#,
            r#"{"cacheScope":"private","tools":[{"name":"a"}],"ttlMs":5}"#,
        ),
        (
            "prompts/list",
            r#"{"prompts":[{"name":"x"},{"name":"xx","title":"x"}]}"#,
            r#"{"prompts":[{"name":"xx","title":"x"}]}"#,
        ),
        (
            "resources/list",
            r#"{"resources":[{"uri":"file:///X/1","name":"a"},{"uri":"file:///y","name":"file:///x/"}]}"#,
            r#"{"resources":[{"uri":"file:///y","name":"file:///x/"}]}"#,
        ),
        (
            "resources/templates/list",
            r#"{"resourceTemplates":[{"uriTemplate":"file:///x/{p}"},{"uriTemplate":"file:///{p}"}]}"#,
            r#"{"resourceTemplates":[{"uriTemplate":"file:///{p}"}]}"#,
        ),
    ];
    for (method, list, due) in cases {
        let (got, _) = exchange(&access, request(method, "{}"), &[result(list)]).await;
        assert_eq!(got, [text(&result(due))], "{list}");
    }
    assert_eq!(access.stats().hidden, 2 + 2 + 2 + 1 + 1 + 1 + 1);
}

#[tokio::test]
async fn templates_are_hidden_only_if_all_they_stand_for_is_denied() {
    let access = denying([
        Rule::allow("a", Target::Resource(Text::exact("db://a/1"))),
        Rule::allow("b", Target::Resource(Text::glob("db://b/*.txt"))),
    ]);
    let list = r#"{"resourceTemplates":[{"uriTemplate":"db://a/{n}"},{"uriTemplate":"db://b/{n}"},{"uriTemplate":"db://c/{n}"},{"uriTemplate":"db://a/1"}]}"#;
    let due = r#"{"resourceTemplates":[{"uriTemplate":"db://a/{n}"},{"uriTemplate":"db://b/{n}"},{"uriTemplate":"db://a/1"}]}"#;
    let (got, _) = exchange(&access, request("resources/templates/list", "{}"), &[result(list)]).await;
    assert_eq!(got, [text(&result(due))]);
}

#[tokio::test]
async fn only_an_answer_to_a_list_is_a_list_and_it_has_to_be_one() {
    let access = Access::new(no_evil());
    let list = result(r#"{"tools":[{"name":"evil"}]}"#);
    let (got, _) = exchange(&access, request("ping", "{}"), std::slice::from_ref(&list)).await;
    assert_eq!(got, [text(&list)]);
    for odd in [
        r#"{"tools":{}}"#,
        r#"{"Tools":[]}"#,
        r#"{}"#,
        "[]",
        "null",
        r#"{"tools":[{"name":""}]}"#,
        r#"{"tools":[{"uri":"x"}]}"#,
    ] {
        let (got, _) = exchange(&access, request("tools/list", "{}"), &[result(odd)]).await;
        assert_eq!((got.len(), error(&got[0]).0), (1, -32603), "{odd}");
    }
    let other = JsonRpcMessage::response("1", r#"{"tools":[{"name":"evil"}]}"#).unwrap();
    let (got, _) = exchange(&access, request("tools/list", "{}"), &[other]).await;
    assert!(got[0].contains("\"id\":1,") && error(&got[0]).0 == -32603, "{}", got[0]);
}

#[tokio::test]
async fn what_passed_only_the_transparent_scan_is_refused_both_ways() {
    let access = Access::new(no_evil());
    let options = ScanOptions::new().transparent();
    let odd = |text: &'static str| JsonRpcMessage::parse_with(text, &options).unwrap();
    let call = odd(r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#);
    assert_eq!(refused(&access, call).await.0, -32600);
    let answer = odd(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
    assert_eq!(exchange(&access, answer, &[]).await, (vec![], vec![]));
    let list = odd(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a","name":"evil"}]}}"#);
    let (got, _) = exchange(&access, request("tools/list", "{}"), &[list]).await;
    assert_eq!(error(&got[0]).0, -32603);
}

#[tokio::test]
async fn servers_are_told_that_a_denied_question_does_not_exist() {
    let access = allowing([
        Rule::deny("no-sampling", Target::Method(Text::exact("sampling/createMessage"))),
        Rule::deny("secret", Target::Resource(Text::exact("file:///secret"))),
    ]);
    let says = [
        msg(r#"{"jsonrpc":"2.0","id":9,"method":"sampling/createMessage","params":{}}"#),
        msg(r#"{"jsonrpc":"2.0","id":8,"method":"Sampling/createMessage","params":{}}"#),
        msg(r#"{"jsonrpc":"2.0","id":10,"method":"roots/list"}"#),
        msg(
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///secret"}}"#,
        ),
        msg(
            r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"file:///open"}}"#,
        ),
        msg(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#),
        result("{}"),
    ];
    let (got, received) = exchange(&access, tool("t"), &says).await;
    assert_eq!(got, [text(&says[2]), text(&says[4]), text(&says[5]), text(&says[6])]);
    assert!(received[1].contains("\"id\":9,") && error(&received[1]).0 == -32601, "{}", received[1]);
    assert!(received[2].contains("\"id\":8,") && error(&received[2]).0 == -32600, "{}", received[2]);
    assert_eq!((received.len(), access.stats().refused_questions, access.stats().dropped), (3, 2, 1));
}

#[tokio::test]
async fn a_question_that_is_the_whole_reply_is_answered_too() {
    let access = allowing([Rule::deny("no-roots", Target::Method(Text::glob("roots/*")))]);
    let asks = msg(r#"{"jsonrpc":"2.0","id":9,"method":"roots/list"}"#);
    let (got, received) = exchange(&access, tool("t"), &[asks]).await;
    assert_eq!((got.len(), error(&received[1]).0), (0, -32601));
}

#[tokio::test]
async fn questions_inside_of_results_are_judged_and_so_are_their_answers() {
    let access = allowing([Rule::deny("no-sampling", Target::Method(Text::exact("sampling/createMessage")))]);
    let asks = |method: &str| {
        result(&json!({"resultType": "input_required", "inputRequests": {"a": {"method": method, "params": {}}}, "requestState": "s"}).to_string())
    };
    for (method, passes) in
        [("elicitation/create", true), ("sampling/createMessage", false), ("Sampling/CreateMessage", false)]
    {
        let (got, _) = exchange(&access, tool("t"), &[asks(method)]).await;
        assert_eq!(got == [text(&asks(method))], passes, "{method}");
        assert!(passes || error(&got[0]).0 == -32603);
    }
    for method in ["tasks/get", "tools/list", "x/own"] {
        let ask = |asked| json!({"tools": [], "inputRequests": {"a": {"method": asked}}}).to_string();
        let (got, _) =
            exchange(&access, request(method, "{}"), &[result(&ask("sampling/createMessage"))]).await;
        assert_eq!(error(&got[0]).0, -32603, "{method}");
        let says = [result(&ask("elicitation/create"))];
        assert_eq!(exchange(&access, request(method, "{}"), &says).await.0, [text(&says[0])], "{method}");
    }
    let told = |asked: &str| {
        let params = json!({"taskId": "t", "inputRequests": {"a": {"method": asked}}}).to_string();
        JsonRpcMessage::notification("notifications/tasks", params).unwrap()
    };
    let says = [told("sampling/createMessage"), told("elicitation/create"), result("{}")];
    assert_eq!(exchange(&access, tool("t"), &says).await.0, [text(&says[1]), text(&says[2])]);
    let odd = result(r#"{"inputRequests":[]}"#);
    assert_eq!(error(&exchange(&access, tool("t"), &[odd]).await.0[0]).0, -32603);
    let again = |answer: &str| {
        request(
            "tools/call",
            &format!(r#"{{"name":"t","inputResponses":{{"a":{answer}}},"requestState":"s"}}"#),
        )
    };
    assert!(passes(&access, again(r#"{"action":"accept","content":{}}"#)).await);
    assert!(!passes(&access, again(r#"{"role":"assistant","content":{},"model":"m"}"#)).await);
    assert!(!passes(&access, again("{}")).await);
    assert!(!passes(&access, again(r#"{"action":"accept","Model":"m"}"#)).await);
    assert!(!passes(&access, again(r#"{"action":"accept","roots":[],"model":"m"}"#)).await);
    let answers = |answers: &str| request("tasks/update", answers);
    assert!(passes(&access, answers(r#"{"inputResponses":null}"#)).await);
    assert!(passes(&access, answers(r#"{"inputResponses":{}}"#)).await);
    for odd in [
        r#"{"inputResponses":[{"model":"m"}]}"#,
        r#"{"inputResponses":"a"}"#,
        r#"{"InputResponses":{"a":{"model":"m"}}}"#,
        r#"{"inputResponses":{"a":{"model":"m"}}}"#,
        r#"{"inputResponses":{"a":[]}}"#,
    ] {
        assert!(!passes(&access, answers(odd)).await, "{odd}");
    }
}

#[tokio::test]
async fn a_dry_run_lets_everything_pass_and_tells() {
    let access = Access::new(no_evil().dry_run());
    let (reply, seen) = guarded(&access, tool("evil"), &[result("{}")]).await;
    let decisions = Decisions::of(&reply);
    assert_eq!(
        (decisions.len(), decisions[0].verdict(), decisions[0].is_enforced()),
        (1, Verdict::Deny, false)
    );
    assert_eq!((seen.len(), decisions[0].rule_id()), (1, Some("no-evil")));
    let list = result(r#"{"tools":[{"name":"evil"}],"cacheScope":"public"}"#);
    let (got, _) = exchange(&access, request("tools/list", "{}"), std::slice::from_ref(&list)).await;
    assert_eq!(got, [text(&list)]);
    assert!(passes(&access, request("tools/call", "{}")).await);
    let stats = access.stats();
    assert_eq!((stats.would_deny, stats.would_hide, stats.denied, stats.hidden), (2, 1, 0, 0));
}

#[tokio::test]
async fn a_rule_in_dry_run_decides_nothing() {
    let access =
        allowing([Rule::deny("maybe-later", tools("a*")).dry_run(), Rule::deny("no-ab", tools("ab"))]);
    let (reply, seen) = guarded(&access, tool("ac"), &[result("{}")]).await;
    assert_eq!(
        (seen.len(), Decisions::of(&reply)[0].to_string()),
        (1, "access: would deny by maybe-later: it denies tools glob \"a*\"".into())
    );
    let (reply, seen) = guarded(&access, tool("ab"), &[result("{}")]).await;
    assert_eq!((seen.len(), Decisions::of(&reply)[0].rule_id()), (0, Some("no-ab")));
}

#[tokio::test]
async fn another_policy_is_in_force_at_once_also_for_lists_that_were_asked_for_before() {
    let access = Access::new(no_evil());
    assert!(!passes(&access, tool("evil")).await);
    let before = access.replace(Policy::allow_by_default([Rule::deny("no-good", tools("good"))]).unwrap());
    assert_eq!(before.rules().next().unwrap().id(), "no-evil");
    assert!(passes(&access, tool("evil")).await);
    assert!(!passes(&access, tool("good")).await);
    assert_eq!((access.stats().replaced, access.current().rules().len()), (1, 1));
}

#[tokio::test]
async fn each_decision_is_left_with_the_reply() {
    let access = Access::new(no_evil());
    let (reply, _) = guarded(&access, tool("good"), &[result("{}")]).await;
    assert_eq!(Decisions::of(&reply)[0].to_string(), "access: allow: no rule denies it");
    let (reply, _) = guarded(&access, tool("evil"), &[]).await;
    assert_eq!(Decisions::of(&reply)[0].to_string(), "access: deny by no-evil: it denies tools \"evil\"");
    let (reply, _) = guarded(&access, request("tools/call", r#"{"NAME":"evil"}"#), &[]).await;
    assert_eq!(Decisions::of(&reply)[0].to_string(), "access: deny: some peers take a key for another");
    let (reply, _) = guarded(&access, JsonRpcMessage::response(3, "{}").unwrap(), &[]).await;
    assert!(Decisions::of(&reply).is_empty());
}

#[test]
fn an_explanation_names_the_rules_that_were_looked_at() {
    let policy = Policy::deny_by_default([
        Rule::allow("late", tools("*")).priority(-1),
        Rule::deny("keys", tools("read*"))
            .when(at("/params/arguments/path"), Test::Text(Text::glob("*.key"))),
        Rule::allow("reading", tools("read")),
        Rule::deny("others", Target::Tool(Text::exact("write"))),
    ])
    .unwrap();
    let call = request("tools/call", r#"{"name":"read","arguments":{"path":"a.txt"}}"#);
    let explanation = policy.explain(&call, &Who::anybody());
    assert_eq!(explanation.decision.rule_id(), Some("reading"));
    let looked: Vec<_> = explanation.looks[1].rules.iter().map(|(id, meant)| (&**id, *meant)).collect();
    assert_eq!(looked, [("keys", false), ("reading", true)]);
    assert_eq!(explanation.looks[0].subject, "the method \"tools/call\"");
}

#[test]
fn two_rules_of_one_name_are_none() {
    let rules = || [Rule::deny("a", tools("x")), Rule::allow("a", tools("y"))];
    assert_eq!(Policy::allow_by_default(rules()).unwrap_err(), Invalid::IdTaken("a".into()));
}

#[cfg(feature = "regex")]
#[test]
fn a_regular_expression_that_denies_ignores_case_and_one_that_allows_does_not() {
    let regex = || Target::Tool(Text::regex("^Get_[A-Z]+$").unwrap());
    let may = |policy: &Policy, name: &'static str| {
        policy.decide(&shadowcat::policy::Subject::tool(name), &Who::anybody(), None).verdict()
    };
    let denies = Policy::allow_by_default([Rule::deny("d", regex())]).unwrap();
    for name in ["Get_ALL", "get_all", "GET_ａＬL", "Get_ALL\0x", "Get_\u{ad}ALL"] {
        assert_eq!(may(&denies, name), Verdict::Deny, "{name:?}");
    }
    assert_eq!(may(&denies, "get_1"), Verdict::Allow);
    let allows = Policy::deny_by_default([Rule::allow("a", regex())]).unwrap();
    assert_eq!((may(&allows, "Get_ALL"), may(&allows, "get_all")), (Verdict::Allow, Verdict::Deny));
}

#[test]
fn what_is_wrong_with_rules_is_told_before_any_message_comes() {
    let told = |rules: Vec<Rule>, deny: bool| {
        let default = if deny { Verdict::Deny } else { Verdict::Allow };
        Policy::new(default, rules).unwrap().problems().to_string()
    };
    let deny = |id: &str, name: &str| Rule::deny(id, Target::Tool(Text::exact(name)));
    let allow = |id: &str, name: &str| Rule::allow(id, Target::Tool(Text::exact(name)));
    assert_eq!(
        told(vec![deny("a", "x"), allow("b", "y").priority(-1), deny("c", "y").priority(-2)], false),
        ""
    );
    assert!(
        told(vec![allow("a", "x"), deny("b", "x")], false)
            .contains("rule \"a\": the rule \"b\" denies what it allows")
    );
    assert!(told(vec![deny("a", "X"), deny("b", "x")], false).contains("rule \"b\": it is never reached"));
    assert!(told(vec![deny("a", "x")], true).contains("rule \"a\": it has no effect"));
    assert_eq!(told(vec![deny("a", "x"), Rule::allow("all", tools("*"))], true), "");
    assert!(told(vec![allow("a", "x")], false).contains("no effect"));
    // The other spellings are left to the rule that denies.
    assert_eq!(told(vec![allow("a", "x").priority(1), deny("b", "x")], false), "");
    let never =
        deny("a", "x").when(at("/params/n"), Test::Above(2.0)).when(at("/params/n"), Test::Below(1.0));
    assert!(told(vec![never], false).contains("contradict each other"));
    assert!(told(vec![deny("a", "get_*")], false).contains("compared as it stands"));
    let slip = Rule::deny("a", Target::Method(Text::exact("tools/cal")));
    assert!(told(vec![slip], false).contains("did you mean \"tools/call\"?"));
    let none = Rule::deny("a", Target::Tool(Text::any_of([])));
    assert!(Policy::allow_by_default([none]).unwrap().problems().has_errors());
}
