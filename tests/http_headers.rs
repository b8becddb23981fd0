//! Headers against bodies, both ways.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::request::Parts;
use http::{Method, Request, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::protocol::{Era, ProtocolVersion};
use shadowcat::wire::http::{
    Endpoint, HostPolicy, InvalidAnnotation, OriginPolicy, ParamHeaders, Refusal, check_params, decode_value,
    encode_value, error_status, forwarded, last_event_id, request_era, request_headers, response_status,
    session_id, upstream_failure,
};
use shadowcat::{Code, Error, JsonRpcMessage};
use support::msg;

fn endpoint() -> Endpoint {
    Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse().unwrap()).unwrap()
}

fn modern_call(name: &str, arguments: &Value) -> JsonRpcMessage {
    request("tools/call", json!({ "name": name, "arguments": arguments }))
}

/// A modern request with what every one must hold.
fn request(method: &str, mut params: Value) -> JsonRpcMessage {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    msg(json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params }).to_string())
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    headers
}

fn refused(headers: &HeaderMap, message: &JsonRpcMessage) -> (u16, i64) {
    let refusal = endpoint().check_body(headers, message).unwrap_err();
    assert_eq!(refusal.to_message().id().unwrap().as_i64(), Some(7));
    (refusal.status.as_u16(), refusal.code.0)
}

#[test]
fn the_examples_of_the_specification_are_encoded_as_it_says() {
    for (text, value) in [
        ("us-west1", "us-west1"),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ("=?base64?=", "=?base64?PT9iYXNlNjQ/PQ==?="),
        ("a\tb", "=?base64?YQli?="),
        ("", ""),
        ("=?BASE64?YQ==?=", "=?BASE64?YQ==?="),
    ] {
        assert_eq!(encode_value(text), value);
        assert_eq!(decode_value(&encode_value(text)).unwrap(), text);
    }
}

#[test]
fn a_value_that_nobody_would_write_is_no_text() {
    for value in [
        "=?base64?!!!?=",
        "=?base64?YQ?=",
        "=?base64?YR==?=",
        "=?base64?=",
        "=?base64?/w==?=",
        "=?base64?Y Q=?=",
    ] {
        assert!(decode_value(&value.parse().unwrap()).is_err(), "{value}");
    }
    assert!(decode_value(&HeaderValue::from_bytes(b"caf\xc3\xa9").unwrap()).is_err());
    assert_eq!(decode_value(&"=?base64??=".parse().unwrap()).unwrap(), "");
}

proptest! {
    #[test]
    fn any_text_comes_back_from_its_header(text in any::<String>()) {
        let value = encode_value(&text);
        prop_assert!(value.as_bytes().iter().all(|byte| matches!(byte, b' '..=b'~')));
        prop_assert_eq!(decode_value(&value).unwrap(), text);
    }

    #[test]
    fn what_is_mirrored_is_what_an_endpoint_expects(
        name in "[ -~é\n\"]{1,20}",
        text in proptest::option::of("[ -~é\t\u{0}]{0,20}"),
        number in prop_oneof![any::<i32>().prop_map(|number| json!(number)), Just(json!(1e3)), Just(Value::Null)],
        flag: Option<bool>,
    ) {
        let mut arguments = json!({ "deep": { "flag": flag }, "number": number });
        if let Some(text) = text {
            arguments["text"] = json!(text);
        }
        let params = ParamHeaders::of_schema(json!({ "type": "object", "properties": {
            "text": { "type": "string", "x-mcp-header": "Text" },
            "number": { "type": "integer", "x-mcp-header": "Number" },
            "deep": { "type": "object", "properties": { "flag": { "type": ["boolean", "null"], "x-mcp-header": "flag" } } },
        }}).to_string().as_bytes()).unwrap();
        let call = modern_call(&name, &arguments);
        let headers = request_headers(&call, None, Some(&params)).unwrap();
        prop_assert_eq!(endpoint().check_body(&headers, &call), Ok(Era::Modern));
        prop_assert_eq!(check_params(&headers, &call, &params), Ok(()));
        for name in headers.keys().filter(|name| name.as_str().starts_with("mcp-")) {
            let mut without = headers.clone();
            without.remove(name);
            let checked = endpoint().check_body(&without, &call).and_then(|_| check_params(&without, &call, &params));
            prop_assert_eq!(checked.unwrap_err().code, Code::HEADER_MISMATCH);
            let mut twice = headers.clone();
            twice.append(name, headers[name].clone());
            let checked = endpoint().check_body(&twice, &call).and_then(|_| check_params(&twice, &call, &params));
            prop_assert_eq!(checked.unwrap_err().code, Code::HEADER_MISMATCH);
        }
    }

    #[test]
    fn no_head_or_body_makes_an_endpoint_panic(
        pairs in prop::collection::vec((prop::sample::select(&HEADS[..]), any::<Vec<u8>>()), 0..8),
        body in "[ -~]{0,40}",
    ) {
        let mut headers = headers(&[("host", "localhost:8080")]);
        for (name, value) in pairs {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(HeaderName::from_static(name), value);
            }
        }
        let mut head = head(Method::POST, "/mcp", &[]);
        head.headers = headers;
        let _ = endpoint().check_head(&head);
        let _ = endpoint().read(&head.headers, body.into(), &Default::default());
        let _ = endpoint().check_body(&head.headers, &modern_call("t", &json!({})));
    }
}

