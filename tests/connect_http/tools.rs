//! Calls of tools over HTTP: what their heads mirror, and which tools are offered at all. The server is scripted.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde_json::{Value, json};
use shadowcat::JsonRpcMessage;
use shadowcat::connect::http::Options;
use shadowcat::message::{Context, Direction};
use shadowcat::session::Principal;
use shadowcat::wire::http::ClientAuthorization;

use crate::listed::*;
use crate::support::*;
use crate::upstream::*;

#[tokio::test(start_paused = true)]
async fn the_first_call_waits_for_every_page_of_the_list() {
    let (mut leaf, mut server) = upstream();
    let calls: Vec<_> = (1..=3).map(|id| call_of(id, "late", r#"{"a":"x"}"#)).collect();
    let waiting: Vec<_> = calls.iter().map(|call| begin(&mut leaf, msg(call))).collect();
    let first = listing(&mut server).await;
    assert!(first.body.contains(r#""io.modelcontextprotocol/clientCapabilities":{"x":{}}"#), "{first:?}");
    let answer = page(&first, &[tool("early", "A")], Some("p\u{e9}\"2"));
    first.json(answer);
    let second = listing(&mut server).await;
    assert!(second.body.contains(r#""cursor":"pé\"2""#), "{second:?}");
    server.hears_nothing().await; // one list, and no call before it is whole
    let answer = page(&second, &[tool("late", "A")], None);
    second.json(answer);
    for _ in &calls {
        let asked = server.asked().await;
        assert_eq!((asked.header("mcp-name"), asked.header("mcp-param-a")), (Some("late"), Some("x")));
        let id: Value = serde_json::from_str(&asked.body).unwrap();
        asked.json(done(&id["id"]));
    }
    for call in waiting {
        drop(soon(call).await.unwrap().unwrap());
    }
    // What is not in a whole list is not looked for again.
    let text = call_of(4, "unknown", "{}");
    let waiting = begin(&mut leaf, msg(&text));
    server.post(&text).await.json(done(4));
    drop(soon(waiting).await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_waiting_call_takes_over_the_list_of_one_that_was_cancelled() {
    let (mut leaf, mut server) = upstream();
    let first = begin(&mut leaf, msg(call_of(1, "t", r#"{"a":"x"}"#)));
    let asked = listing(&mut server).await;
    let text = call_of(2, "t", r#"{"a":"x"}"#);
    let second = begin(&mut leaf, msg(&text));
    settled().await;
    first.abort();
    asked.abandoned().await;
    let asked = listing(&mut server).await;
    let list = page(&asked, &[tool("t", "A")], None);
    asked.json(list);
    let asked = server.post(&text).await;
    assert_eq!(asked.header("mcp-param-a"), Some("x"));
    asked.json(done(2));
    assert_eq!(answer(second).await, done(2));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_holds_a_call_up_for_a_while_only() {
    let (mut leaf, mut server) = upstream_with(Options::new().timeout(Duration::from_secs(5)));
    let text = call_of(1, "t", r#"{"a":"x"}"#);
    let waiting = begin(&mut leaf, msg(&text));
    let silent = listing(&mut server).await;
    let asked = server.post(&text).await;
    assert_eq!(asked.header("mcp-param-a"), None);
    asked.json(done(1));
    assert_eq!(answer(waiting).await, done(1));
    drop(silent);
    // The next call does not pay for it again.
    let waiting = begin(&mut leaf, msg(&text));
    server.post(&text).await.json(done(1));
    assert_eq!(answer(waiting).await, done(1));
    tokio::time::sleep(Duration::from_secs(31)).await;
    let waiting = begin(&mut leaf, msg(&text));
    let asked = listing(&mut server).await;
    asked.status(500);
    server.post(&text).await.json(done(1));
    assert_eq!(answer(waiting).await, done(1));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_may_not_list_holds_up_nobody_elses_list() {
    let (mut leaf, mut server) = upstream_with(Options::new().transparent_authorization(true));
    for (status, token) in [(401, "wrong"), (403, "other"), (200, "right")] {
        let text = call_of(1, "t", r#"{"a":"x"}"#);
        let mut sent = msg(&text);
        let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, token.parse().unwrap())]);
        sent.extensions_mut().insert(ClientAuthorization::of(&headers));
        let waiting = begin(&mut leaf, sent);
        let asked = listing(&mut server).await;
        assert_eq!(asked.header("authorization"), Some(token));
        let list = page(&asked, &[tool("t", "A")], None);
        if status == 200 {
            asked.json(list)
        } else {
            asked.status(status)
        }
        let asked = server.post(&text).await;
        assert_eq!(asked.header("mcp-param-a"), (status == 200).then_some("x"));
        asked.json(done(1));
        assert_eq!(answer(waiting).await, done(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_without_end_is_given_up() {
    let (mut leaf, mut server) = upstream();
    let text = call_of(1, "t", "{}");
    let waiting = begin(&mut leaf, msg(&text));
    let mut pages = 0;
    let asked = loop {
        let asked = server.asked().await;
        if asked.header("mcp-method") != Some("tools/list") {
            break asked;
        }
        pages += 1;
        let next = page(&asked, &[], Some("again"));
        asked.json(next);
    };
    assert_eq!(pages, 256);
    asked.json(done(1));
    assert_eq!(answer(waiting).await, done(1));
}

#[tokio::test(start_paused = true)]
async fn a_head_that_the_server_refuses_is_made_anew_once() {
    let (mut leaf, mut server) = upstream();
    let text = call_of(7, "t", r#"{"a":"x"}"#);
    let waiting = begin(&mut leaf, msg(&text));
    let asked = listing(&mut server).await;
    let list = page(&asked, &[tool("t", "Old")], None);
    asked.json(list);
    let asked = server.post(&text).await;
    assert_eq!((asked.header("mcp-param-old"), asked.header("mcp-param-new")), (Some("x"), None));
    asked.say(400, "application/json", mismatch(7));
    let asked = listing(&mut server).await;
    let list = page(&asked, &[tool("t", "New")], None);
    asked.json(list);
    let asked = server.post(&text).await;
    assert_eq!((asked.header("mcp-param-old"), asked.header("mcp-param-new")), (None, Some("x")));
    asked.say(400, "application/json", mismatch(7));
    assert_eq!(answer(waiting).await, mismatch(7));
    assert_eq!(leaf.stats().repeated_calls, 1);
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_is_not_sent_again_where_the_list_says_the_same() {
    let (mut leaf, mut server) = upstream();
    let text = call_of(7, "t", r#"{"a":"x"}"#);
    let waiting = begin(&mut leaf, msg(&text));
    let asked = listing(&mut server).await;
    let list = page(&asked, &[tool("t", "A")], None);
    asked.json(list.clone());
    server.post(&text).await.say(400, "application/json", mismatch(7));
    listing(&mut server).await.json(list);
    assert_eq!(answer(waiting).await, mismatch(7));
    server.hears_nothing().await;
}

#[tokio::test(start_paused = true)]
async fn a_change_of_the_tools_makes_the_next_call_read_them_again() {
    let (mut leaf, mut server) = upstream();
    let list = request(1, "tools/list", "");
    let waiting = begin(&mut leaf, msg(&list));
    let asked = server.post(&list).await;
    let first = page(&asked, &[tool("t", "A")], None);
    asked.json(first);
    drop(soon(waiting).await.unwrap().unwrap());
    let listen = request(2, "subscriptions/listen", r#""notifications":{"toolsListChanged":true},"#);
    let waiting = begin(&mut leaf, msg(&listen));
    let mut events = server.post(&listen).await.events();
    let mut reply = soon(waiting).await.unwrap().unwrap();
    // A whole list has passed: no other is needed.
    let text = call_of(3, "t", r#"{"a":"x"}"#);
    let waiting = begin(&mut leaf, msg(&text));
    let asked = server.post(&text).await;
    assert_eq!(asked.header("mcp-param-a"), Some("x"));
    asked.json(done(3));
    drop(soon(waiting).await.unwrap().unwrap());

    events.say(note("notifications/tools/list_changed"));
    assert_eq!(next(&mut reply).await, note("notifications/tools/list_changed"));
    let waiting = begin(&mut leaf, msg(&text));
    let asked = listing(&mut server).await;
    let list = page(&asked, &[tool("t", "B")], None);
    asked.json(list);
    let asked = server.post(&text).await;
    assert_eq!((asked.header("mcp-param-a"), asked.header("mcp-param-b")), (None, Some("x")));
    asked.json(done(3));
    drop(soon(waiting).await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn tools_that_cannot_be_called_over_http_are_left_out_and_counted() {
    let odd = json!({ "name": "odd", "inputSchema": { "properties": { "a": { "type": "number", "x-mcp-header": "A" } } } });
    for (options, left) in [(Options::new(), 1), (Options::new().drop_invalid_tools(false), 2)] {
        let (mut leaf, mut server) = upstream_with(options);
        let list = request(1, "tools/list", "");
        for in_events in [false, true] {
            let waiting = begin(&mut leaf, msg(&list));
            let asked = server.post(&list).await;
            let body = page(&asked, &[odd.clone(), tool("good", "A")], None);
            match in_events {
                true => asked.events().say(body),
                false => asked.json(body),
            }
            let answer: Value = serde_json::from_str(&answer(waiting).await).unwrap();
            assert_eq!(answer["result"]["tools"].as_array().unwrap().len(), left, "{answer}");
            assert_eq!(answer["result"]["tools"][left - 1]["name"], "good");
        }
        assert_eq!(leaf.stats().dropped_tools, if left == 1 { 2 } else { 0 });
    }
}

/// The call as one of this caller: with a principal, with a credential, or of nobody.
fn from(text: &str, principal: Option<&str>, token: Option<&str>) -> JsonRpcMessage {
    let mut message = msg(text);
    if let Some(token) = token {
        let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, token.parse().unwrap())]);
        message.extensions_mut().insert(ClientAuthorization::of(&headers));
    }
    let mut context = Context::new(Direction::ToUpstream);
    if let Some(principal) = principal {
        context.shared_mut().insert(Principal::new(principal));
    }
    message.with_context(Arc::new(context))
}

#[tokio::test(start_paused = true)]
async fn what_one_caller_may_see_is_not_what_another_may() {
    type Caller = (Option<&'static str>, Option<&'static str>);
    // By whatever tells them apart: each has tools of its own.
    let pairs: [[Caller; 2]; 3] = [
        [(Some("ann"), None), (Some("bob"), None)],
        [(None, Some("a-token")), (None, Some("b-token"))],
        [(None, None), (Some("bob"), None)],
    ];
    for pair in pairs {
        let (mut leaf, mut server) = upstream_with(Options::new().transparent_authorization(true));
        let callers = [(pair[0], "hers"), (pair[1], "his")];
        for ((principal, token), own) in callers {
            let text = call_of(1, own, r#"{"a":"x"}"#);
            let waiting = begin(&mut leaf, from(&text, principal, token));
            let asked = listing(&mut server).await;
            assert_eq!(asked.header("authorization"), token);
            let list = page(&asked, &[tool(own, own)], None);
            asked.json(list);
            server.post(&text).await.json(done(1));
            assert_eq!(answer(waiting).await, done(1));
        }
        // Whose turn it is changes nothing: no list is read again, and nothing is sent without its headers.
        for ((principal, token), own) in callers.into_iter().chain(callers) {
            let text = call_of(2, own, r#"{"a":"x"}"#);
            let waiting = begin(&mut leaf, from(&text, principal, token));
            let asked = server.post(&text).await;
            assert_eq!(asked.header(&format!("mcp-param-{own}")), Some("x"));
            asked.json(done(2));
            assert_eq!(answer(waiting).await, done(2));
        }
        // A list that passes is its caller's, too.
        let ((principal, token), _) = callers[0];
        let ask = request(3, "tools/list", "");
        let waiting = begin(&mut leaf, from(&ask, principal, token));
        let asked = server.post(&ask).await;
        let list = page(&asked, &[tool("hers", "New")], None);
        asked.json(list);
        drop(soon(waiting).await.unwrap().unwrap());
        for (((principal, token), own), header) in callers.into_iter().zip(["mcp-param-new", "mcp-param-his"])
        {
            let text = call_of(4, own, r#"{"a":"x"}"#);
            let waiting = begin(&mut leaf, from(&text, principal, token));
            let asked = server.post(&text).await;
            assert_eq!(asked.header(header), Some("x"), "{asked:?}");
            asked.json(done(4));
            assert_eq!(answer(waiting).await, done(4));
        }
    }
}

/// Asked by 300 callers, and by all of them again: how often the list was read for it.
async fn lists_for_many(options: Options) -> usize {
    let (mut leaf, mut server) = upstream_with(options);
    let text = call_of(1, "t", r#"{"a":"x"}"#);
    let mut lists = 0;
    for round in 0..2 {
        for caller in 0..300 {
            let waiting = begin(&mut leaf, from(&text, Some(&caller.to_string()), None));
            let mut asked = server.asked().await;
            if asked.header("mcp-method") == Some("tools/list") {
                lists += 1;
                let list = page(&asked, &[tool("t", "A")], None);
                asked.json(list);
                asked = server.asked().await;
            }
            assert_eq!(asked.header("mcp-param-a"), Some("x"), "{round} {caller}");
            asked.json(done(1));
            assert_eq!(answer(waiting).await, done(1));
        }
    }
    lists
}

#[tokio::test(start_paused = true)]
async fn of_so_many_callers_it_is_known_what_they_see() {
    let lists = lists_for_many(Options::new().transparent_authorization(true)).await;
    assert!(lists > 300, "those beyond the bound were forgotten, and read again: {lists}");
    assert_eq!(lists_for_many(Options::new()).await, 1, "to the server they are one");
}
