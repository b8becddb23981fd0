//! Changing parts of a message and nothing else.

use std::ops::Range;

use super::envelope::Payload;
use super::splice::{self, Change, cut, insert_first, named};
use super::walk::members;
use super::{Fault, JsonRpcMessage, OwnedId, ParseError, Pointer, ScanOptions, text};

/// Pending changes to a message; [`finish`](Self::finish) splices them into new bytes and scans the result.
///
/// Every byte that no change covers stays as it is. Values are raw JSON.
///
/// ```
/// use shadowcat::JsonRpcMessage;
///
/// let call = JsonRpcMessage::parse(r#"{"jsonrpc":"2.0","id":1, "method":"tools/call","params":{ "name":"a" }}"#)?;
/// let call = call.edit().meta("progressToken", "7").finish()?;
/// assert_eq!(
///     call.bytes(),
///     r#"{"jsonrpc":"2.0","id":1, "method":"tools/call","params":{"_meta":{"progressToken":7}, "name":"a" }}"#
/// );
/// # Ok::<(), shadowcat::ParseError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "an edit does nothing until it is finished"]
pub struct Edit {
    message: JsonRpcMessage,
    id: Option<OwnedId>,
    method: Option<String>,
    payload: Option<(Payload, Vec<u8>)>,
    /// Keys of `_meta` with their new values; `None` removes.
    meta: Vec<(String, Option<Vec<u8>>)>,
    /// Places with their new values; `None` removes.
    places: Vec<(Pointer, Option<Vec<u8>>)>,
}

impl Edit {
    pub(super) fn new(message: JsonRpcMessage) -> Self {
        Self { message, id: None, method: None, payload: None, meta: Vec::new(), places: Vec::new() }
    }

