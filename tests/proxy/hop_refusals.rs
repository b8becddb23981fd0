//! What an upstream says that is no message goes back as it is, with the status that it came with.

use http::HeaderValue;
use http::header::AUTHORIZATION;
use shadowcat::connect::http::{HttpClient, Options};
use shadowcat::connect::{self};
use shadowcat::layer::CatchErrorLayer;
use shadowcat::{JsonRpcMessage, Reply, ScanOptions};
use tower::{Layer, ServiceExt};

use crate::hop::{self, HELLO, Proxy, Upstream, json, modern, open, post, say, session};
use crate::support::{call_text, soon};

const PAGE: &str = "<!doctype html>\r\n<h1>no \u{e4}</h1>\n";

#[tokio::test]
async fn a_challenge_goes_back_with_its_page() {
    let upstream = Upstream::start(|_| {
        let headers = "content-type: text/html; charset=utf-8\r\n\
             WWW-Authenticate: Bearer realm=\"a, b\", resource_metadata=\"https://up.example/.well-known/x\", scope=\"r w\"\r\n\
             WWW-Authenticate: Basic realm=\"x\"\r\n\
             Set-Cookie: tracked=1\r\nX-Inner: 1\r\nLocation: /login\r\nProxy-Authenticate: Basic\r\nKeep-Alive: timeout=5\r\n";
        say("401 Unauthorized", headers, PAGE)
    })
    .await;
    for proxy in [Proxy::default(), Proxy::transparent(), Proxy::relocated()] {
        let address = proxy.start(&upstream).await;
        for said in [post(address, "", HELLO).await, modern(address, "", "tools/list").await] {
            assert_eq!((said.status, said.body.as_str()), (401, PAGE));
            let challenges = [
                r#"Bearer realm="a, b", resource_metadata="https://up.example/.well-known/x", scope="r w""#,
                r#"Basic realm="x""#,
            ];
            assert_eq!(said.headers("www-authenticate"), challenges);
            assert_eq!(said.header("content-type"), Some("text/html; charset=utf-8"));
            for inner in
                ["set-cookie", "x-inner", "location", "proxy-authenticate", "keep-alive", "mcp-session-id"]
            {
                assert_eq!(said.header(inner), None);
            }
        }
    }
}

#[tokio::test]
async fn an_empty_refusal_stays_empty() {
    let upstream = Upstream::start(|_| say("403 Forbidden", "", "")).await;
    let address = Proxy::default().start(&upstream).await;
    let said = post(address, "", HELLO).await;
    assert_eq!((said.status, said.body.as_str(), said.header("content-type")), (403, "", None));
}

