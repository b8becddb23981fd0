//! Heads, before and beside their bodies: who may call, in which session, and what goes on.

use http::header::{HeaderMap, HeaderName};
use http::{Method, StatusCode};
use shadowcat::wire::http::{Endpoint, HostPolicy, OriginPolicy, forwarded, last_event_id, session_id};

use crate::heads::{endpoint, head, headers};

#[test]
fn a_server_that_others_reach_must_say_what_it_is_called() {
    for address in ["0.0.0.0:80", "192.0.2.1:80", "[::]:80"] {
        assert!(Endpoint::bound_to("/mcp", address.parse().unwrap()).is_err(), "{address}");
    }
    let called = |address: &str, host: &str| {
        let mut head = head(Method::GET, "/mcp", &[]);
        head.headers.insert("host", host.parse().unwrap());
        Endpoint::bound_to("/mcp", address.parse().unwrap()).unwrap().check_head(&head).is_ok()
    };
    assert!(called("[::1]:8080", "[::1]:8080") && called("127.0.0.1:80", "localhost"));
    assert!(called("127.0.0.2:8080", "127.0.0.2:8080") && !called("127.0.0.1:8080", "127.0.0.2:8080"));
    assert!(!called("127.0.0.1:8080", "localhost") && !called("127.0.0.1:8080", "localhost:80800"));
    assert!(
        !called("127.0.0.1:8080", "localhost:8080@evil.example") && !called("127.0.0.1:80", "localhost.")
    );
}

#[test]
fn the_target_of_http_2_is_a_host_too() {
    let mut target = head(Method::GET, "http://localhost:8080/mcp", &[]);
    assert!(endpoint().check_head(&target).is_ok());
    target.headers.insert("host", "127.0.0.1:8080".parse().unwrap());
    assert_eq!(
        endpoint().check_head(&target).unwrap_err().status,
        StatusCode::FORBIDDEN,
        "two names, both fine"
    );
    target.headers.remove("host");
    assert!(endpoint().check_head(&target).is_ok());
}

#[test]
fn a_policy_is_checked_when_it_is_made() {
    for host in ["", "http://a", "a/b", "u@a", "a b", "a:80/"] {
        assert!(HostPolicy::list([host]).is_err(), "{host:?}");
    }
    for origin in ["", "null", "*", "a", "http://", "http://a/", "HTTP://a", "http://A", "http://u@a"] {
        assert!(OriginPolicy::list([origin]).is_err(), "{origin:?}");
    }
    assert!(OriginPolicy::list(["https://a.example", "http://[::1]:8080", "vscode-webview://id"]).is_ok());
}

#[test]
fn a_client_that_takes_neither_kind_of_answer_is_told_so() {
    let status = |method: Method, accept: &str| {
        let json = ("content-type", "application/json");
        let refusal = endpoint().check_head(&head(method, "/mcp", &[json, ("accept", accept)])).err();
        refusal.map(|refusal| refusal.status.as_u16())
    };
    assert_eq!(status(Method::POST, "application/json"), None);
    assert_eq!(status(Method::POST, "text/html, */*;q=0"), Some(406));
    assert_eq!(status(Method::GET, "Text/Event-Stream; q=0.1"), None);
    assert_eq!(status(Method::GET, "application/json"), Some(406));
}

#[test]
fn ids_of_sessions_and_events_are_visible_ascii_and_bounded() {
    let session = |id: &str| session_id(&headers(&[("mcp-session-id", id)])).map(|id| id.map(str::to_owned));
    assert_eq!(session("a-b_~!"), Ok(Some("a-b_~!".to_owned())));
    assert_eq!(session_id(&HeaderMap::new()), Ok(None));
    for id in ["", "a b", &"a".repeat(1025)] {
        assert_eq!(session(id).unwrap_err().status, StatusCode::BAD_REQUEST, "{id:?}");
    }
    let twice = headers(&[("last-event-id", "a"), ("last-event-id", "a")]);
    assert!(last_event_id(&twice).is_err());
    let get = head(Method::GET, "/mcp", &[("last-event-id", "a b")]);
    assert_eq!(endpoint().check_head(&get).unwrap_err().status, StatusCode::BAD_REQUEST);
}

#[test]
fn what_is_of_the_connection_or_secret_stays_whatever_is_asked_for() {
    let stay = [
        "connection",
        "te",
        "upgrade",
        "transfer-encoding",
        "keep-alive",
        "proxy-authorization",
        "cookie",
        "x-api-key",
        "x-goog-api-key",
        "x-hop",
    ];
    let mut all: Vec<_> = stay.map(|name| (name, "x")).to_vec();
    all.extend([
        ("connection", "close, X-Hop"),
        ("mcp-param-a", "1"),
        ("mcp-param-a", "2"),
        ("x-on", "3"),
        ("x-other", "4"),
    ]);
    let also: Vec<HeaderName> = stay.into_iter().chain(["x-on"]).map(HeaderName::from_static).collect();
    let on = forwarded(&headers(&all), &also);
    assert_eq!(on, headers(&[("mcp-param-a", "1"), ("mcp-param-a", "2"), ("x-on", "3")]));
}

#[test]
fn a_connection_header_that_cannot_be_read_is_refused() {
    let endpoint = Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse().unwrap()).unwrap();
    for connection in [&b"mcp-name, \xff"[..], b"host\xff"] {
        let request = http::Request::post("/mcp")
            .header("host", "localhost:8080")
            .header("content-type", "application/json")
            .header("connection", http::HeaderValue::from_bytes(connection).unwrap());
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(endpoint.check_head(&head).unwrap_err().status, 400);
    }
}