const HEADS: [&str; 14] = [
    "accept",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "origin",
    "transfer-encoding",
];

const VERSION: (&str, &str) = ("mcp-protocol-version", "2026-07-28");

#[test]
fn what_is_wrong_first_in_the_order_of_the_protocol_is_what_is_told() {
    let call = modern_call("t", &json!({}));
    let with = |meta: Value| {
        let params = json!({ "name": "t", "_meta": meta });
        msg(json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params }).to_string())
    };
    let version = "io.modelcontextprotocol/protocolVersion";
    let capabilities = "io.modelcontextprotocol/clientCapabilities";
    let lie = ("mcp-method", "tools/list");
    assert_eq!(refused(&headers(&[lie]), &with(json!({}))), (400, -32020), "version header missing");
    assert_eq!(refused(&headers(&[VERSION, VERSION]), &call), (400, -32020));
    let other = ("mcp-protocol-version", "2999-01-01");
    for meta in [
        json!({}),
        json!({ version: "2026-07-28" }),
        json!({ version: "2026-07-28", capabilities: [] }),
        json!({ version: 1, capabilities: {} }),
        json!({ capabilities: {} }),
    ] {
        assert_eq!(refused(&headers(&[other, lie]), &with(meta)), (400, -32602), "_meta before the rest");
    }
    assert_eq!(refused(&headers(&[other, lie]), &call), (400, -32020), "header against body before support");
    let unknown = with(json!({ version: "2999-01-01", capabilities: {} }));
    assert_eq!(refused(&headers(&[other, lie]), &unknown), (400, -32022), "support before the mirrors");
    assert_eq!(refused(&headers(&[VERSION, lie]), &call), (400, -32020));
    let whole = headers(&[VERSION, ("mcp-method", "tools/call"), ("mcp-name", "=?base64?dA==?=")]);
    assert_eq!(endpoint().check_body(&whole, &call), Ok(Era::Modern));
}

#[test]
fn an_unsupported_version_is_told_what_is_supported() {
    let endpoint = endpoint().versions([ProtocolVersion::V2025_11_25]);
    let headers = request_headers(&modern_call("t", &json!({})), None, None).unwrap();
    let refusal = endpoint.check_body(&headers, &modern_call("t", &json!({}))).unwrap_err();
    let error: Value = serde_json::from_slice(refusal.to_message().error().unwrap()).unwrap();
    assert_eq!(error["code"], -32022);
    assert_eq!(error["data"], json!({ "supported": ["2025-11-25"], "requested": "2026-07-28" }));
}

#[test]
fn a_modern_client_is_told_of_modern_versions_where_there_are_any() {
    let params = json!({ "_meta": {
        "io.modelcontextprotocol/protocolVersion": "v999.0.0",
        "io.modelcontextprotocol/clientCapabilities": {},
    }});
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "server/discover", "params": params });
    let refusal = endpoint()
        .check_body(&headers(&[("mcp-protocol-version", "v999.0.0")]), &msg(call.to_string()))
        .unwrap_err();
    let error: Value = serde_json::from_slice(refusal.to_message().error().unwrap()).unwrap();
    assert_eq!(error["data"]["supported"], json!(["2026-07-28"]));
}

#[test]
fn the_modern_revision_has_no_initialize() {
    let initialize = request("initialize", json!({}));
    assert_eq!(refused(&headers(&[VERSION, ("mcp-method", "initialize")]), &initialize), (404, -32601));
}