    /// Replaces the id.
    pub fn id(mut self, id: impl Into<OwnedId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Replaces the method.
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Replaces or adds `params`.
    pub fn params(self, json: impl AsRef<[u8]>) -> Self {
        self.payload(Payload::Params, json.as_ref())
    }

    /// Replaces `result`, or puts it in the place of `error`.
    pub fn result(self, json: impl AsRef<[u8]>) -> Self {
        self.payload(Payload::Result, json.as_ref())
    }

    /// Replaces `error`, or puts it in the place of `result`.
    pub fn error(self, json: impl AsRef<[u8]>) -> Self {
        self.payload(Payload::Error, json.as_ref())
    }

    /// Sets one member of `_meta` in `params` or `result`; makes what is missing around it.
    pub fn meta(mut self, key: &str, json: impl AsRef<[u8]>) -> Self {
        self.meta.push((key.to_owned(), Some(json.as_ref().to_vec())));
        self
    }

    /// Removes one member of `_meta`, and one comma with it.
    pub fn remove_meta(mut self, key: &str) -> Self {
        self.meta.push((key.to_owned(), None));
        self
    }

    /// Replaces what stands at `place` in the whole message, or adds it to the object or array around it, which
    /// must be there; an array takes its next index or `-`. Such changes are made last, in the order in which they
    /// were asked for.
    pub fn set(mut self, place: &Pointer, json: impl AsRef<[u8]>) -> Self {
        self.places.push((place.clone(), Some(json.as_ref().to_vec())));
        self
    }

    /// Removes what stands at `place` in the whole message, and one comma with it; nothing where nothing stands.
    pub fn remove(mut self, place: &Pointer) -> Self {
        self.places.push((place.clone(), None));
        self
    }

    fn payload(mut self, which: Payload, json: &[u8]) -> Self {
        self.payload = Some((which, json.to_vec()));
        self
    }

    /// Splices, scans, and keeps what rides beside the message.
    ///
    /// # Errors
    ///
    /// The outcome is no acceptable message, a value is not JSON, or the part to change cannot exist in a
    /// message of this kind (a method in a response, `_meta` in an error), or nothing stands around a place to set.
    pub fn finish(mut self) -> Result<JsonRpcMessage, ParseError> {
        let changes = std::mem::take(&mut self.meta);
        let places = std::mem::take(&mut self.places);
        let (id, method, payload) = (self.id.take(), self.method.take(), self.payload.take());
        let mut message = self.message;
        if let Some(id) = id {
            message = rescan(&message, spliced(&message, (id_place(&message)?, token(&id))))?;
        }
        if let Some(method) = method {
            let mut literal = Vec::new();
            text::write_string(&mut literal, &method);
            message = rescan(&message, spliced(&message, (method_place(&message)?, literal)))?;
        }
        if let Some((which, json)) = payload {
            check_value(&json)?;
            message = rescan(&message, spliced(&message, payload_place(&message, which, json)?))?;
        }
        for (key, json) in changes {
            json.as_deref().map(check_value).transpose()?;
            if let Some(change) = meta_place(&message, &key, json)? {
                message = rescan(&message, spliced(&message, change))?;
            }
        }
        places.into_iter().try_fold(message, at_place)
    }
}

fn at_place(
    message: JsonRpcMessage,
    (place, json): (Pointer, Option<Vec<u8>>),
) -> Result<JsonRpcMessage, ParseError> {
    let bytes = &message.inner.bytes;
    let change = match json {
        Some(json) => {
            check_value(&json)?;
            Some(splice::set(bytes, &place, json)?)
        }
        None => splice::remove(bytes, &place)?,
    };
    change.map_or(Ok(message.clone()), |change| rescan(&message, spliced(&message, change)))
}

/// A value must be one JSON document on its own, or it could close its member and open others.
fn check_value(json: &[u8]) -> Result<(), ParseError> {
    match serde_json::from_slice::<&serde_json::value::RawValue>(json) {
        Ok(_) => Ok(()),
        Err(error) => Err(ParseError::new(Fault::Syntax("a JSON value"), error.column().saturating_sub(1))),
    }
}

fn impossible(why: &'static str) -> ParseError {
    ParseError::new(Fault::Envelope(why), 0)
}

fn token(id: &OwnedId) -> Vec<u8> {
    let mut out = Vec::new();
    id.write(&mut out);
    out
}

fn id_place(message: &JsonRpcMessage) -> Result<Range<usize>, ParseError> {
    let span = message.inner.envelope.id;
    if span.is_some() { Ok(span.range()) } else { Err(impossible("a message without an id gets none")) }
}

fn method_place(message: &JsonRpcMessage) -> Result<Range<usize>, ParseError> {
    let span = message.inner.envelope.method;
    if span.is_some() { Ok(span.range()) } else { Err(impossible("a response has no method")) }
}

fn payload_place(message: &JsonRpcMessage, which: Payload, json: Vec<u8>) -> Result<Change, ParseError> {
    let (have, span) = (message.inner.envelope.payload_is, message.inner.envelope.payload);
    if have == which {
        return Ok((span.range(), json));
    }
    match (have, which) {
        (Payload::None, Payload::Params) => {
            let end = last_brace(message);
            Ok((end..end, [br#","params":"#, &json[..]].concat()))
        }
        (Payload::Result, Payload::Error) => Ok(swap(message, br#""error":"#, &json)),
        (Payload::Error, Payload::Result) => Ok(swap(message, br#""result":"#, &json)),
        _ => Err(impossible("requests and notifications have params, responses a result or an error")),
    }
}

/// Replaces the payload's whole member, key included.
fn swap(message: &JsonRpcMessage, key: &[u8], json: &[u8]) -> Change {
    let span = message.inner.envelope.payload.range();
    let before = &message.inner.bytes[..span.start];
    let quote = |end: usize| before[..end].iter().rposition(|byte| *byte == b'"').unwrap_or(0);
    (quote(quote(before.len()))..span.end, [key, json].concat())
}

fn meta_place(
    message: &JsonRpcMessage,
    key: &str,
    json: Option<Vec<u8>>,
) -> Result<Option<Change>, ParseError> {
    let envelope = message.inner.envelope;
    check_unique(message, key)?;
    if envelope.meta.is_some() {
        return Ok(in_meta(&message.inner.bytes, envelope.meta.range(), key, json));
    }
    let Some(json) = json else { return Ok(None) };
    let member = named(key, &json);
    let meta = [br#""_meta":{"#, &member[..], b"}"].concat();
    let payload = envelope.payload.range();
    match (envelope.payload_is, message.inner.bytes.get(payload.start)) {
        (Payload::Error, _) => Err(impossible("an error has no _meta")),
        (Payload::None, _) => {
            let end = last_brace(message);
            Ok(Some((end..end, [br#","params":{"#, &meta[..], b"}"].concat())))
        }
        (_, Some(b'{')) => {
            let found = members(&message.inner.bytes[payload.clone()]).find(|member| member.is("_meta"));
            match found {
                None => Ok(Some(insert_first(&message.inner.bytes, payload.start, meta))),
                Some(null) if null.value == b"null" => {
                    let place = payload.start + null.value_at.start..payload.start + null.value_at.end;
                    Ok(Some((place, [b"{", &member[..], b"}"].concat())))
                }
                Some(_) => Err(impossible("_meta is no object")),
            }
        }
        (Payload::Params, _) => Ok(Some((payload, [b"{", &meta[..], b"}"].concat()))),
        _ => Err(impossible("only an object has _meta")),
    }
}

/// What a transparent scan let pass twice cannot be changed for every reader.
fn check_unique(message: &JsonRpcMessage, key: &str) -> Result<(), ParseError> {
    let twice = |json: &[u8], key: &str| members(json).filter(|member| member.is(key)).count() > 1;
    let payload = &message.inner.bytes[message.inner.envelope.payload.range()];
    if !message.is_strict() && (twice(payload, "_meta") || twice(message.meta().unwrap_or_default(), key)) {
        return Err(ParseError::new(Fault::DuplicateKey, message.inner.envelope.payload.range().start));
    }
    Ok(())
}

fn in_meta(bytes: &[u8], meta: Range<usize>, key: &str, json: Option<Vec<u8>>) -> Option<Change> {
    let all: Vec<_> = members(&bytes[meta.clone()]).collect();
    let found = all.iter().position(|member| member.is(key));
    match (found, json) {
        (Some(at), Some(json)) => {
            let place = &all[at].value_at;
            Some((meta.start + place.start..meta.start + place.end, json))
        }
        (None, Some(json)) => Some(insert_first(bytes, meta.start, named(key, &json))),
        (Some(at), None) => {
            let entries: Vec<_> = all.iter().map(|member| member.whole.clone()).collect();
            let place = cut(&entries, at);
            Some((meta.start + place.start..meta.start + place.end, Vec::new()))
        }
        (None, None) => None,
    }
}

fn last_brace(message: &JsonRpcMessage) -> usize {
    message.inner.bytes.iter().rposition(|byte| *byte == b'}').expect("a message is an object")
}

fn spliced(message: &JsonRpcMessage, (place, with): Change) -> Vec<u8> {
    [&message.inner.bytes[..place.start], &with, &message.inner.bytes[place.end..]].concat()
}

/// Limits of size were the front end's to judge, and so was the depth that the message had; everything else is
/// judged again.
pub(super) fn rescan(message: &JsonRpcMessage, bytes: Vec<u8>) -> Result<JsonRpcMessage, ParseError> {
    let depth = depth(&message.inner.bytes).max(ScanOptions::default().max_depth);
    let options = ScanOptions::default().unlimited().max_depth(depth);
    let options = if message.is_strict() { options } else { options.transparent() };
    let mut beside = message.inner.beside.clone();
    beside.marks = beside.marks.of_other_bytes();
    JsonRpcMessage::read(bytes.into(), &options, beside).map_err(|(_, error)| error)
}

/// How deeply a scanned message is nested.
fn depth(bytes: &[u8]) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}
