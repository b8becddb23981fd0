//! Redirects: no leaf and no ready client follows one, to wherever it leads, so that neither credentials nor messages
//! go anywhere but to the server. On real sockets.

#![cfg(all(feature = "http-client", feature = "http-server"))]

use bytes::Bytes;
use futures::future::join_all;
use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderName, HeaderValue, Request};
use shadowcat::connect::Http;
use shadowcat::connect::http::{Body, HttpClient, Options, Transport};
use shadowcat::protocol::Era;
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::{Service, ServiceExt};

use crate::hop::{self, HELLO, READY, Upstream, say, session};
use crate::support::*;

const STATUSES: [&str; 5] = [
    "301 Moved Permanently",
    "302 Found",
    "303 See Other",
    "307 Temporary Redirect",
    "308 Permanent Redirect",
];
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;

/// A redirect, as the head of the request wants it.
fn redirect(request: &str) -> Vec<u8> {
    let wanted = |name: &str| request.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    say(wanted("x-status: "), &format!("location: {}\r\n", wanted("x-location: ")), "moved")
}

/// A server that redirects, where to, and whom that would be.
async fn servers(answer: hop::Answer) -> (Upstream, Upstream, [String; 3]) {
    let (server, other) = (Upstream::start(answer).await, Upstream::start(|_| say("200 OK", "", "")).await);
    let there = format!("http://{}/v1/mcp", other.address);
    let here = [format!("http://{}/elsewhere", server.address), "/elsewhere".to_owned()];
    let [here, relative] = here;
    (server, other, [there, here, relative])
}

/// With everything that must not go elsewhere.
fn options(status: &str, location: &str) -> Options {
    let header =
        |options: Options, name: HeaderName, value: &str| options.header(name, value.parse().unwrap());
    let options = header(Options::new(), AUTHORIZATION, "Bearer ours");
    let options = header(options, COOKIE, "session=ours");
    let options = header(options, "x-status".parse().unwrap(), status);
    header(options, "x-location".parse().unwrap(), location)
}

fn leaf(server: &Upstream, options: Options) -> Http<HttpClient> {
    Http::with_options(HttpClient::new(), server.uri(), options)
}

/// One error, and one that names the status.
fn is_refused(outcome: Result<Reply, Error>, status: &str) {
    let error = outcome.unwrap_err();
    assert!(error.is_invalid() && error.to_string().contains(&status[..3]), "{status}: {error}");
}

/// All that was said to the server was said where it is, and nothing to the other.
fn went_nowhere_else(server: &Upstream, other: &Upstream) {
    assert_eq!(other.heard(), [""; 0]);
    for heard in server.heard() {
        assert_eq!(heard.split(' ').nth(1), Some("/v1/mcp"), "{heard}");
        assert!(heard.contains("authorization: Bearer ours") && heard.contains("cookie: session=ours"));
    }
}

#[tokio::test]
async fn each_call_that_is_redirected_is_one_error() {
    for status in STATUSES {
        let (server, other, locations) = servers(redirect).await;
        for location in &locations {
            let leaf = leaf(&server, options(status, location));
            let messages = [LIST.to_owned(), call_text(2), call_text("\"3\""), note("notifications/x")];
            let calls = messages.iter().map(|text| soon(leaf.clone().oneshot(msg(text))));
            join_all(calls).await.into_iter().for_each(|outcome| is_refused(outcome, status));
            is_refused(soon(leaf.clone().oneshot(msg(HELLO))).await, status);
        }
        went_nowhere_else(&server, &other);
        assert_eq!(server.heard().len(), 5 * locations.len(), "nothing is asked a second time");
    }
}

#[tokio::test]
async fn a_session_that_is_redirected_says_nothing_elsewhere() {
    for status in STATUSES {
        let (server, other, locations) = servers(|request| match request.starts_with("POST ") {
            true => session(request, redirect),
            false => redirect(request),
        })
        .await;
        for location in &locations {
            let before = server.heard().len();
            let leaf = leaf(&server, options(status, location));
            for text in [HELLO, READY] {
                drop(soon(leaf.clone().oneshot(msg(text))).await.unwrap());
            }
            is_refused(soon(leaf.clone().oneshot(call(1))).await, status);
            server.hears("GET /v1/mcp").await;
            assert!(soon(leaf.close()).await.is_err(), "the session was not ended");
            let heard = server.heard()[before..].to_vec();
            assert_eq!(
                heard.iter().filter(|request| request.starts_with("DELETE ")).count(),
                1,
                "{heard:#?}"
            );
        }
        went_nowhere_else(&server, &other);
    }
}

#[tokio::test]
async fn neither_a_probe_nor_the_older_transport_follows() {
    for status in STATUSES {
        let (server, other, locations) = servers(redirect).await;
        for location in &locations {
            let options = options(status, location);
            let probed = soon(leaf(&server, options.clone()).probe()).await;
            assert_ne!(probed.ok(), Some(Era::Modern));
            let older = leaf(&server, options.transport(Transport::Sse));
            is_refused(soon(older.oneshot(msg(HELLO))).await, status);
        }
        went_nowhere_else(&server, &other);
    }
}

#[tokio::test]
async fn the_ready_client_hands_a_redirect_back() {
    for status in STATUSES {
        let (server, other, locations) = servers(redirect).await;
        for location in &locations {
            let request = Request::post(server.uri())
                .header("authorization", "Bearer ours")
                .header("cookie", "session=ours")
                .header("x-status", status)
                .header("x-location", location);
            let request = request.body(Body::from(Bytes::from(LIST))).unwrap();
            let response = soon(HttpClient::new().call(request)).await.unwrap();
            assert_eq!(response.status().as_str(), &status[..3]);
            assert_eq!(response.headers()["location"], HeaderValue::from_str(location).unwrap());
        }
        went_nowhere_else(&server, &other);
        assert_eq!(server.heard().len(), locations.len());
    }
}

#[tokio::test]
async fn a_transparent_hop_hands_no_redirect_on() {
    let (server, other, locations) = servers(redirect).await;
    for location in &locations {
        let proxy = hop::Proxy { options: options(STATUSES[3], location), ..hop::Proxy::transparent() };
        let address = proxy.start(&server).await;
        let token = "authorization: Bearer ours\r\n";
        for said in [hop::post(address, token, HELLO).await, hop::modern(address, token, "tools/list").await]
        {
            assert_eq!((said.status, said.header("location")), (502, None));
            let answer = JsonRpcMessage::parse(said.body.clone()).unwrap();
            assert!(answer.error().is_some() && answer.id().is_some(), "{said:?}");
        }
    }
    went_nowhere_else(&server, &other);
}