#[tokio::test]
async fn a_scope_that_is_not_enough_is_told_within_the_session() {
    let upstream = Upstream::start(|request| {
        session(request, |request| {
            if request.contains("notifications/") {
                return say("403 Forbidden", "www-authenticate: Bearer error=\"insufficient_scope\"\r\n", "");
            }
            let headers = "www-authenticate: Bearer error=\"insufficient_scope\", scope=\"files:write\"\r\ncontent-type: application/json\r\n";
            say("403 Forbidden", headers, r#"{"error":"insufficient_scope"}"#)
        })
    })
    .await;
    let address = Proxy::default().start(&upstream).await;
    let session = open(address, "").await;
    let said = post(address, &session, &call_text(1)).await;
    assert_eq!((said.status, said.body.as_str()), (403, r#"{"error":"insufficient_scope"}"#));
    assert_eq!(
        said.header("www-authenticate"),
        Some(r#"Bearer error="insufficient_scope", scope="files:write""#)
    );
    // Of what gets no answer, too.
    let said =
        post(address, &session, r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#).await;
    assert_eq!((said.status, said.body.as_str()), (403, ""));
    assert_eq!(said.header("www-authenticate"), Some(r#"Bearer error="insufficient_scope""#));
}

#[tokio::test]
async fn pages_keep_their_status() {
    let upstream = Upstream::start(|request| {
        let status = request.split("\"t\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
        say(status, "content-type: text/html\r\nretry-after: 7\r\n", PAGE)
    })
    .await;
    let address = Proxy::default().start(&upstream).await;
    for status in [
        "500 Internal Server Error",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "429 Slow",
        "404 Not Found",
        "410 Gone",
    ] {
        let hello = HELLO.replace(r#""name":"c""#, &format!(r#""name":"c","t":"{status}""#));
        let said = post(address, "", &hello).await;
        assert_eq!((said.status, said.body.as_str()), (status[..3].parse().unwrap(), PAGE));
        assert_eq!((said.header("content-type"), said.header("retry-after")), (Some("text/html"), Some("7")));
        assert_eq!(said.header("mcp-session-id"), None);
    }
    // What is about the way there is not the client's to follow, and no message is made of a page.
    for status in ["302 Found", "407 Proxy Authentication Required", "200 OK"] {
        let hello = HELLO.replace(r#""name":"c""#, &format!(r#""name":"c","t":"{status}""#));
        let said = post(address, "", &hello).await;
        assert_eq!(said.status, 502, "{status}");
        assert!(said.body.contains(r#""id":0,"error":{"code":-32603"#) && !said.body.contains("<h1>"));
    }
}

#[tokio::test]
async fn a_404_ends_a_session_only_where_it_is_lost() {
    // A server without sessions of its own: nothing of it can be lost.
    let upstream = Upstream::start(|request| {
        let answer = session(request, |_| say("404 Not Found", "content-type: text/html\r\n", PAGE));
        String::from_utf8(answer).unwrap().replace("mcp-session-id: upstream-1\r\n", "").into_bytes()
    })
    .await;
    let address = Proxy::default().start(&upstream).await;
    let named = open(address, "").await;
    let said = post(address, &named, &call_text(1)).await;
    assert_eq!(said.status, 502);
    assert!(said.body.contains(r#""id":1,"error":{"code":-32603"#), "{said:?}");

    let unknown = |request: &str| {
        session(request, |_| {
            json(
                "404 Not Found",
                r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no such method"}}"#,
            )
        })
    };
    let upstream = Upstream::start(unknown).await;
    let address = Proxy::default().start(&upstream).await;
    let named = open(address, "").await;
    for _ in 0..2 {
        let said = post(address, &named, &call_text(1)).await;
        assert!(said.status == 200 && said.body.contains("-32601"), "{said:?}");
    }

    let upstream = Upstream::start(|request| session(request, |_| say("404 Not Found", "", ""))).await;
    let address = Proxy::default().start(&upstream).await;
    let named = open(address, "").await;
    for _ in 0..2 {
        assert_eq!(post(address, &named, &call_text(1)).await.status, 404);
    }
}

#[tokio::test]
async fn a_modern_error_keeps_the_status_that_it_came_with() {
    for status in ["200 OK", "400 Bad Request", "404 Not Found", "500 Oops"] {
        let upstream = Upstream::start(|request| {
            let status = request.split("x-status: ").nth(1);
            let status = status.and_then(|rest| rest.split("\r\n").next()).unwrap_or("200 OK");
            json(status, r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no such method"}}"#)
        })
        .await;
        let options = Options::new().header("x-status".parse().unwrap(), status.parse().unwrap());
        let address = Proxy { options, ..Proxy::default() }.start(&upstream).await;
        let said = modern(address, "", "tools/list").await;
        assert_eq!(said.status, status[..3].parse::<u16>().unwrap());
        assert_eq!(
            said.body,
            r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no such method"}}"#
        );
        assert_eq!(said.header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn what_a_layer_caught_goes_back_all_the_same() {
    let upstream =
        Upstream::start(|_| say("503 Busy", "retry-after: 3\r\ncontent-type: text/plain\r\n", "later")).await;
    let uri = upstream.uri();
    let leaf = move |era| {
        let options = Options::new().era(era);
        CatchErrorLayer::new().layer(connect::Http::with_options(HttpClient::new(), uri.clone(), options))
    };
    let address = hop::start(leaf, |front, _| front).await;
    for said in [post(address, "", HELLO).await, modern(address, "", "tools/list").await] {
        assert_eq!((said.status, said.body.as_str(), said.header("retry-after")), (503, "later", Some("3")));
    }
}

#[tokio::test]
async fn a_client_is_not_asked_for_a_credential_of_ours() {
    let refusals: [hop::Answer; 2] = [|_| challenge("401 Unauthorized"), |_| challenge("403 Forbidden")];
    for refusal in refusals {
        let upstream = Upstream::start(refusal).await;
        let mut ours = HeaderValue::from_static("Bearer ours");
        ours.set_sensitive(true);
        let options = Options::new().header(AUTHORIZATION, ours);
        let address = Proxy { options, ..Proxy::default() }.start(&upstream).await;
        for said in [post(address, "", HELLO).await, modern(address, "", "tools/list").await] {
            assert_eq!((said.status, said.header("www-authenticate")), (502, None));
            assert!(said.body.contains(r#""error":{"code":-32603"#), "{said:?}");
        }
        assert!(upstream.heard()[0].contains("authorization: Bearer ours"));
    }
}

/// A refusal with a challenge.
fn challenge(status: &str) -> Vec<u8> {
    say(status, "www-authenticate: Bearer error=\"insufficient_scope\", scope=\"x\"\r\n", PAGE)
}

#[tokio::test]
async fn what_a_layer_makes_good_is_no_refusal() {
    let good = |reply: Reply| {
        reply.map(|message| match message.error() {
            Some(_) => JsonRpcMessage::response(message.owned_id().unwrap(), r#"{"stale":true}"#).unwrap(),
            None => message,
        })
    };
    for status in ["401 Unauthorized", "503 Busy"] {
        let upstream = Upstream::start(|request| {
            let status = if request.contains("x-t: 401") { "401 Unauthorized" } else { "503 Busy" };
            say(status, "content-type: text/html\r\n", PAGE)
        })
        .await;
        let uri = upstream.uri();
        let leaf = move |era| {
            let options = Options::new().era(era);
            let options = options.header("x-t".parse().unwrap(), status[..3].parse().unwrap());
            let leaf = connect::Http::with_options(HttpClient::new(), uri.clone(), options);
            CatchErrorLayer::new().layer(leaf).map_response(good)
        };
        let address = hop::start(leaf, |front, _| front).await;
        let said = modern(address, "", "tools/list").await;
        let expected = r#"{"jsonrpc":"2.0","id":7,"result":{"stale":true}}"#;
        assert_eq!((said.status, said.body.as_str()), (200, expected), "{status}");
    }
}

#[tokio::test]
async fn a_credential_of_ours_is_ours_in_a_leaf_that_would_send_on_the_clients() {
    let upstream = Upstream::start(|_| challenge("401 Unauthorized")).await;
    let uri = upstream.uri();
    let leaf = move |era| {
        let options = Options::new().era(era).transparent_authorization(true);
        let options = options.header(AUTHORIZATION, HeaderValue::from_static("Bearer ours"));
        connect::Http::with_options(HttpClient::new(), uri.clone(), options)
    };
    let address = hop::start(leaf, |front, _| front).await; // which leaves no client's there
    for said in [post(address, "", HELLO).await, modern(address, "", "tools/list").await] {
        assert_eq!((said.status, said.header("www-authenticate")), (502, None));
    }
    assert!(upstream.heard()[0].contains("authorization: Bearer ours"));
}

#[tokio::test]
async fn on_a_pipe_a_refusal_is_an_error_with_the_id_of_the_request() {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    for status in ["401 Unauthorized", "500 Oops"] {
        let upstream = Upstream::start(|request| {
            let status = if request.contains("x-t: 401") { "401 Unauthorized" } else { "500 Oops" };
            say(status, "content-type: text/html\r\n", PAGE)
        })
        .await;
        let options = Options::new().header("x-t".parse().unwrap(), status[..3].parse().unwrap());
        let leaf = connect::Http::with_options(HttpClient::new(), upstream.uri(), options);
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let (read, write) = tokio::io::split(theirs);
        tokio::spawn(async move { shadowcat::serve::stdio(leaf).run_on(read, write).await });
        let (read, mut write) = tokio::io::split(ours);
        write.write_all(format!("{HELLO}\n").as_bytes()).await.unwrap();
        let mut lines = BufReader::new(read).lines();
        let line = soon(lines.next_line()).await.unwrap().unwrap();
        assert!(line.starts_with(r#"{"jsonrpc":"2.0","id":0,"error":{"code":-32603"#), "{line}");
        assert!(!line.contains("<h1>"));
    }
}

#[tokio::test]
async fn a_long_page_goes_back_whole_and_one_that_is_too_long_not_at_all() {
    const LENGTH: usize = 40 << 10;
    let upstream = Upstream::start(|request| {
        let page = "x".repeat(LENGTH);
        if request.contains(r#""t":"json""#) {
            return json("403 Forbidden", &format!(r#"{{"error":"{page}"}}"#));
        }
        let status = if request.contains(r#""t":"down""#) { "503 Down" } else { "401 Unauthorized" };
        say(status, "content-type: text/html\r\nwww-authenticate: Bearer\r\n", page)
    })
    .await;
    let hello = |what: &str| HELLO.replace(r#""name":"c""#, &format!(r#""name":"c","t":"{what}""#));
    for proxy in [Proxy::default(), Proxy::transparent()] {
        let address = proxy.clone().start(&upstream).await;
        for (what, status, length) in
            [("401", 401, LENGTH), ("down", 503, LENGTH), ("json", 403, LENGTH + 12)]
        {
            let said = post(address, "", &hello(what)).await;
            assert_eq!((said.status, said.body.len()), (status, length), "{what}");
        }
        let options = Options::new().scan(ScanOptions::new().max_bytes(16 << 10));
        let address = Proxy { options, ..proxy }.start(&upstream).await;
        for (what, status) in [("401", 401), ("down", 503)] {
            let said = post(address, "", &hello(what)).await;
            assert_eq!((said.status, said.body.as_str(), said.header("content-type")), (status, "", None));
            assert_eq!(said.header("www-authenticate"), Some("Bearer"));
        }
    }
}

#[tokio::test]
async fn a_lost_session_is_told_in_our_own_words_and_under_the_request() {
    let proxy = || Proxy { options: Options::new().unauthorized_is_lost(true), ..Proxy::default() };
    let lost: [fn(&str) -> Vec<u8>; 2] = [
        |request| {
            session(request, |_| {
                let gone =
                    r#"{"jsonrpc":"2.0","error":{"code":-32001,"message":"Session not found"},"id":null}"#;
                json("404 Not Found", gone)
            })
        },
        |request| session(request, |_| say("401 Unauthorized", "content-type: text/plain\r\n", "no session")),
    ];
    for answer in lost {
        let upstream = Upstream::start(answer).await;
        let address = proxy().start(&upstream).await;
        let named = open(address, "").await;
        let said = post(address, &named, &call_text(1)).await;
        assert_eq!(said.status, 404);
        assert!(said.body.contains(r#""id":1,"error":{"code":-32603"#), "{said:?}");
    }
}
