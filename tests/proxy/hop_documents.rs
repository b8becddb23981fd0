//! The documents about a server, handed on beside the stack.

use shadowcat::wire::http::Relocation;

use crate::hop::{HELLO, Proxy, Upstream, get, json, post, raw, say};
use crate::support;

const METADATA: &str = "/.well-known/oauth-protected-resource";

/// What the upstream says of itself, odd bytes and all.
fn document(request: &str) -> String {
    let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    format!(
        "{{\r\n\t\"scopes_supported\" : [\"a\",\"resource\"] ,\"resource\": \"http:\\/\\/{host}/v1/mcp\",\"x\":{{\"resource\":\"http://{host}/v1/mcp\"}},\"authorization_servers\":[\"http://{host}\"],\"n\":1.0e+2}}\n"
    )
}

async fn documents() -> Upstream {
    Upstream::start(|request| match request.split(' ').nth(1).unwrap() {
        "/.well-known/oauth-protected-resource/v1/mcp" => {
            let headers = "content-type: application/json\r\netag: \"1\"\r\nset-cookie: t=1\r\n\
                 connection: x-inner\r\nx-inner: 1\r\nalt-svc: h3=\":1\"\r\naccess-control-allow-origin: *\r\n";
            say("200 OK", headers, document(request))
        }
        "/.well-known/oauth-authorization-server" => json("200 OK", "{\"issuer\":  \"http://as\"}"),
        "/.well-known/oauth-authorization-server/to" => say("302 Found", "location: http://elsewhere/\r\n", ""),
        "/.well-known/openid-configuration" => json("200 OK", &" ".repeat(5000)),
        "/.well-known/oauth-protected-resource/twice" => {
            json("200 OK", r#"{"resource":"http://a","resource":"http://b"}"#)
        }
        "/.well-known/oauth-protected-resource/page" => say("200 OK", "content-type: text/html\r\n", "<p>"),
        "/.well-known/oauth-protected-resource/zip" => {
            say("200 OK", "content-type: application/json\r\ncontent-encoding: gzip\r\n", "zipped")
        }
        "/.well-known/oauth-protected-resource/large" => json("200 OK", &" ".repeat(5000)),
        "/token?x=1" => json("200 OK", r#"{"access_token":"t"}"#),
        _ => say("404 Not Found", "content-type: text/html\r\n", "<h1>not here</h1>"),
    })
    .await
}

#[tokio::test]
async fn documents_pass_byte_for_byte() {
    let upstream = documents().await;
    let address = Proxy::transparent().start(&upstream).await;
    let said = get(address, "/.well-known/oauth-protected-resource/v1/mcp").await;
    let asked = upstream.heard_once();
    assert_eq!((said.status, &said.body), (200, &document(&asked)));
    assert_eq!((said.header("etag"), said.header("content-type")), (Some("\"1\""), Some("application/json")));
    assert_eq!(said.header("access-control-allow-origin"), Some("*"));
    for inner in ["set-cookie", "x-inner", "alt-svc"] {
        assert_eq!(said.header(inner), None);
    }
    assert!(asked.to_ascii_lowercase().contains(&format!("host: {}\r\n", upstream.address)));
    let said = get(address, "/.well-known/oauth-authorization-server").await;
    assert_eq!((said.status, said.body.as_str()), (200, "{\"issuer\":  \"http://as\"}"));
    // What is not there is not there, in the server's own words.
    let said = get(address, METADATA).await;
    assert_eq!((said.status, said.body.as_str()), (404, "<h1>not here</h1>"));
    // A redirect is the client's to follow.
    let said = get(address, "/.well-known/oauth-authorization-server/to").await;
    assert_eq!((said.status, said.header("location")), (302, Some("http://elsewhere/")));
}

#[tokio::test]
async fn only_the_resource_is_told_anew() {
    let upstream = documents().await;
    let address = Proxy::relocated().start(&upstream).await;
    let said = get(address, &format!("{METADATA}/mcp")).await;
    let written = document(&upstream.heard_once());
    let theirs = format!(r#""resource": "http:\/\/{}/v1/mcp""#, upstream.address);
    assert!(written.contains(&theirs));
    let ours = format!(r#""resource": "http://{address}/mcp""#);
    assert_eq!((said.status, said.body), (200, written.replace(&theirs, &ours)));
    let said = get(address, "/.well-known/oauth-authorization-server").await;
    assert_eq!(said.body, "{\"issuer\":  \"http://as\"}");
    for (path, status, body) in [
        ("", 404, "<h1>not here</h1>"),
        ("/page", 200, "<p>"),
        ("/twice", 502, ""),
        ("/zip", 502, ""),
        ("/large", 502, ""),
    ] {
        let said = get(address, &format!("{METADATA}{path}")).await;
        assert_eq!((said.status, said.body.as_str()), (status, body), "{path}");
    }
}

#[tokio::test]
async fn a_challenge_names_the_document_where_it_is_found() {
    let upstream = Upstream::start(|request| {
        let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let challenge = format!(
            "www-authenticate: Bearer error=\"invalid_token\", resource_metadata=\"http://{host}{METADATA}/v1/mcp\", scope=\"a\"\r\n"
        );
        say("401 Unauthorized", &challenge, "")
    })
    .await;
    let address = Proxy::relocated().start(&upstream).await;
    let said = post(address, "", HELLO).await;
    let there = format!(
        "Bearer error=\"invalid_token\", resource_metadata=\"http://{address}{METADATA}/mcp\", scope=\"a\""
    );
    assert_eq!((said.status, said.header("www-authenticate")), (401, Some(there.as_str())));
}

#[test]
fn a_document_is_found_where_a_challenge_said_also_where_our_address_has_no_path() {
    let (upstream, own) = ("https://up.example/v1/mcp", "http://127.0.0.1:8080/");
    let relocation = Relocation::new(upstream.parse().unwrap(), own.parse().unwrap()).unwrap();
    let theirs = format!("{METADATA}/v1/mcp");
    let challenge = format!("Bearer resource_metadata=\"https://up.example{theirs}\"");
    let said = relocation.challenge(&challenge.parse().unwrap());
    assert_eq!(said, format!("Bearer resource_metadata=\"http://127.0.0.1:8080{METADATA}\""));
    assert!(relocation.is_named(METADATA));
    assert_eq!(relocation.clone().path_of_document(METADATA), theirs);
    // One that is about the root is there.
    let said = relocation.challenge(&challenge.replace("/v1/mcp", "").parse().unwrap());
    assert_eq!(said, format!("Bearer resource_metadata=\"http://127.0.0.1:8080{METADATA}\""));
    assert_eq!(relocation.path_of_document(METADATA), METADATA);
}

#[tokio::test]
async fn a_server_that_is_its_own_authorization_server_is_known_by_our_address() {
    let upstream = Upstream::start(|request| {
        let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        json("200 OK", &format!(r#"{{ "issuer":"http://{host}" , "token_endpoint":"http://{host}/token" }}"#))
    })
    .await;
    let address = Proxy::relocated().start(&upstream).await;
    let said = get(address, "/.well-known/oauth-authorization-server").await;
    let there = upstream.address;
    let expected = format!(r#"{{ "issuer":"http://{address}" , "token_endpoint":"http://{there}/token" }}"#);
    assert_eq!((said.status, said.body), (200, expected));
}

#[tokio::test]
async fn a_document_is_found_where_a_challenge_says_that_it_is() {
    let upstream = Upstream::start(|request| {
        let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        if request.starts_with("GET /custom/about.json ") {
            return json("200 OK", &document(request));
        }
        let path = if request.contains("elsewhere") { "/../mcp" } else { "/custom/about.json" };
        let challenge = format!("www-authenticate: Bearer resource_metadata=\"http://{host}{path}\"\r\n");
        say("401 Unauthorized", &challenge, "")
    })
    .await;
    let address = Proxy::relocated().start(&upstream).await;
    assert_eq!(get(address, "/custom/about.json").await.status, 404);
    let said = post(address, "", HELLO).await;
    let there = format!("Bearer resource_metadata=\"http://{address}/custom/about.json\"");
    assert_eq!(said.header("www-authenticate"), Some(there.as_str()));
    let said = get(address, "/custom/about.json").await;
    assert_eq!(said.status, 200);
    assert!(said.body.contains(&format!(r#""resource": "http://{address}/mcp""#)), "{said:?}");
    // One that leads elsewhere is not asked for.
    post(address, "", &HELLO.replace(r#""name":"c""#, r#""name":"elsewhere""#)).await;
    assert_eq!(get(address, "/../mcp").await.status, 404);
    assert!(!upstream.heard().iter().any(|request| request.starts_with("GET /../")));
}

#[tokio::test]
async fn a_document_without_end_is_cut_off() {
    let upstream = documents().await;
    let address = Proxy::transparent().start(&upstream).await;
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let ask = format!(
        "GET /.well-known/openid-configuration HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n"
    );
    tokio::io::AsyncWriteExt::write_all(&mut stream, ask.as_bytes()).await.unwrap();
    let mut said = Vec::new();
    let _ = support::soon(tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut said)).await;
    let said = String::from_utf8(said).unwrap();
    let body = said.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    assert!(body.len() <= 4096, "{}", body.len()); // less than was promised: nobody takes it for whole
}

#[tokio::test]
async fn nothing_else_of_the_upstream_can_be_reached() {
    let upstream = documents().await;
    let address = Proxy::relocated().start(&upstream).await;
    for path in [
        "/",
        "/v1/mcp",
        "/mcp/",
        "/admin",
        "/.well-known/",
        "/.well-known/security.txt",
        "/.well-known/../mcp",
        "/.well-known/../v1/mcp",
        "/.well-known/oauth-protected-resource/../../v1/mcp",
        "/.well-known/oauth-protected-resource/%2e%2e/%2e%2e/v1/mcp",
        "/.well-known/oauth-protected-resource/..%2f..%2fv1/mcp",
        "/.well-known/oauth-protected-resource/%2E%2E%5cmcp",
        "/.well-known/oauth-protected-resource/..;/mcp",
        "/.well-known/oauth-protected-resource//evil.example/mcp",
        "//evil.example/.well-known/oauth-protected-resource",
    ] {
        assert_eq!(get(address, path).await.status, 404, "{path}");
    }
    for (method, path) in [("POST", METADATA), ("DELETE", METADATA), ("OPTIONS", METADATA), ("GET", "/token")]
    {
        let ask = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
        );
        assert_eq!(raw(address, &ask).await.status, 405, "{method} {path}");
    }
    // A target with a host of its own is refused, or asks us.
    let ask = format!(
        "GET http://evil.example{METADATA} HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(raw(address, &ask).await.status, 403);
    // A page of another origin may not ask.
    let ask = format!(
        "GET {METADATA} HTTP/1.1\r\nhost: {address}\r\norigin: https://evil.example\r\nconnection: close\r\n\r\n"
    );
    assert_eq!(raw(address, &ask).await.status, 403);
    assert_eq!(upstream.heard(), [""; 0]);
}

#[tokio::test]
async fn credentials_stay_out_of_documents_unless_the_hop_is_transparent() {
    let upstream = documents().await;
    for proxy in [Proxy::default(), Proxy::transparent()] {
        let transparent = proxy.transparent;
        let before = upstream.heard().len();
        let address = proxy.start(&upstream).await;
        let secrets = "authorization: Basic s3cret-a\r\ncookie: s3cret-b\r\nx-api-key: s3cret-c\r\nexpect: 100-continue\r\naccept-encoding: gzip\r\n";
        let body = "grant_type=client_credentials&client_secret=x";
        let ask = format!(
            "POST /token?x=1 HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n{secrets}\r\n{body}",
            body.len()
        );
        let said = raw(address, &ask.replace("expect: 100-continue\r\n", "")).await;
        assert_eq!((said.status, said.body.as_str()), (200, r#"{"access_token":"t"}"#));
        let asked = upstream.heard()[before].clone();
        assert!(asked.ends_with(&format!("\r\n\r\n{body}")), "{asked}");
        assert_eq!(asked.contains("authorization: Basic s3cret-a\r\n"), transparent);
        for other in ["s3cret-b", "s3cret-c", "gzip", "origin"] {
            assert!(!asked.contains(other), "{asked}");
        }
        assert!(asked.contains("content-type: application/x-www-form-urlencoded\r\n"), "{asked}");
        let large = "x".repeat(5000);
        let ask = format!(
            "POST /token HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: 5000\r\n\r\n{large}"
        );
        assert_eq!(raw(address, &ask).await.status, 413);
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_a_bad_gateway() {
    let upstream = documents().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = Upstream { address: listener.local_addr().unwrap(), ..upstream };
    drop(listener);
    let address = Proxy::relocated().start(&gone).await;
    assert_eq!(get(address, METADATA).await.status, 502);
    let said = post(address, "", HELLO).await;
    assert!(said.status == 502 && said.body.contains(r#""id":0,"error""#), "{said:?}");
}
