//! What a server asks its client: who is asked, and who is not.

#![cfg(feature = "http")]

use shadowcat::serve::Http;
use shadowcat::wire::http::Endpoint;
use shadowcat::{ReplySender, serve};

use crate::front::{
    AGREED, Calls, Events, INITIALIZE, body, get, open, open_as, post, request, send, sending, sessions,
};
use crate::support::{self, call_text, done, msg, peer, progress, soon};

const QUESTION: &str = r#"{"jsonrpc":"2.0","id":51,"method":"roots/list"}"#;

#[tokio::test]
async fn an_answer_goes_to_the_session_that_was_asked_and_once_only() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let other = open(&http, &mut calls).await;
    let response = sending(&http, post(Some(&session), call_text(1)));
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(QUESTION)).unwrap();
    let mut events = Events::of(response.await.unwrap());
    assert_eq!(events.data().await, QUESTION);
    for (session, status) in [(&other, 400), (&session, 202), (&session, 400)] {
        assert_eq!(send(&http, post(Some(session), done(51))).await.status(), status);
    }
    let (answer, _) = calls.next().await;
    assert_eq!(support::text(&answer), done(51));
    assert!(calls.is_empty());
    drop(sender);
}

#[tokio::test]
async fn a_client_that_takes_json_only_gets_the_response_and_nobody_waits_for_it() {
    let (http, mut calls) = sessions(|http| http);
    let session = open(&http, &mut calls).await;
    let mut request = post(Some(&session), call_text(1));
    request.headers_mut().insert("accept", "application/json".parse().unwrap());
    let response = sending(&http, request);
    let (_, sender) = calls.take("tools/call").await;
    sender.try_send(msg(progress(1, 1))).unwrap();
    sender.try_send(msg(QUESTION)).unwrap();
    let (refusal, _) = calls.next().await;
    assert!(support::text(&refusal).contains(r#""id":51,"error""#));
    sender.finish(msg(done(1)));
    assert_eq!(body(response.await.unwrap()).await, done(1));
}

/// What only some clients can be asked, by the capability that stands for it.
const ALL: [(&str, &str); 4] = [
    ("sampling", "sampling/createMessage"),
    ("roots", "roots/list"),
    ("elicitation", "elicitation/create"),
    ("tasks", "tasks/get"),
];

fn question(id: &str, method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"{id}","method":"{method}","params":{{}}}}"#)
}

fn initialize(capability: &str) -> String {
    INITIALIZE.replace("roots", capability)
}

/// Everything is asked, and a ping last.
async fn ask_all(asks: &ReplySender) {
    for (name, method) in ALL {
        asks.send(msg(question(name, method))).await.unwrap();
    }
    asks.send(msg(question("p", "ping"))).await.unwrap();
}

/// The server learns that nobody answers what was not declared; never in the client's name.
async fn refused(calls: &mut Calls, declared: &str) {
    for (name, _) in ALL.iter().filter(|(name, _)| *name != declared) {
        let (refusal, _) = calls.next().await;
        let text = support::text(&refusal);
        assert!(text.contains(&format!(r#""id":"{name}","error":{{"code":-32601"#)), "{text}");
    }
    assert!(calls.is_empty());
}

async fn session(declared: &str) -> (Http, Calls, String) {
    let (http, mut calls) = sessions(|http| http);
    let session = open_as(&http, &mut calls, post(None, initialize(declared)), AGREED).await;
    (http, calls, session)
}

#[tokio::test(start_paused = true)]
async fn a_client_is_asked_only_what_it_declared_with_its_answers() {
    for (declared, method) in ALL {
        let (http, mut calls, session) = session(declared).await;
        let response = sending(&http, post(Some(&session), call_text(1)));
        let (_, sender) = calls.take("tools/call").await;
        ask_all(&sender).await;
        let mut events = Events::of(response.await.unwrap());
        assert_eq!(events.data().await, question(declared, method));
        assert_eq!(events.data().await, question("p", "ping"));
        refused(&mut calls, declared).await;
        sender.finish(msg(done(1)));
        assert_eq!(events.data().await, done(1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_is_asked_only_what_it_declared_unasked() {
    let (http, mut calls, session) = session("elicitation").await;
    let mut events = Events::of(send(&http, get(&session)).await);
    events.is_silent().await;
    let (_, unasked) = calls.take("subscriptions/listen").await;
    ask_all(&unasked).await;
    assert_eq!(events.data().await, question("elicitation", "elicitation/create"));
    assert_eq!(events.data().await, question("p", "ping"));
    refused(&mut calls, "elicitation").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_of_http_sse_is_asked_only_what_it_declared() {
    let sse = Endpoint::bound_to("/sse", "127.0.0.1:8080".parse().unwrap()).unwrap();
    let (http, mut calls) = sessions(|http| http.http_sse(sse));
    let mut connect = request("GET", None).body(String::new()).unwrap();
    *connect.uri_mut() = "/sse".parse().unwrap();
    let mut events = Events::of(send(&http, connect).await);
    let at = format!("/sse{}", events.data().await);
    let mut hello = post(None, initialize("sampling"));
    *hello.uri_mut() = at.parse().unwrap();
    assert_eq!(send(&http, hello).await.status(), 202);
    events.is_silent().await;
    let (_, unasked) = calls.take("subscriptions/listen").await;
    let (_, _opening) = calls.take("initialize").await;
    ask_all(&unasked).await;
    assert_eq!(events.data().await, question("sampling", "sampling/createMessage"));
    assert_eq!(events.data().await, question("p", "ping"));
    events.is_silent().await;
    refused(&mut calls, "sampling").await;
}

#[tokio::test(start_paused = true)]
async fn a_client_on_stdio_is_asked_only_what_it_declared() {
    let (stack, mut calls) = support::by_hand();
    let (mut client, read, write) = peer(1 << 20);
    tokio::spawn(serve::stdio(stack).run_on(read, write));
    let (_, unasked) = soon(calls.recv()).await.unwrap();
    client.say(initialize("roots")).await;
    let (_, _opening) = soon(calls.recv()).await.unwrap();
    ask_all(&unasked).await;
    assert_eq!(client.hear().await.unwrap(), question("roots", "roots/list"));
    assert_eq!(client.hear().await.unwrap(), question("p", "ping"));
    client.hears_nothing().await;
    for (name, _) in ALL.iter().filter(|(name, _)| *name != "roots") {
        let (refusal, _) = soon(calls.recv()).await.unwrap();
        assert!(support::text(&refusal).contains(&format!(r#""id":"{name}","error":{{"code":-32601"#)));
    }
}
