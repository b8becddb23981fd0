//! The cases of the hostile corpus that an endpoint decides on a head and a body alone.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::request::Parts;
use http::{Request, Uri};
use serde::Deserialize;
use shadowcat::wire::http::{Endpoint, HostPolicy, OriginPolicy, Refusal, forwarded};
use shadowcat::{JsonRpcMessage, ScanOptions};

/// The size of a message in the profile of the tests, in bytes.
const MAX: usize = 262_144;

/// They run in `tests/jwt/hostile.rs`.
const TOKENS: &str = "tokens";

/// What cases wait for, by the beginning of their names.
const WAITING: [(&str, &str); 17] = [
    ("http-evil", "policy"),
    ("http-2026-evil", "policy"),
    ("http-pipelined", "policy"),
    ("http-jwt-", TOKENS),
    ("http-auth-missing", TOKENS),
    ("http-auth-comma", TOKENS),
    ("http-auth-empty", TOKENS),
    ("http-session-traversal", "the session store: a fine id that it never gave out"),
    ("http-session-unknown", "the session store"),
    ("http-session-in-query", "the session store: a request without a session"),
    ("http-chunk-", "the HTTP library"),
    ("http-bare-lf", "the HTTP library"),
    ("http-space-colon", "the HTTP library"),
    ("http-bad-name", "the HTTP library"),
    ("http-tls-on-plain", "the HTTP library"),
    ("http-truncated-head", "the HTTP library"),
    ("http-truncated-body", "the HTTP library"),
];

#[derive(Deserialize)]
struct Case {
    name: String,
    bytes_base64: String,
    expect: String,
    status: Option<u16>,
    error_code: Option<i64>,
    #[serde(default)]
    must_not_contain_base64: Vec<String>,
    #[serde(default)]
    upstream_must_not_contain_base64: Vec<String>,
}

fn bytes(base64: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(base64).unwrap()
}

fn endpoint() -> Endpoint {
    let hosts = ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"];
    let origins = ["http://localhost:8080", "http://127.0.0.1:8080"];
    let (hosts, origins) = (HostPolicy::list(hosts).unwrap(), OriginPolicy::list(origins).unwrap());
    Endpoint::new("/mcp", hosts, origins).max_body_bytes(MAX as u64)
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// As an HTTP library hands it over; `None` if it would not.
fn parse(bytes: &[u8]) -> Option<(Parts, Bytes)> {
    let end = find(bytes, b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let mut words = lines.next()?.split(' ');
    let (method, target) = (words.next()?, words.next()?.parse::<Uri>().ok()?);
    let mut request = Request::builder().method(method).uri(target);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        request = request.header(name, value.trim());
    }
    let chunked = head.contains("Transfer-Encoding: chunked");
    let body = &bytes[end + 4..];
    let body = if chunked { dechunk(body)? } else { body };
    let (parts, ()) = request.body(()).ok()?.into_parts();
    Some((parts, Bytes::copy_from_slice(body)))
}

/// The corpus sends one chunk.
fn dechunk(body: &[u8]) -> Option<&[u8]> {
    let line = find(body, b"\r\n")?;
    let size = usize::from_str_radix(std::str::from_utf8(&body[..line]).ok()?, 16).ok()?;
    body.get(line + 2..line + 2 + size)
}

fn judge(head: &Parts, body: &Bytes) -> Result<JsonRpcMessage, Refusal> {
    let endpoint = endpoint();
    endpoint.check_head(head)?;
    let options = ScanOptions::new().max_bytes(MAX);
    endpoint.read(&head.headers, body.clone(), &options).map(|(message, _)| message)
}

fn check(case: &Case) {
    let name = &case.name;
    let Some((head, body)) = parse(&bytes(&case.bytes_base64)) else {
        // Only a target that the `http` crate does not take either.
        assert_eq!(name, "http-path-backslash");
        return;
    };
    let outcome = judge(&head, &body);
    match (&*case.expect, outcome) {
        ("reject", Err(refusal)) => {
            assert_eq!(Some(refusal.status.as_u16()), case.status, "{name}: {refusal}");
            if let Some(code) = case.error_code {
                assert_eq!(refusal.code.0, code, "{name}: {refusal}");
                assert!(refusal.to_message().id().is_some(), "{name}: the refusal has the request's id");
            }
        }
        ("forward-identical", Ok(message)) => assert_eq!(message.bytes(), &body, "{name}"),
        (expect, Ok(_)) if expect.starts_with("stripped") => {}
        (expect, outcome) => panic!("{name}: {expect}, got {outcome:?}"),
    }
    let upstream = format!("{:?}", forwarded(&head.headers, &[]));
    for secret in case.must_not_contain_base64.iter().chain(&case.upstream_must_not_contain_base64) {
        let secret = String::from_utf8(bytes(secret)).unwrap();
        assert!(!upstream.contains(&secret), "{name}: {upstream}");
    }
}

#[test]
fn each_hostile_request_is_judged_as_it_should_be() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/hostile/headers.jsonl");
    let Ok(text) = std::fs::read_to_string(path) else { return }; // not in the published package
    let (mut ran, mut waiting) = (0, 0);
    for line in text.lines() {
        let case: Case = serde_json::from_str(line).unwrap();
        if WAITING.iter().any(|(name, _)| case.name.starts_with(name)) {
            waiting += 1;
            continue;
        }
        check(&case);
        ran += 1;
    }
    eprintln!("{ran} cases, {waiting} waiting");
    assert!(ran >= 80 && waiting <= 64, "{ran} ran, {waiting} wait");
}
