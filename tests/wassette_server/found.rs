//! What a Wassette that runs already is found to be, and where, before anybody attaches to it.

#![cfg(feature = "http-client")]

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HOST, HeaderValue};
use http::{Method, Request, Response, Uri};
use serde_json::{Value, json};
use shadowcat::connect::Wassette;
use shadowcat::connect::http::{Body, HttpClient, Options};
use shadowcat::wassette::Dialect;
use shadowcat::{Context as Facts, Direction, Error};
use tower::util::BoxCloneService;
use tower::{ServiceExt, service_fn};

use crate::support::*;

/// What a scripted server answers: its status, type and body.
type Said = (u16, &'static str, String);

/// A client of a server that is scripted. It is not `Sync`, as such boxes are not.
fn scripted(
    say: impl Fn(&Method, &Uri, &str) -> Said + Clone + Send + 'static,
) -> BoxCloneService<Request<Body>, Response<axum::body::Body>, Infallible> {
    BoxCloneService::new(service_fn(move |request: Request<Body>| {
        let say = say.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = axum::body::to_bytes(axum::body::Body::new(body), usize::MAX).await.unwrap();
            let (status, kind, text) = say(&head.method, &head.uri, std::str::from_utf8(&body).unwrap());
            let answer = Response::builder().status(status).header("content-type", kind);
            Ok(answer.body(text.into()).unwrap())
        }
    }))
}

async fn found(
    uri: &str,
    say: impl Fn(&Method, &Uri, &str) -> Said + Clone + Send + 'static,
) -> Result<Dialect, Error> {
    let attach = Wassette::attach(scripted(say), uri.parse().unwrap());
    soon(attach.connect()).await.map(|server| server.dialect())
}

fn discovered(body: &str) -> Said {
    let asked: Value = serde_json::from_str(body).unwrap();
    assert_eq!(asked["method"], "server/discover");
    let result =
        json!({"jsonrpc": "2.0", "id": asked["id"], "result": {"supportedVersions": ["2026-07-28"]}});
    (200, "application/json", result.to_string())
}

#[tokio::test]
async fn versions_are_told_apart_by_what_answers() {
    let none = || (404, "text/plain", String::new());
    let modern = move |method: &Method, uri: &Uri, body: &str| match (method.as_str(), uri.path()) {
        ("GET", "/mcp") => (405, "text/plain", String::new()),
        ("POST", "/mcp") => discovered(body),
        _ => none(),
    };
    assert_eq!(found("http://h:9001", modern).await.unwrap(), Dialect::V0_8);
    assert_eq!(found("http://h:9001/mcp", modern).await.unwrap(), Dialect::V0_8);
    // As rmcp 0.5 answers what is in no session, and what it cannot parse.
    let streamable = move |method: &Method, uri: &Uri, _: &str| match (method.as_str(), uri.path()) {
        ("GET", "/mcp") => (401, "text/plain", "Unauthorized: Session ID is required".to_owned()),
        ("POST", "/mcp") => (415, "text/plain", "fail to deserialize request body".to_owned()),
        _ => none(),
    };
    assert_eq!(found("http://h:9001/", streamable).await.unwrap(), Dialect::V0_5);
    let older = |_: &Method, uri: &Uri, _: &str| match uri.path() {
        "/prefix/sse" => (200, "text/event-stream", "event: endpoint\ndata: /m\n\n".to_owned()),
        _ => unreachable!("it was told where"),
    };
    assert_eq!(found("http://h:9001/prefix/sse", older).await.unwrap(), Dialect::V0_2);
}

#[tokio::test]
async fn where_no_wassette_is_that_is_said() {
    let nothing = |_: &Method, _: &Uri, _: &str| (404, "text/html", "<h1>Not found".to_owned());
    let error = found("http://user:secret@h:9001", nothing).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no wassette; tried http://h:9001/sse, http://h:9001/mcp");
    let error = found("http://h/x?token=secret", nothing).await.unwrap_err();
    assert_eq!(error.to_string(), "there is no wassette; tried http://h/x");

    let forbidden = |_: &Method, _: &Uri, _: &str| (403, "text/plain", "who are you?".to_owned());
    let error = found("http://h:9001", forbidden).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "asking which wassette is at http://h:9001/mcp: the server wants to know who asks"
    );
    let broken = |_: &Method, _: &Uri, _: &str| (502, "text/html", String::new());
    assert!(found("http://h:9001", broken).await.unwrap_err().is_closed());
    assert!(found("/mcp", nothing).await.unwrap_err().is_invalid());
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_told_and_asked_again_the_next_time() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let attach = Wassette::attach(HttpClient::new(), format!("http://{free}").parse().unwrap());
    for _ in 0..2 {
        let error = soon(attach.clone().connect()).await.unwrap_err();
        assert!(error.is_closed() && error.is_unsent(), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("asking which wassette is at http://{free}/sse: ")), "{text}");
    }
}

#[tokio::test]
async fn it_is_found_out_once_for_all_sessions() {
    let asked = Seen::default();
    let seen = asked.clone();
    let say = move |method: &Method, uri: &Uri, body: &str| {
        seen.push(format!("{method} {}", uri.path()));
        match method.as_str() {
            "GET" => (405, "text/plain", String::new()),
            _ => discovered(body),
        }
    };
    let attach = Wassette::attach(scripted(say), "http://h/mcp".parse().unwrap());
    for _ in 0..3 {
        soon(attach.clone().connect()).await.unwrap();
    }
    assert_eq!(asked.all(), ["GET /mcp", "POST /mcp"]);
    soon(attach.dialect(Dialect::V0_5).connect()).await.unwrap();
    assert_eq!(asked.len(), 2, "it was told");
}

/// Wassette 0.8 refuses another.
#[tokio::test]
async fn the_host_is_the_servers_own() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let hosts = Seen::default();
    let seen = hosts.clone();
    let app = axum::Router::new().fallback(move |request: axum::extract::Request| {
        seen.push(request.headers()[HOST].to_str().unwrap());
        async { http::StatusCode::BAD_REQUEST }
    });
    tokio::spawn(axum::serve(listener, app).into_future());
    let evil = Options::new()
        .header(HOST, HeaderValue::from_static("evil.example"))
        .timeout(Duration::from_secs(30));
    let attach = Wassette::attach(HttpClient::new(), format!("http://{address}").parse().unwrap());
    let server = soon(attach.options(evil).connect()).await.unwrap();
    let mut facts = Facts::new(Direction::ToUpstream);
    let mut headers = http::HeaderMap::new();
    headers.insert(HOST, HeaderValue::from_static("front.example"));
    facts.shared_mut().insert(headers);
    let hello =
        msg(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#).with_context(Arc::new(facts));
    assert!(soon(server.oneshot(hello)).await.unwrap_err().is_invalid());
    assert!(hosts.len() >= 4, "{hosts:?}");
    assert!(hosts.all().iter().all(|host| *host == address.to_string()), "{hosts:?}");
}
