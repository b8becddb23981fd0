//! Headers against bodies, both ways.

use http::header::{HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use shadowcat::protocol::{Era, ProtocolVersion};
use shadowcat::wire::http::{
    decode_value, encode_value, error_status, request_era, request_headers, response_status, upstream_failure,
};
use shadowcat::{Code, Error, JsonRpcMessage};

use crate::heads::{endpoint, head, headers, modern_call, request};
use crate::support::{self, msg};

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
    // What is of an older revision may mirror too, as tower-mcp 0.25 does: then it must be true, and no more.
    for older in [("mcp-session-id", "a"), ("mcp-protocol-version", "2025-06-18")] {
        let mirrored = |method| headers(&[older, ("mcp-method", method)]);
        assert_eq!(endpoint().check_body(&mirrored("ping"), &ping), Ok(Era::Legacy), "{older:?}");
        let lie = endpoint().check_body(&mirrored("tools/list"), &ping).unwrap_err();
        assert_eq!(lie.code, Code::HEADER_MISMATCH, "{older:?}");
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
