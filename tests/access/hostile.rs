//! The corpus's cases of policies, by the scanner and the layer alone; and cases that are not in it.

use shadowcat::JsonRpcMessage;
use shadowcat::layer::access::Access;
use shadowcat::policy::{Policy, Rule, Target};
use shadowcat::rules::Text;

use crate::corpus::{self, Case, Question};
use crate::guarded::{error, exchange, no_evil, request};
use crate::support::{msg, text};

const BLOCKED: &str = "blocked-by-policy(tool evil denied)";

fn payloads(case: &Case) -> Vec<Vec<u8>> {
    let bytes = case.bytes();
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
}

async fn from_client(case: &Case) {
    let access = Access::new(no_evil());
    for line in payloads(case) {
        let message = match JsonRpcMessage::parse(line.clone()) {
            Ok(message) => message,
            Err(refused) => {
                assert_eq!(case.expect, "reject");
                assert!(case.is_code(refused.code().0), "{}", refused.code());
                continue;
            }
        };
        let id = message.id().map(|id| id.as_str().to_owned());
        let (got, received) = exchange(&access, message, &[]).await;
        if case.expect == "forward-identical" {
            assert_eq!((got, received), (vec![], vec![String::from_utf8(line).unwrap()]));
            continue;
        }
        assert!(received.is_empty(), "{received:?}");
        assert!(case.expect == BLOCKED || case.expect == "reject");
        assert!(case.is_code(error(&got[0]).0), "{}", got[0]);
        assert_eq!(msg(&got[0]).id().map(|id| id.as_str().to_owned()), id);
    }
}

/// What the scanner refuses never becomes a message; its pending call is answered by the leaf.
async fn from_server(case: &Case) {
    let says: Vec<_> =
        payloads(case).into_iter().filter_map(|line| JsonRpcMessage::parse(line).ok()).collect();
    let Some(first) = says.first() else { return assert_eq!(case.expect, "reject") };
    let is_asked =
        |question: &&Question| first.id().map(|id| id.as_str().to_owned()) == Some(question.id.to_string());
    let question = case.pending.iter().find(is_asked).or(case.pending.first());
    let sent = match question {
        Some(question) => msg(String::from_utf8(question.line()).unwrap().trim_end()),
        None => request("subscriptions/listen", "{}"),
    };
    let (got, _) = exchange(&Access::new(no_evil()), sent.clone(), &says).await;
    match case.outcomes.as_ref().map_or(&*case.expect, |outcomes| &outcomes[0]) {
        "forward-identical" => assert_eq!(got, [text(first)]),
        "reject" => {
            assert_eq!(got.len(), 1);
            assert_eq!(error(&got[0]).0, case.error_code.flatten().unwrap_or(-32603));
            assert_eq!(msg(&got[0]).id(), sent.id());
        }
        BLOCKED => assert_eq!(got, [without_evil(first)], "{}", text(first)),
        other => panic!("{other}"),
    }
}

