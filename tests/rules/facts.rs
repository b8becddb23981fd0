//! What rules ask about, and who decides where they hold.

use std::sync::Arc;

use serde_json::json;
use shadowcat::layer::hold::{self, Holds};
use shadowcat::layer::rules::{Components, Options, Refused, Rules, RulesLayer};
use shadowcat::protocol::Era;
use shadowcat::rules::{Action, Failure, Rule, Scope, Text};
use shadowcat::{Code, Context, Direction};
use tower::{Layer, Service, ServiceExt};

use crate::chain::*;
use crate::ruled::*;
use crate::support::{msg, rest, soon};

#[tokio::test]
async fn an_error_comes_in_the_place_of_what_it_is_about() {
    let fails = |matcher| {
        rules([Rule::new("e", matcher, fault(Failure::Error { code: Code(-9), message: "down".into() }))])
    };
    assert_eq!(ruled(&fails(calls()), CALL, &[RESULT]).await, (vec![error("\"a\"", -9, "down")], vec![]));
    let (got, told) = ruled(&fails(results()), CALL, &[PROGRESS, RESULT]).await;
    assert_eq!((got, told), (vec![PROGRESS.into(), error("\"a\"", -9, "down")], vec![CALL.into()]));
}

#[tokio::test]
async fn a_rule_holds_where_someone_can_decide() {
    let held = || {
        sets([
            Rule::new("look", calls(), Action::Hold).priority(1),
            Rule::new("then", calls(), set("/params/x", json!(1))),
        ])
    };
    assert_eq!(Rules::new(held()).unwrap_err(), Refused::NoHolds("look".into()));
    let holds = Holds::new(hold::Options::new());
    let rules = Rules::with_options(held(), Options::new().holds(&holds)).unwrap();
    let (stack, server) = stack(&as_chain(&rules), &[RESULT]);
    let calling = tokio::spawn(stack.oneshot(msg(CALL)));
    let message = soon(holds.next()).await;
    assert_eq!(message.breakpoint(), "look");
    let edited = message.message().clone().edit().set(&"/params/arguments/n".parse().unwrap(), "7").finish();
    message.edit(edited.unwrap()).unwrap();
    assert_eq!(rest(soon(calling).await.unwrap().unwrap()).await, [RESULT]);
    let told = CALL.replace(r#""n":1"#, r#""n":7"#).replace(r#""params":{"#, r#""params":{"x":1,"#);
    assert_eq!(server.told(), [told], "what was edited, and what the next rule made of it");
}

#[tokio::test]
async fn facts_of_the_session_are_what_rules_ask_about() {
    let mut context = Context::new(Direction::ToUpstream).session("s-1").upstream("wassette");
    context.shared_mut().insert(Era::Modern);
    context.shared_mut().insert(shadowcat::session::Principal::new("alice"));
    let context = Arc::new(context);
    let told = |rule: Rule| {
        let context = context.clone();
        async move {
            let rules = rules([rule]);
            let (mut stack, _) = stack(&as_chain(&rules), &[RESULT]);
            let opening =
                r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"clientInfo":{"name":"claude"}}}"#;
            for sent in [opening, CALL] {
                let reply =
                    stack.ready().await.unwrap().call(msg(sent).with_context(context.clone())).await.unwrap();
                rest(reply).await;
            }
            rules.current().counts().next().unwrap().1.taken
        }
    };
    let is = |text: &str| Text::exact(text);
    for matcher in [
        calls().session(is("s-1")),
        calls().upstream(is("wassette")),
        calls().principal(is("alice")),
        calls().client(is("claude")),
        calls().era(Era::Modern),
        results().principal(is("alice")).client(is("claude")).session(is("s-1")),
    ] {
        assert_eq!(told(Rule::new("r", matcher.clone(), Action::Pass)).await, 1, "{matcher:?}");
    }
    assert_eq!(told(Rule::new("r", calls(), Action::Pass).scope(Scope::Client(is("claude")))).await, 1);
    assert_eq!(told(Rule::new("r", calls().client(is("other")), Action::Pass)).await, 0);
    assert_eq!(told(Rule::new("r", calls().era(Era::Legacy), Action::Pass)).await, 0);
}

#[tokio::test]
async fn components_are_learned_from_what_passes_by() {
    const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list-components","arguments":{}}}"#;
    const LISTED: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\"components\":[{\"id\":\"fs\",\"tools_count\":1,\"schema\":{\"tools\":[{\"name\":\"t\"}]}}],\"total\":1}"}]}}"#;
    let components = Components::new();
    let set = sets([Rule::new(
        "fs",
        calls().component(Text::exact("fs")),
        set("/params/x", json!("{{component}}")),
    )]);
    let rules = Rules::with_options(set, Options::new().components(&components)).unwrap();
    let server = Server { told: Arc::default(), says: [LISTED].into() };
    let mut stack = RulesLayer::new(&rules).layer(server.clone());
    for sent in [CALL, LIST, CALL] {
        rest(stack.ready().await.unwrap().call(msg(sent)).await.unwrap()).await;
    }
    assert_eq!(server.told(), [CALL, LIST, &CALL.replace(r#""params":{"#, r#""params":{"x":"fs","#)]);
    assert_eq!(components.owner("t").as_deref(), Some("fs"));
}

#[tokio::test]
async fn what_no_rule_can_be_for_is_not_looked_at() {
    let rules = rules([Rule::new("r", calls(), Action::Pass)]);
    let chain = as_chain(&rules);
    through(&chain, OTHER, &[]).await;
    through(&chain, NOTE, &[]).await;
    assert_eq!(chain.stats("rules").unwrap().seen, 0);
    through(&chain, CALL, &[RESULT]).await;
    assert_eq!(chain.stats("rules").unwrap().seen, 1, "and no response, which no rule is for");
    rules.replace(sets([Rule::new("r", results(), Action::Pass)])).unwrap();
    through(&chain, CALL, &[RESULT]).await;
    assert_eq!(chain.stats("rules").unwrap().seen, 2, "the response, as the set now wants it");
}
