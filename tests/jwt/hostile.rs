//! The cases of the hostile corpus that want a token, through the layer and the front end.

use std::path::Path;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{Request, Response};
use serde_json::Value;
use shadowcat::serve;
use shadowcat::serve::http::bearer::Refused;
use shadowcat::session::Principal;
use shadowcat::wire::http::{Endpoint, forwarded};
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::bearer::{METADATA, layer_of};

/// How many cases want a token.
const CASES: usize = 46;

/// Why a case is refused, by the beginnings of its name and of [`Refused`]: a token that is wrong in one place must not
/// be refused for another.
const REASONS: [(&str, &str); 28] = [
    ("http-auth-missing", "Missing"),
    ("http-auth-twice", "Twice"),
    ("http-auth-", "Malformed"),
    ("http-jwt-expired", "Expired"),
    ("http-jwt-exp-", "Claim(\"exp\")"),
    ("http-jwt-nbf-future", "NotYet"),
    ("http-jwt-nbf-", "Claim(\"nbf\")"),
    ("http-jwt-no-aud", "Claim(\"aud\")"),
    ("http-jwt-aud-object", "Claim(\"aud\")"),
    ("http-jwt-aud-", "Audience"),
    ("http-jwt-no-iss", "Issuer"),
    ("http-jwt-iss-", "Issuer"),
    ("http-jwt-dup-", "Malformed"),
    ("http-jwt-payload-swap", "Signature"),
    ("http-jwt-payload-", "Malformed"),
    ("http-jwt-hs256-", "Algorithm"),
    ("http-jwt-rs1", "Algorithm"),
    ("http-jwt-alg-", "Algorithm"),
    ("http-jwt-jwk-", "UnknownKey"),
    ("http-jwt-kid-", "UnknownKey"),
    ("http-jwt-jku", "Signature"),
    ("http-jwt-sig-", "Signature"),
    ("http-jwt-crit-", "Extension"),
    ("http-jwt-zip", "Extension"),
    ("http-jwt-four-", "Malformed"),
    ("http-jwt-five-", "Malformed"),
    ("http-jwt-padding", "Malformed"),
    ("http-jwt-std-b64", "Malformed"),
];

fn reason(name: &str) -> &'static str {
    REASONS.iter().find(|(beginning, _)| name.starts_with(beginning)).unwrap().1
}

/// The head as an HTTP library hands it over; every body here is as long as it says.
fn parse(base64: &str) -> Request<String> {
    let text = String::from_utf8(BASE64_STANDARD.decode(base64).unwrap()).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let mut lines = head.split("\r\n");
    assert_eq!(lines.next(), Some("POST /mcp HTTP/1.1"));
    let fields = lines.map(|line| line.split_once(':').unwrap());
    let request =
        fields.fold(Request::post("/mcp"), |request, (name, value)| request.header(name, value.trim()));
    request.body(body.to_owned()).unwrap()
}

/// What came to the front end, and what came out of it.
#[derive(Clone, Default)]
struct Seen {
    heads: Arc<Mutex<Vec<http::request::Parts>>>,
    messages: Arc<Mutex<Vec<JsonRpcMessage>>>,
}

async fn send(case: &Value) -> (Response<serve::http::Body>, Seen) {
    let seen = Seen::default();
    let (heads, messages) = (seen.heads.clone(), seen.messages.clone());
    let stack = service_fn(move |message: JsonRpcMessage| {
        let answer = message.responder().result("{}").ok().flatten();
        messages.lock().unwrap().push(message);
        async move { Ok::<_, Error>(answer.map_or_else(Reply::empty, Reply::one)) }
    });
    let endpoint = Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse().unwrap()).unwrap();
    let server = ServiceBuilder::new()
        .layer(layer_of(case).unwrap())
        .map_request(move |request: Request<String>| {
            let (head, body) = request.into_parts();
            heads.lock().unwrap().push(head.clone());
            Request::from_parts(head, body)
        })
        .service(serve::http(endpoint).stateless(stack).build());
    let request = parse(case["bytes_base64"].as_str().unwrap());
    (server.oneshot(request).await.unwrap(), seen)
}

fn check(case: &Value, response: &Response<serve::http::Body>, seen: &Seen) {
    let name = case["name"].as_str().unwrap();
    let (heads, messages) = (seen.heads.lock().unwrap(), seen.messages.lock().unwrap());
    if case["expect"] == "reject" {
        assert_eq!(Some(u64::from(response.status().as_u16())), case["status"].as_u64(), "{name}");
        let refused: &Refused = response.extensions().get().unwrap();
        assert!(format!("{refused:?}").starts_with(reason(name)), "{name}: {refused:?}");
        let challenge = response.headers()["www-authenticate"].to_str().unwrap();
        assert!(challenge.contains(&format!("resource_metadata=\"{METADATA}\"")), "{name}: {challenge}");
        assert!(heads.is_empty() && messages.is_empty(), "{name}");
        return;
    }
    assert_eq!((case["expect"].as_str(), response.status().as_u16()), (Some("stripped"), 200), "{name}");
    let sent = parse(case["bytes_base64"].as_str().unwrap());
    assert_eq!(
        messages.iter().map(|message| &**message.bytes()).collect::<Vec<_>>(),
        [sent.body().as_bytes()]
    );
    let principal = heads[0].extensions.get::<Principal>().unwrap();
    assert_eq!(principal.as_str(), "https://as.example#alice", "{name}");
    let told = format!("{:?} {:?} {:?}", heads[0], forwarded(&heads[0].headers, &[]), messages[0]);
    for secret in case["must_not_contain_base64"].as_array().unwrap() {
        let secret = BASE64_STANDARD.decode(secret.as_str().unwrap()).unwrap();
        assert!(!told.contains(std::str::from_utf8(&secret).unwrap()), "{name}: {told}");
    }
}

#[tokio::test]
async fn each_token_of_the_corpus_is_judged_as_it_should_be() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/headers.jsonl");
    let Ok(text) = std::fs::read_to_string(path) else { return }; // not in the published package
    let cases = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut ran = 0;
    for case in cases.filter(|case| case["auth"] == "required") {
        let (response, seen) = send(&case).await;
        check(&case, &response, &seen);
        ran += 1;
    }
    assert_eq!(ran, CASES);
}
