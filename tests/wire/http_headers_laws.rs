//! Headers against bodies, both ways: what holds for all of them.

use http::Method;
use http::header::{HeaderName, HeaderValue};
use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::Code;
use shadowcat::protocol::Era;
use shadowcat::wire::http::{ParamHeaders, check_params, decode_value, encode_value, request_headers};

use crate::heads::{endpoint, head, headers, modern_call};

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
