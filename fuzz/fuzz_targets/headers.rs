//! A request as bytes: no head or body makes an endpoint panic, what it takes is what came, what is derived from
//! an accepted body is accepted with it, and text comes back from its header. Each seed is a raw HTTP request.
#![no_main]

use http::{HeaderName, HeaderValue, Request};
use libfuzzer_sys::fuzz_target;
use shadowcat::ScanOptions;
use shadowcat::protocol::Era;
use shadowcat::wire::http::{
    Endpoint, ParamHeaders, check_params, decode_value, encode_value, forwarded, is_credential,
    request_headers,
};

fn split<'a>(bytes: &'a [u8], at: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let found = bytes.windows(at.len()).position(|window| window == at)?;
    Some((&bytes[..found], &bytes[found + at.len()..]))
}

fn request(bytes: &[u8]) -> Option<Request<Vec<u8>>> {
    let (head, body) = split(bytes, b"\r\n\r\n")?;
    let mut lines = head.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let mut words = lines.next()?.split(|byte| *byte == b' ');
    let mut request = Request::builder().method(words.next()?).uri(words.next()?);
    for line in lines {
        let (name, value) = split(line, b":")?;
        let name = HeaderName::from_bytes(name).ok()?;
        request = request.header(name, HeaderValue::from_bytes(value.trim_ascii()).ok()?);
    }
    request.body(body.to_vec()).ok()
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        assert_eq!(decode_value(&encode_value(text)).expect("it was encoded"), text);
    }
    if let Ok(value) = HeaderValue::from_bytes(bytes) {
        let _ = decode_value(&value);
    }
    let params = ParamHeaders::of_schema(bytes).unwrap_or_default();
    let Some(request) = request(bytes) else { return };
    let endpoint =
        Endpoint::bound_to("/mcp", "127.0.0.1:8080".parse().expect("an address")).expect("loopback");
    let (head, body) = request.into_parts();
    let _ = endpoint.check_head(&head);
    assert!(forwarded(&head.headers, &[]).keys().all(|name| !is_credential(name)));
    let Ok((message, era)) = endpoint.read(&head.headers, body.clone().into(), &ScanOptions::new()) else {
        return;
    };
    assert_eq!(message.bytes(), &body);
    let _ = check_params(&head.headers, &message, &params);
    if let (Era::Modern, Ok(headers)) = (era, request_headers(&message, None, Some(&params))) {
        let answer = endpoint.check_body(&headers, &message);
        // A notification may leave its version to the head, and a body without a name has none to mirror.
        assert!(answer.is_ok() || !headers.contains_key("mcp-protocol-version"), "{answer:?}");
    }
});
