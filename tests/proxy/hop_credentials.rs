//! Which credentials of a client reach the upstream: none, unless both halves of the hop are told to be transparent.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use shadowcat::connect::Http;
use shadowcat::connect::http::{HttpClient, Options};
use shadowcat::wire::http::ClientAuthorization;
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::{ServiceBuilder, ServiceExt, service_fn};

use crate::hop::{self, HELLO, Proxy, Upstream, json, modern, open, post, raw, session};
use crate::support::{call_text, done, msg, soon};

/// Everything that a client may send along and that nobody else is to see.
const SECRETS: &str = "Authorization: Bearer s3cret-a\r\nCookie: session=s3cret-b\r\n\
     Proxy-Authorization: Basic s3cret-c\r\nX-Api-Key: s3cret-d\r\nForwarded: for=s3cret-e\r\n\
     X-Forwarded-For: s3cret-f\r\nReferer: http://s3cret-g/\r\n";

fn with_origin(address: std::net::SocketAddr) -> String {
    format!("{SECRETS}Origin: http://{address}\r\n")
}

async fn server() -> Upstream {
    Upstream::start(|request| {
        if request.contains("\"id\":7") {
            json("200 OK", &done(7))
        } else {
            session(request, |_| json("200 OK", &done(1)))
        }
    })
    .await
}

/// A header that mirrors an argument is for the server to judge; what is a credential, by its name or by what it
/// says, is none of it.
#[cfg(feature = "secret")]
#[tokio::test]
async fn a_key_among_mirrored_arguments_stays_here() {
    let upstream = server().await;
    let uri = upstream.uri();
    let leaf = move |era| Http::with_options(HttpClient::new(), uri.clone(), Options::new().era(era));
    let address = hop::start(leaf, |front, _| front).await;
    let key = "ghp_7a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R";
    let encoded = "c2VjcmV0IGlzIGdocF83YTFCMmMzRDRlNUY2ZzdIOGk5SjBrMUwybTNONG81UDZxN1I=";
    let headers = format!(
        "mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: t\r\nmcp-param-region: eu-central-1\r\n\
         mcp-param-note: {key}\r\nmcp-param-password: hunter2hunter2\r\nmcp-param-more: =?base64?{encoded}?=\r\n\
         x-api-key: {key}\r\n"
    );
    let body = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":{},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    assert_eq!(post(address, &headers, body).await.status, 200);
    let heard = upstream.hears("tools/call").await;
    assert_eq!(header(&heard, "mcp-param-region"), Some("eu-central-1"));
    for secret in [key, "hunter2", encoded] {
        assert!(!heard.contains(secret), "{heard}");
    }
}

/// The value of a header of a request, which it has once at most.
fn header<'a>(request: &'a str, name: &str) -> Option<&'a str> {
    let head = request.split("\r\n\r\n").next().unwrap();
    let fields = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let mut found = fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let first = found.next();
    assert_eq!(found.next(), None, "{name} stands twice: {request}");
    first
}

#[tokio::test]
async fn nothing_of_a_client_but_its_messages_reaches_the_upstream() {
    // Neither half alone does it.
    for half in 0..3 {
        let upstream = server().await;
        let uri = upstream.uri();
        let leaf = move |era| {
            let options = Options::new().era(era).transparent_authorization(half == 1);
            Http::with_options(HttpClient::new(), uri.clone(), options)
        };
        let address = hop::start(leaf, |front, _| front.transparent_authorization(half == 2)).await;
        let secrets = with_origin(address);
        let named = open(address, &secrets).await;
        upstream.hears("GET /v1/mcp").await;
        assert_eq!(post(address, &format!("{named}{secrets}"), &call_text(1)).await.status, 200);
        assert_eq!(modern(address, &secrets, "tools/list").await.status, 200);
        let end =
            format!("DELETE /mcp HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{named}{secrets}\r\n");
        assert_eq!(raw(address, &end).await.status, 204);
        upstream.hears("DELETE /v1/mcp").await;
        let heard = upstream.heard();
        assert_eq!(heard.len(), 6); // three messages and one alone; the stream; the end
        for request in heard {
            assert!(!request.contains("s3cret"), "{request}");
            for name in ["authorization", "cookie", "proxy-authorization", "origin", "referer", "forwarded"] {
                assert_eq!(header(&request, name), None, "{request}");
            }
            assert_eq!(header(&request, "host"), Some(upstream.address.to_string().as_str()));
        }
    }
}

#[tokio::test]
async fn a_transparent_hop_sends_on_the_token_and_nothing_else() {
    let upstream = server().await;
    let address = Proxy::transparent().start(&upstream).await;
    let secrets = with_origin(address);
    let named = open(address, &secrets).await;
    // What the leaf asks for by itself is asked for in the client's name.
    let stream = upstream.hears("GET /v1/mcp").await;
    assert_eq!(header(&stream, "authorization"), Some("Bearer s3cret-a"));
    let renewed = secrets.replace("s3cret-a", "  odd==/+~. token");
    assert_eq!(post(address, &format!("{named}{renewed}"), &call_text(1)).await.status, 200);
    let call = upstream.hears("tools/call").await;
    assert_eq!(header(&call, "authorization"), Some("Bearer   odd==/+~. token"));
    let end = format!("DELETE /mcp HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{named}\r\n");
    assert_eq!(raw(address, &end).await.status, 204);
    let end = upstream.hears("DELETE /v1/mcp").await;
    assert_eq!(header(&end, "authorization"), Some("Bearer   odd==/+~. token"));
    for request in upstream.heard() {
        for other in ["s3cret-b", "s3cret-c", "s3cret-d", "s3cret-e", "s3cret-f", "s3cret-g", "origin:"] {
            assert!(!request.contains(other), "{request}");
        }
    }
}