/// By a tree, and so without the bytes' own order of things; the bytes are compared in `access`.
fn without_evil(list: &JsonRpcMessage) -> String {
    let text = text(list);
    let cases = [
        (r#",{"name":"evil","inputSchema":{"type":"object"}}]"#, "]"),
        (r#" , {"name":"evil","inputSchema":{"type":"object"}} ]"#, " ]"),
        (r#",{"n\u0061me":"evil","inputSchema":{}}]"#, "]"),
        (r#",{"name":"EVIL","inputSchema":{"type":"object"}}]"#, "]"),
        (r#",{"name":"evil ","inputSchema":{"type":"object"}}]"#, "]"),
        (r#",{"name":"ｅｖｉｌ","inputSchema":{"type":"object"}}]"#, "]"),
        (r#",{"name":"evil\u0000","inputSchema":{"type":"object"}}]"#, "]"),
        (r#"[{"name":"evil","inputSchema":{"type":"object"}},"#, "["),
        (r#"[{"name":"evil","inputSchema":{"type":"object"}}]"#, "[]"),
    ];
    let (evil, rest) = cases.into_iter().find(|(evil, _)| text.contains(evil)).expect("the case is known");
    text.replace(evil, rest).replace(r#""cacheScope":"public""#, r#""cacheScope":"private""#)
}

#[tokio::test]
async fn every_case_of_the_corpus_is_decided_by_the_scanner_or_the_layer() {
    let Some(folder) = corpus::folder() else { return };
    let calls = corpus::cases(&folder, "policy_call");
    let lists = corpus::cases(&folder, "policy_list");
    assert!(!calls.is_empty() && !lists.is_empty());
    for case in &calls {
        eprintln!("{}", case.name);
        from_client(case).await;
    }
    for case in &lists {
        eprintln!("{}", case.name);
        from_server(case).await;
    }
}

async fn is_let_pass(access: &Access, call: &str) -> bool {
    let Ok(message) = JsonRpcMessage::parse(call.to_owned()) else { return false };
    let (_, received) = exchange(access, message, &[]).await;
    assert!(received.is_empty() || received == [call]);
    !received.is_empty()
}

#[tokio::test]
async fn names_that_a_lax_peer_takes_for_a_denied_one_are_denied_in_every_shape_of_a_rule() {
    let texts = [
        Text::exact("Straße"),
        Text::glob("stra*e"),
        Text::any_of([Text::exact("x"), Text::exact("STRASSE")]),
    ];
    for denied in texts {
        let access =
            Access::new(Policy::allow_by_default([Rule::deny("d", Target::Tool(denied.clone()))]).unwrap());
        for name in [
            "Straße",
            "STRASSE",
            "strasse",
            "ſtraſſe",
            "ＳＴＲＡＳＳＥ",
            "\\u0000strasse",
            "strasse\\u0000.safe",
            "stra\\u00ad\\u00dfe",
            "\\ud835\\udc2ctrasse",
            "strasse\\u2028",
            "\\u202estrasse",
            "\\tstrasse\\u007f",
        ] {
            let call =
                format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}"}}}}"#);
            assert!(!is_let_pass(&access, &call).await, "{denied:?} {name}");
        }
        let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"gasse"}}"#;
        assert!(is_let_pass(&access, call).await);
    }
}

#[tokio::test]
async fn odd_spellings_of_methods_and_keys_are_refused_for_all_that_is_judged() {
    let access = Access::new(no_evil());
    for method in [
        "Prompts/Get",
        "resources/read\\u0000",
        "prompts/list ",
        "tools/lıst\\u200b",
        "subscriptions\\uff0flisten",
        "\\u200btools/list",
        "RESOURCES/READ",
        "completion/Complete",
        "sampling/createmessage",
        "notifications/Resources/updated",
    ] {
        let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{}}}}"#);
        let passes = is_let_pass(&access, &call).await;
        // A dotless i is another letter.
        assert_eq!(passes, method.contains('ı'), "{method}");
    }
    for (method, params) in [
        ("prompts/get", r#"{"name":"a","Name":"b"}"#),
        ("prompts/get", r#"{"name":"a","n\u0061me ":"b"}"#),
        ("resources/read", r#"{"uri":"a","URI":"b"}"#),
        ("resources/subscribe", r#"{"uri":"a","u\u200bri":"b"}"#),
        ("tools/call", r#"{"name":"a","__proto__":{}}"#),
        ("tools/call", r#"{"name":"a","inputresponses":{}}"#),
        ("tools/call", r#"{"name":"\ud800evil"}"#),
        ("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"a","Name":"b"}}"#),
        ("completion/complete", r#"{"ref":{"type":"REF/prompt","name":"a"}}"#),
        ("completion/complete", r#"{"Ref":{"type":"ref/prompt","name":"a"}}"#),
        ("subscriptions/listen", r#"{"notifications":{"resourceSubscriptions":"a"}}"#),
        ("subscriptions/listen", r#"{"notifications":{"resourceSubscriptions":[1]}}"#),
        ("subscriptions/listen", r#"{"notifications":{"ResourceSubscriptions":["a"]}}"#),
    ] {
        let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        assert!(!is_let_pass(&access, &call).await, "{method} {params}");
    }
    for (method, params) in [
        ("tools/call", r#"{"name":"a","x-vendor":1,"arguments":{"Name":"evil","NAME":"evil"}}"#),
        ("custom/evil", r#"{"Name":"evil"}"#),
        ("subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#),
        ("resources/read", r#"{"uri":"evil"}"#),
    ] {
        let call = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        assert!(is_let_pass(&access, &call).await, "{method} {params}");
    }
}

#[tokio::test]
async fn lists_of_every_kind_fail_closed() {
    let access = Access::new(no_evil());
    for (method, list) in [
        ("prompts/list", r#"{"prompts":[{"name":"a","NAME":"b"}]}"#),
        ("prompts/list", r#"{"prompts":["a"]}"#),
        ("resources/list", r#"{"resources":[{"name":"a"}]}"#),
        ("resources/list", r#"{"resources":[{"uri":"a","Uri":"b"}]}"#),
        ("resources/list", r#"{"Resources":[],"resources":[]}"#),
        ("resources/templates/list", r#"{"resourceTemplates":[{"uri":"a"}]}"#),
        ("resources/templates/list", r#"{"resourceTemplates":1}"#),
        ("tools/list", r#"{"tools":[{"name":"a"}],"tool\u017f":[]}"#),
        ("tools/list", r#"{"tools":[{"name":"\udc00"}]}"#),
        ("tools/list", r#"{"tools":[null]}"#),
        ("tools/list", r#"{"tools":"evil"}"#),
    ] {
        let says = msg(format!(r#"{{"jsonrpc":"2.0","id":1,"result":{list}}}"#));
        let (got, _) = exchange(&access, request(method, "{}"), &[says]).await;
        assert_eq!((got.len(), error(&got[0]).0), (1, -32603), "{list}");
    }
}
