//! Bearer tokens on HTTP: what a client is told, and what goes on to the front end.

use std::sync::{Arc, Mutex};
use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, Request, Response, StatusCode};
use serde_json::json;
use shadowcat::serve::http::bearer::{BearerLayer, Caller, Keyring, Keys, Misconfigured, Refused, Tokens};
use shadowcat::serve::{self, http::SessionInfo};
use shadowcat::session::{Party, Principal};
use shadowcat::wire::http::Endpoint;
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::{Layer, ServiceBuilder, ServiceExt, service_fn};

use crate::bearer::issuer::{ISSUER, NOW, RESOURCE, claims, header, jwk, key, sign};

const METADATA: &str = "https://mcp.test/.well-known/oauth-protected-resource/mcp";

fn layer() -> BearerLayer {
    let keys = json!({ "keys": [jwk("k", &key())] }).to_string();
    let keyring = Keyring::new(Keys::from_jwks(keys.as_bytes()).unwrap());
    let tokens = Tokens::new(ISSUER, RESOURCE, &keyring).unwrap().scopes(["mcp:tools"]).unwrap();
    BearerLayer::new(tokens.clock(|| UNIX_EPOCH + Duration::from_secs(NOW)))
}

fn token(subject: &str, scope: &str) -> String {
    let mut claims = claims();
    (claims["sub"], claims["scope"]) = (json!(subject), json!(scope));
    sign(&header().to_string(), &claims.to_string(), &key())
}

type Seen = Arc<Mutex<Vec<Request<()>>>>;

/// The answer, and what came to the service inside.
async fn send(layer: &BearerLayer, values: &[&str]) -> (Response<String>, Vec<Request<()>>) {
    let seen = Seen::default();
    let inner = seen.clone();
    let service = layer.layer(service_fn(move |request| {
        inner.lock().unwrap().push(request);
        async { Ok::<_, Error>(Response::new("inside".to_owned())) }
    }));
    let mut request = Request::post("/mcp");
    for value in values {
        request = request.header("authorization", *value);
    }
    let response = service.oneshot(request.body(()).unwrap()).await.unwrap();
    let seen = std::mem::take(&mut *seen.lock().unwrap());
    (response, seen)
}

fn challenge(headers: &HeaderMap) -> &str {
    headers["www-authenticate"].to_str().unwrap()
}

#[tokio::test]
async fn a_request_that_is_trusted_goes_on_with_its_caller_and_without_its_token() {
    let (response, seen) = send(&layer(), &[&format!("Bearer {}", token("alice", "mcp:tools"))]).await;
    assert_eq!((response.status(), &**response.body()), (StatusCode::OK, "inside"));
    let request = &seen[0];
    assert!(!request.headers().contains_key("authorization"));
    let principal: &Principal = request.extensions().get().unwrap();
    assert_eq!(principal.as_str(), "https://issuer.test#alice");
    assert_eq!(request.extensions().get::<Caller>().unwrap().client.as_deref(), Some("c"));
}

#[tokio::test]
async fn the_scheme_is_compared_without_case() {
    for scheme in ["bearer", "BEARER", "Bearer ", "bEaReR"] {
        let (response, seen) = send(&layer(), &[&format!("{scheme} {}", token("a", "mcp:tools"))]).await;
        assert_eq!((response.status(), seen.len()), (StatusCode::OK, 1), "{scheme}");
    }
}

#[tokio::test]
async fn a_request_that_is_not_trusted_goes_no_further() {
    let good = format!("Bearer {}", token("alice", "mcp:tools"));
    let poor = format!("Bearer {}", token("alice", "read"));
    let two = format!("{good}, {good}");
    let other = good.replace("Bearer ", "DPoP ");
    let bad = "error=\"invalid_token\"";
    let table: [(&[&str], StatusCode, Option<&str>); 10] = [
        (&[], StatusCode::UNAUTHORIZED, None),
        (&["Basic YTpi"], StatusCode::UNAUTHORIZED, None),
        (&[&other], StatusCode::UNAUTHORIZED, None),
        (&["Bearer"], StatusCode::UNAUTHORIZED, Some(bad)),
        (&["Bearer "], StatusCode::UNAUTHORIZED, Some(bad)),
        (&["Bearer x"], StatusCode::UNAUTHORIZED, Some(bad)),
        (&[&two], StatusCode::UNAUTHORIZED, Some(bad)),
        (&[&good, &good], StatusCode::BAD_REQUEST, Some("error=\"invalid_request\"")),
        (&["", &good], StatusCode::BAD_REQUEST, Some("error=\"invalid_request\"")),
        (&[&poor], StatusCode::FORBIDDEN, Some("error=\"insufficient_scope\"")),
    ];
    let layer = layer().resource_metadata(METADATA).unwrap();
    for (values, status, error) in table {
        let (response, seen) = send(&layer, values).await;
        assert_eq!((response.status(), seen.len()), (status, 0), "{values:?}");
        assert!(response.body().is_empty() && response.extensions().get::<Refused>().is_some());
        let rest = format!("scope=\"mcp:tools\", resource_metadata=\"{METADATA}\"");
        let told = [error, Some(&rest)].into_iter().flatten().collect::<Vec<_>>().join(", ");
        assert_eq!(challenge(response.headers()), format!("Bearer {told}"), "{values:?}");
    }
}