#[tokio::test]
async fn no_client_is_lent_the_token_of_another() {
    let upstream = server().await;
    let own = HeaderValue::from_static("Bearer proxy");
    let options = Options::new().header(AUTHORIZATION, own);
    let address = Proxy { options, ..Proxy::transparent() }.start(&upstream).await;
    let tokens = ["authorization: Bearer a\r\nx-n: 0\r\n", "", "authorization: Bearer b\r\nx-n: 2\r\n", ""];
    for token in tokens {
        assert_eq!(modern(address, token, "tools/list").await.status, 200);
    }
    let heard: Vec<_> =
        upstream.heard().iter().map(|request| header(request, "authorization").map(str::to_owned)).collect();
    assert_eq!(heard, [Some("Bearer a".to_owned()), None, Some("Bearer b".to_owned()), None]);
    // Nor within a session: what is sent without a token goes on without one.
    let named = open(address, "authorization: Bearer a\r\n").await;
    assert_eq!(post(address, &named, &call_text(1)).await.status, 200);
    assert_eq!(header(&upstream.hears("tools/call").await, "authorization"), None);
}

#[tokio::test]
async fn a_cancellation_of_ours_is_in_the_name_of_the_client() {
    let upstream = Upstream::start(|request| {
        session(request, |request| {
            if request.contains("notifications/cancelled") {
                return hop::say("202 Accepted", "", "");
            }
            // Longer than the leaf waits, because the rest never comes.
            b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n".to_vec()
        })
    })
    .await;
    let options = Options::new().timeout(std::time::Duration::from_secs(2));
    let address = Proxy { options, ..Proxy::transparent() }.start(&upstream).await;
    let token = "authorization: Bearer a\r\n";
    let named = open(address, token).await;
    assert!(post(address, &format!("{named}{token}"), &call_text(1)).await.status >= 500);
    let cancel = upstream.hears("notifications/cancelled").await;
    assert_eq!(header(&cancel, "authorization"), Some("Bearer a"));
}

#[tokio::test]
async fn layers_see_the_token_and_debug_does_not_show_it() {
    let (tell, mut told) = tokio::sync::mpsc::channel::<JsonRpcMessage>(16);
    let stack = move |_| {
        let tell = tell.clone();
        ServiceBuilder::new().service(service_fn(move |message: JsonRpcMessage| {
            tell.try_send(message.clone()).unwrap();
            let answer = message.responder().result("{}").unwrap();
            async move { Ok::<_, Error>(answer.map_or_else(Reply::empty, Reply::one)) }
        }))
    };
    let address = hop::start(stack, |front, _| front.transparent_authorization(true)).await;
    assert_eq!(post(address, "authorization: Bearer s3cret\r\n", HELLO).await.status, 200);
    let message = soon(told.recv()).await.unwrap();
    let sent = message.extensions().get::<ClientAuthorization>().unwrap();
    assert_eq!(sent.value().unwrap(), "Bearer s3cret");
    let shown =
        format!("{message:?} {:?} {sent:?} {:?} {:?}", message.extensions(), sent.value(), message.context());
    assert!(!shown.contains("s3cret"), "{shown}");
    // A message that a layer changed is still sent in the client's name.
    let changed = message.edit().params("{}").finish().unwrap();
    assert!(changed.extensions().get::<ClientAuthorization>().is_some());
}

#[tokio::test]
async fn heads_that_could_be_read_in_two_ways_reach_nobody() {
    let upstream = server().await;
    let address = Proxy::relocated().start(&upstream).await;
    let length = HELLO.len();
    let twice = "authorization: Bearer a\r\nauthorization: Bearer b\r\n";
    for extra in [
        twice.to_owned(),
        format!("content-length: {}\r\n", length + 1),
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n".to_owned(),
        "transfer-encoding: gzip\r\n".to_owned(),
        "connection: authorization\r\nauthorization: Bearer a\r\n".to_owned(),
        "host: elsewhere\r\n".to_owned(),
    ] {
        for path in ["/mcp", "/token", "/.well-known/oauth-protected-resource"] {
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{extra}\r\n"
            );
            let said = raw(address, &(head + HELLO)).await;
            assert_eq!(said.status, 400, "{path} {extra}: {said:?}");
        }
    }
    assert_eq!(upstream.heard(), [""; 0]);
}

#[tokio::test]
async fn a_length_beside_chunks_smuggles_nothing() {
    let upstream = server().await;
    let address = Proxy::transparent().start(&upstream).await;
    // The chunks end at once; for whoever goes by the length, what follows is the body.
    let hidden = format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer hidden\r\ncontent-length: 0\r\n\r\n"
    );
    for path in ["/mcp", "/token"] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\nconnection: close\r\ntransfer-encoding: chunked\r\ncontent-length: {}\r\n\r\n0\r\n\r\n",
            5 + hidden.len()
        );
        let said = raw(address, &format!("{head}{hidden}")).await;
        assert!(said.status >= 400 || path == "/token", "{said:?}");
    }
    for request in upstream.heard() {
        assert!(!request.contains("hidden") && header(&request, "transfer-encoding").is_none(), "{request}");
    }
}

#[tokio::test]
async fn a_leaf_takes_a_token_only_from_where_a_front_end_leaves_it() {
    let upstream = server().await;
    let mut options = Options::new().transparent_authorization(true);
    options = options.header(AUTHORIZATION, HeaderValue::from_static("Bearer proxy"));
    let leaf = Http::with_options(HttpClient::new(), upstream.uri(), options);
    // A message of our own making carries what is ours.
    drop(soon(leaf.oneshot(msg(call_text(1)))).await.unwrap());
    assert_eq!(header(&upstream.heard_once(), "authorization"), Some("Bearer proxy"));
}
