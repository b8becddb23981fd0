//! Making messages.

use std::fmt::Display;

use bytes::Bytes;

use super::envelope::{Envelope, IdToken, Kind, Payload, Span};
use super::{Beside, Code, Fault, Inner, JsonRpcMessage, OwnedId, ParseError, ScanOptions, text};

const HEAD: &[u8] = br#"{"jsonrpc":"2.0""#;

impl JsonRpcMessage {
    /// A request. `params` is raw JSON, empty for none.
    ///
    /// ```
    /// use shadowcat::JsonRpcMessage;
    ///
    /// let ping = JsonRpcMessage::request("a", "ping", "")?;
    /// assert_eq!(ping.bytes(), r#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#);
    /// # Ok::<(), shadowcat::ParseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `params` is no JSON object, or id or method break the rules of the strict scan.
    pub fn request(
        id: impl Into<OwnedId>,
        method: &str,
        params: impl AsRef<[u8]>,
    ) -> Result<Self, ParseError> {
        let mut out = head(&id.into());
        write_method(&mut out, method, params.as_ref());
        finish(out)
    }

    /// A notification. `params` is raw JSON, empty for none.
    ///
    /// # Errors
    ///
    /// As [`request`](Self::request).
    pub fn notification(method: &str, params: impl AsRef<[u8]>) -> Result<Self, ParseError> {
        let mut out = HEAD.to_vec();
        write_method(&mut out, method, params.as_ref());
        finish(out)
    }

    /// A response with a result. `result` is raw JSON.
    ///
    /// # Errors
    ///
    /// `result` is not JSON.
    pub fn response(id: impl Into<OwnedId>, result: impl AsRef<[u8]>) -> Result<Self, ParseError> {
        let mut out = head(&id.into());
        out.extend_from_slice(br#","result":"#);
        out.extend_from_slice(result.as_ref());
        finish(out)
    }

    /// A response with an error. Without an id it tells the peer that something it sent could not be read;
    /// the member is then left out (2026-07-28 basic: responses).
    ///
    /// A layer that answers with it in somebody's place marks it: see [`synthetic`](Self::synthetic).
    pub fn error_response(id: Option<&OwnedId>, code: Code, why: impl Display) -> Self {
        Self::made_error(id, code, &why.to_string(), None)
    }

    /// One of ours, in the place of whoever should have answered.
    pub(crate) fn refusal(id: Option<&OwnedId>, code: Code, why: impl Display) -> Self {
        Self::refusal_with(id, code, why, None)
    }

    /// The same with raw JSON for `data`, trusted to be well formed.
    pub(crate) fn refusal_with(
        id: Option<&OwnedId>,
        code: Code,
        why: impl Display,
        data: Option<&str>,
    ) -> Self {
        Self::made_error(id, code, &why.to_string(), data).synthetic()
    }

    fn made_error(id: Option<&OwnedId>, code: Code, why: &str, data: Option<&str>) -> Self {
        let mut out = HEAD.to_vec();
        let mut id_span = Span::NONE;
        if let Some(id) = id {
            out.extend_from_slice(br#","id":"#);
            let start = out.len();
            id.write(&mut out);
            id_span = Span::new(start, out.len());
        }
        out.extend_from_slice(br#","error":"#);
        let start = out.len();
        out.extend_from_slice(br#"{"code":"#);
        text::write_integer(&mut out, code.0);
        out.extend_from_slice(br#","message":"#);
        text::write_string(&mut out, why);
        if let Some(data) = data {
            out.extend_from_slice(br#","data":"#);
            out.extend_from_slice(data.as_bytes());
        }
        out.push(b'}');
        let payload = Span::new(start, out.len());
        out.push(b'}');
        let id_token = id.map_or(IdToken::Absent, OwnedId::token);
        Self::from_parts(out.into(), error_envelope(id_token, id_span, payload), Beside::default())
    }

    /// The same message under another id: spliced, spans shifted, not scanned again. A notification, and an
    /// error that answers nobody, stay as they are.
    ///
    /// ```
    /// use shadowcat::JsonRpcMessage;
    ///
    /// let call = JsonRpcMessage::parse(r#"{"jsonrpc":"2.0", "id" : "long" ,"method":"ping"}"#)?;
    /// assert_eq!(call.with_id(3).bytes(), r#"{"jsonrpc":"2.0", "id" : 3 ,"method":"ping"}"#);
    /// # Ok::<(), shadowcat::ParseError>(())
    /// ```
    pub fn with_id(mut self, id: impl Into<OwnedId>) -> Self {
        if self.id().is_none() {
            return self;
        }
        let id = id.into();
        let inner = self.inner_mut();
        let old = inner.envelope.id.range();
        let mut out = Vec::with_capacity(inner.bytes.len() + 24);
        out.extend_from_slice(&inner.bytes[..old.start]);
        id.write(&mut out);
        let end = out.len();
        out.extend_from_slice(&inner.bytes[old.end..]);
        inner.bytes = Bytes::from(out);
        let by = end as i64 - old.end as i64;
        let envelope = &mut inner.envelope;
        for span in [&mut envelope.method, &mut envelope.payload, &mut envelope.meta] {
            if span.start as usize >= old.end {
                span.start = (i64::from(span.start) + by) as u32;
                span.end = (i64::from(span.end) + by) as u32;
            }
        }
        envelope.id = Span::new(old.start, end);
        envelope.id_token = id.token();
        self
    }
}

fn error_envelope(id_token: IdToken, id: Span, payload: Span) -> Envelope {
    Envelope {
        kind: Kind::Response,
        id_token,
        id,
        method: Span::NONE,
        method_escaped: false,
        payload_is: Payload::Error,
        payload,
        meta: Span::NONE,
        line_break: false,
        strict: true,
    }
}

fn head(id: &OwnedId) -> Vec<u8> {
    let mut out = HEAD.to_vec();
    out.extend_from_slice(br#","id":"#);
    id.write(&mut out);
    out
}

fn write_method(out: &mut Vec<u8>, method: &str, params: &[u8]) {
    out.extend_from_slice(br#","method":"#);
    text::write_string(out, method);
    if !params.is_empty() {
        out.extend_from_slice(br#","params":"#);
        out.extend_from_slice(params);
    }
}

/// Closes the object and scans it: raw JSON from outside could hold anything, more members too.
fn finish(mut out: Vec<u8>) -> Result<JsonRpcMessage, ParseError> {
    out.push(b'}');
    let message = JsonRpcMessage::parse_with(out, &ScanOptions::default().max_bytes(usize::MAX))?;
    let Inner { bytes, envelope, .. } = &*message.inner;
    let last = if envelope.payload.is_some() { envelope.payload } else { envelope.method };
    let behind = &bytes[last.range().end..bytes.len() - 1];
    if behind.trim_ascii().is_empty() {
        Ok(message)
    } else {
        Err(ParseError::new(Fault::Syntax("one JSON value"), last.range().end))
    }
}