#[tokio::test]
async fn a_challenge_may_have_nothing_to_say() {
    let tokens = Tokens::new(ISSUER, RESOURCE, &Keyring::new(Keys::default())).unwrap();
    let (response, _) = send(&BearerLayer::new(tokens), &[]).await;
    assert_eq!(challenge(response.headers()), "Bearer");
}

#[test]
fn metadata_have_an_address_that_needs_no_escape() {
    for odd in
        ["", "mcp.test/x", "https://a\"b", "https://a b", "https://a\\b", "javascript:1", "https://a\r\nx:y"]
    {
        let refused = layer().resource_metadata(odd).unwrap_err();
        assert_eq!(refused, Misconfigured::Metadata(odd.to_owned()));
    }
}

#[tokio::test]
async fn neither_a_token_nor_a_secret_is_printed() {
    let token = token("alice", "mcp:tools");
    let (_, signature) = token.rsplit_once('.').unwrap();
    let (response, seen) = send(&layer(), &[&format!("Bearer {token}")]).await;
    let printed = format!("{:?} {response:?} {seen:?} {:?}", layer(), seen[0].extensions().get::<Caller>());
    assert!(!printed.contains(signature) && printed.contains("https://issuer.test"));
}

fn front() -> serve::http::Http {
    let stack = || {
        service_fn(|message: JsonRpcMessage| async move {
            let who = Party::of(&message, None).principal().unwrap_or_default().to_owned();
            let said = json!({ "who": who }).to_string();
            let answer = message.responder().result(said).ok().flatten();
            Ok::<_, Error>(answer.map_or_else(Reply::empty, Reply::one))
        })
    };
    let endpoint = Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse().unwrap()).unwrap();
    let make = service_fn(move |session: SessionInfo| async move {
        assert!(session.extensions().get::<Caller>().is_some());
        Ok::<_, Error>(stack())
    });
    serve::http(endpoint).sessions(make).build()
}

fn post(host: &str, token: &str, body: &str) -> Request<String> {
    let request = Request::post("/mcp").header("host", host).header("content-type", "application/json");
    request.header("authorization", format!("Bearer {token}")).body(body.to_owned()).unwrap()
}

#[tokio::test]
async fn a_session_belongs_to_whom_the_token_names() {
    let server = ServiceBuilder::new().layer(layer()).service(front());
    let [alice, bob] = ["alice", "bob"].map(|name| token(name, "mcp:tools"));
    let open = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
    let opened = server.clone().oneshot(post("localhost:8080", &alice, open)).await.unwrap();
    let session = opened.headers()["mcp-session-id"].clone();
    for (token, status) in [(&bob, StatusCode::NOT_FOUND), (&alice, StatusCode::OK)] {
        let mut ping = post("localhost:8080", token, r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#);
        ping.headers_mut().insert("mcp-session-id", session.clone());
        let response = server.clone().oneshot(ping).await.unwrap();
        assert_eq!(response.status(), status);
        if status == StatusCode::OK {
            use http_body_util::BodyExt;
            let body = response.into_body().collect().await.unwrap().to_bytes();
            assert!(body.ends_with(br#"{"who":"https://issuer.test#alice"}}"#), "{body:?}");
        }
    }
}

#[tokio::test]
async fn a_host_that_is_not_ours_is_refused_behind_the_token() {
    let server = ServiceBuilder::new().layer(layer()).service(front());
    let ping = r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#;
    for (token, status) in
        [(&*token("a", "mcp:tools"), StatusCode::FORBIDDEN), ("x", StatusCode::UNAUTHORIZED)]
    {
        let response = server.clone().oneshot(post("evil.example:8080", token, ping)).await.unwrap();
        assert_eq!(response.status(), status);
    }
}