#[test]
fn a_legacy_client_may_mirror_its_method() {
    let initialized = msg(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    let legacy = ("mcp-protocol-version", "2025-11-25");
    let check = |pairs: &[(&str, &str)]| endpoint().check_body(&headers(pairs), &initialized);
    assert_eq!(check(&[legacy, ("mcp-method", "notifications/initialized")]), Ok(Era::Legacy));
    assert_eq!(check(&[legacy, ("mcp-method", "other")]).unwrap_err().code, Code::HEADER_MISMATCH);
}

#[test]
fn an_initialize_with_a_head_that_lies_is_refused() {
    let initialize = msg(r#"{"jsonrpc":"2.0","id":7,"method":"initialize","params":{}}"#);
    assert_eq!(refused(&headers(&[("mcp-method", "tools/list")]), &initialize), (400, -32020));
    assert_eq!(refused(&headers(&[("mcp-name", "a"), ("mcp-name", "b")]), &initialize), (400, -32020));
    assert_eq!(
        endpoint().check_body(&headers(&[("mcp-method", "initialize")]), &initialize),
        Ok(Era::Legacy)
    );
    let mut raw = headers(&[VERSION]);
    raw.insert("mcp-method", HeaderValue::from_bytes("é".as_bytes()).unwrap());
    assert_eq!(refused(&raw, &request("é", json!({}))), (400, -32020), "not visible ASCII");
}

#[test]
fn a_legacy_session_may_say_its_revision_or_not() {
    let ping = msg(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#);
    assert_eq!(endpoint().check_body(&HeaderMap::new(), &ping), Ok(Era::Legacy));
    for version in &ProtocolVersion::ALL[..4] {
        let spoken = headers(&[("mcp-protocol-version", version.as_str())]);
        assert_eq!(endpoint().check_body(&spoken, &ping), Ok(Era::Legacy));
        let modern = endpoint().versions([ProtocolVersion::V2026_07_28, ProtocolVersion::V2025_11_25]);
        assert_eq!(modern.check_body(&spoken, &ping).is_ok(), *version == ProtocolVersion::V2025_11_25);
    }
    let twice = headers(&[("mcp-protocol-version", "2025-11-25"), ("mcp-protocol-version", "2025-06-18")]);
    assert_eq!(refused(&twice, &ping), (400, -32600));
    assert_eq!(refused(&headers(&[("mcp-session-id", "a b")]), &ping), (400, -32600));
}

#[test]
fn an_endpoint_of_one_era_refuses_the_other() {
    let modern = endpoint().versions([ProtocolVersion::V2026_07_28]);
    let initialize =
        msg(r#"{"jsonrpc":"2.0","id":7,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#);
    assert_eq!(endpoint().check_body(&HeaderMap::new(), &initialize), Ok(Era::Legacy));
    assert_eq!(modern.check_body(&HeaderMap::new(), &initialize).unwrap_err().code, Code::HEADER_MISMATCH);
    let get = head(Method::GET, "/mcp", &[]);
    assert!(endpoint().check_head(&get).is_ok());
    assert_eq!(modern.check_head(&get).unwrap_err().status, StatusCode::METHOD_NOT_ALLOWED);
    let get = head(Method::GET, "/mcp", &[VERSION]);
    assert_eq!(endpoint().check_head(&get).unwrap_err().status, StatusCode::METHOD_NOT_ALLOWED);
    let answer = msg(r#"{"jsonrpc":"2.0","id":7,"result":{}}"#);
    assert_eq!(endpoint().check_body(&HeaderMap::new(), &answer), Ok(Era::Legacy));
    assert_eq!(modern.check_body(&HeaderMap::new(), &answer).unwrap_err().status, StatusCode::BAD_REQUEST);
}

#[test]
fn a_notification_says_what_it_likes_as_long_as_it_is_true() {
    let note = msg(r#"{"jsonrpc":"2.0","method":"notifications/x"}"#);
    let check = |pairs: &[(&str, &str)]| endpoint().check_body(&headers(pairs), &note);
    assert_eq!(check(&[VERSION]), Ok(Era::Modern));
    assert_eq!(check(&[VERSION, ("mcp-method", "notifications/x")]), Ok(Era::Modern));
    assert_eq!(check(&[VERSION, ("mcp-method", "notifications/y")]).unwrap_err().code, Code::HEADER_MISMATCH);
    assert_eq!(check(&[("mcp-protocol-version", "2999-01-01")]).unwrap_err().code, Code::UNSUPPORTED_VERSION);
}

#[test]
fn a_method_of_an_extension_may_name_what_it_likes() {
    let get = request("tasks/get", json!({ "taskId": "a" }));
    let own = request_headers(&get, None, None).unwrap();
    assert_eq!(own["mcp-name"], "a");
    let other = headers(&[VERSION, ("mcp-method", "tasks/get"), ("mcp-name", "b")]);
    assert_eq!(endpoint().check_body(&other, &get), Ok(Era::Modern));
}

#[test]
fn any_mirror_makes_a_request_a_modern_one() {
    let ping = msg(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#);
    for mirror in [("mcp-method", "ping"), ("mcp-name", "x"), ("mcp-param-x", "1"), VERSION] {
        assert_eq!(request_era(&headers(&[mirror]), &ping), Era::Modern, "{mirror:?}");
    }
    let legacy = headers(&[("mcp-protocol-version", "2025-06-18"), ("mcp-session-id", "a")]);
    assert_eq!(request_era(&legacy, &ping), Era::Legacy);
    assert_eq!(request_era(&legacy, &modern_call("t", &json!({}))), Era::Modern);
}

#[test]
fn a_legacy_message_is_sent_without_mirrors() {
    let call = support::call(1);
    let headers = request_headers(&call, Some(ProtocolVersion::V2025_11_25), None).unwrap();
    assert_eq!(headers["mcp-protocol-version"], "2025-11-25");
    assert!(!headers.contains_key("mcp-method") && !headers.contains_key("mcp-name"));
    let before = request_headers(&call, None, None).unwrap();
    assert_eq!(before.len(), 2, "nothing is agreed upon before `initialize`");
    let note = msg(r#"{"jsonrpc":"2.0","method":"notifications/x"}"#);
    let headers = request_headers(&note, Some(ProtocolVersion::V2026_07_28), None).unwrap();
    assert_eq!(headers["mcp-method"], "notifications/x");
    assert!(request_headers(&request("é", json!({})), None, None).is_err());
}

#[test]
fn an_annotation_counts_where_properties_lead_to_it() {
    let params = ParamHeaders::of_schema(
        br#"{"properties":{
            "a":{"type":"string","x-mcp-header":"One","default":{"x-mcp-header":1}},
            "x-mcp-header":{"type":"integer","x-mcp\u002dheader":"Two"},
            "properties":{"properties":{"c":{"type":"boolean","x-mcp-header":"Three"}}}},
            "enum":[{"x-mcp-header":1}]}"#,
    );
    let params = params.unwrap();
    let mut found: Vec<_> = params.iter().map(|(name, path)| (name.as_str(), path.join("/"))).collect();
    found.sort();
    let expected =
        [("mcp-param-one", "a"), ("mcp-param-three", "properties/c"), ("mcp-param-two", "x-mcp-header")];
    assert_eq!(found, expected.map(|(name, path)| (name, path.to_owned())));
    assert!(ParamHeaders::of_schema(b"{}").unwrap().is_empty());
    assert!(ParamHeaders::of_schema(b"").unwrap().is_empty());
}

#[test]
fn a_tool_with_an_annotation_that_breaks_the_rules_is_not_to_be_called() {
    use InvalidAnnotation::{Duplicate, Misplaced, Name, TooMany, Type};
    let of = |schema: Value| ParamHeaders::of_schema(schema.to_string().as_bytes());
    let one = |kind: Value, name: Value| {
        of(json!({ "properties": { "a": { "type": kind, "x-mcp-header": name } } }))
    };
    for name in [json!(""), json!("a b"), json!("a\r\nb"), json!("é"), json!(1), json!(null), json!("a:")] {
        assert_eq!(one(json!("string"), name.clone()), Err(Name), "{name}");
    }
    for kind in [
        json!("number"),
        json!("object"),
        json!("array"),
        json!("null"),
        json!(null),
        json!(["string", "number"]),
        json!([]),
    ] {
        assert_eq!(one(kind.clone(), json!("A")), Err(Type), "{kind}");
    }
    let a = json!({ "type": "string", "x-mcp-header": "A" });
    assert_eq!(
        of(json!({ "properties": { "a": a, "b": { "type": "string", "x-mcp-header": "a" } } })),
        Err(Duplicate)
    );
    for misplaced in [
        a.clone(),
        json!({ "items": a }),
        json!({ "anyOf": [{ "properties": { "a": a } }] }),
        json!({ "properties": { "l": { "type": "array", "items": { "properties": { "a": a } } } } }),
        json!({ "$defs": { "a": a } }),
        json!({ "if": a }),
        json!({ "patternProperties": { "a": a } }),
    ] {
        assert_eq!(of(misplaced.clone()), Err(Misplaced), "{misplaced}");
    }
    let deep = (0..40).fold(a.clone(), |inner, _| json!({ "properties": { "p": inner } }));
    assert_eq!(of(deep), Err(Misplaced));
    let many: serde_json::Map<_, _> = (0..65)
        .map(|at| (format!("p{at}"), json!({ "type": "string", "x-mcp-header": format!("H{at}") })))
        .collect();
    assert_eq!(of(json!({ "properties": many })), Err(TooMany));
}

#[test]
fn an_argument_and_its_header_are_there_together_or_not_at_all() {
    let params =
        ParamHeaders::of_schema(br#"{"properties":{"n":{"type":"integer","x-mcp-header":"N"}}}"#).unwrap();
    let check = |arguments: Value, header: &[(&str, &str)]| -> Result<(), Refusal> {
        check_params(&headers(header), &modern_call("t", &arguments), &params)
    };
    assert!(check(json!({}), &[]).is_ok() && check(json!({ "n": null }), &[]).is_ok());
    assert!(
        check(json!({ "n": 42 }), &[("mcp-param-n", "42.0"), ("mcp-param-other", "é".trim_matches('é'))])
            .is_ok()
    );
    for (arguments, header) in [
        (json!({}), &[("mcp-param-n", "42")][..]),
        (json!({ "n": null }), &[("mcp-param-n", "null")]),
        (json!({ "n": 42 }), &[]),
        (json!({ "n": 42 }), &[("mcp-param-n", "43")]),
        (json!({ "n": 42 }), &[("mcp-param-n", "42"), ("mcp-param-n", "42")]),
        (json!({ "n": 42 }), &[("mcp-param-n", "=?base64?!?=")]),
        (json!({ "n": [42] }), &[("mcp-param-n", "42")]),
        (json!({ "n": "42" }), &[("mcp-param-n", "42.0")]),
        (json!({ "n": 9007199254740993_i64 }), &[("mcp-param-n", "9007199254740992")]),
    ] {
        let refusal = check(arguments.clone(), header).unwrap_err();
        assert_eq!(
            (refusal.status.as_u16(), refusal.code),
            (400, Code::HEADER_MISMATCH),
            "{arguments} {header:?}"
        );
    }
}

fn head(method: Method, target: &str, pairs: &[(&str, &str)]) -> Parts {
    let request = Request::builder().method(method).uri(target).header("host", "localhost:8080");
    let mut head = request.body(()).unwrap().into_parts().0;
    head.headers.extend(headers(pairs));
    head
}

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
fn only_a_modern_client_is_told_an_outcome_by_the_status() {
    let status = |code: i64, era| {
        response_status(&JsonRpcMessage::error_response(Some(&1.into()), Code(code), ""), era).as_u16()
    };
    for (code, modern) in
        [(-32601, 404), (-32020, 400), (-32021, 400), (-32022, 400), (-32602, 200), (1, 200)]
    {
        assert_eq!((status(code, Era::Modern), status(code, Era::Legacy)), (modern, 200), "{code}");
    }
    assert_eq!(response_status(&msg(support::done(1)), Era::Modern), StatusCode::OK);
}

#[test]
fn a_failure_below_is_never_told_as_the_servers_own_word() {
    let all =
        [Error::closed(""), Error::timeout(""), Error::busy(""), Error::invalid(""), Error::too_large("")];
    assert!(all.iter().all(|error| error_status(error).is_server_error()));
    assert_eq!(error_status(&Error::session_lost("")), StatusCode::NOT_FOUND);
    for status in 100..600 {
        let status = StatusCode::from_u16(status).unwrap();
        let failure = upstream_failure(status, false);
        assert_eq!(failure.is_none(), status.is_success(), "{status}");
        assert!(failure.is_none_or(|failure| !failure.is_unsent() && !failure.is_session_lost()), "{status}");
    }
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
