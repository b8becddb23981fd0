//! What of a message decides which recorded one it is.

use std::borrow::Cow;

use crate::message::{JsonRpcMessage, members, write_string};
use crate::protocol::{method, peek};

/// What stands in `_meta` and decides what a server answers: the revision.
pub(super) const KEPT: &str = peek::PROTOCOL_VERSION;

/// Method and params, without the id, without `_meta` but what is `kept` of it, without what an `initialize` says of the
/// client's name, and without `requestState` unless that `counts`.
pub(super) fn of(message: &JsonRpcMessage, kept: &[String], counts: bool) -> Vec<u8> {
    let mut out = br#"{"method":"#.to_vec();
    write_string(&mut out, message.method().unwrap_or_default());
    out.extend_from_slice(br#","params":"#);
    params(&mut out, message, kept, counts);
    out.push(b'}');
    out
}

fn params(out: &mut Vec<u8>, message: &JsonRpcMessage, kept: &[String], counts: bool) {
    // No params, and params without members, ask for the same.
    let params = message.params().unwrap_or(b"{}");
    if params.first() != Some(&b'{') {
        out.extend_from_slice(params);
        return;
    }
    let is_initialize = message.is_method(method::INITIALIZE);
    let mut object = Members::begin(out);
    for member in members(params) {
        if member.is("_meta") {
            meta(&mut object, member.value, kept);
            continue;
        }
        let is_name = is_initialize && member.is("clientInfo");
        let is_state = !counts && member.is("requestState");
        if !is_name && !is_state {
            object.add(&params[member.whole]);
        }
    }
    object.end();
}

fn meta(object: &mut Members<'_>, json: &[u8], kept: &[String]) {
    let mut inner = Vec::new();
    let mut kept_members = Members::begin(&mut inner);
    for member in members(json).filter(|member| kept.iter().any(|key| member.is(key))) {
        kept_members.add(&json[member.whole]);
    }
    if kept_members.end() {
        object.add(&[br#""_meta":"#, &inner[..]].concat());
    }
}

/// An object that is written member by member.
struct Members<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Members<'a> {
    fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    fn add(&mut self, member: &[u8]) {
        if !self.empty {
            self.out.push(b',');
        }
        self.empty = false;
        self.out.extend_from_slice(member);
    }

    /// Whether it has any.
    fn end(self) -> bool {
        self.out.push(b'}');
        !self.empty
    }
}

/// What a request asks for, for people: its method, and `what`.
pub(super) fn title(message: &JsonRpcMessage, what: Option<String>) -> String {
    const LONGEST: usize = 120;
    let method = message.method().unwrap_or("?");
    let title = what.map_or_else(|| method.to_owned(), |what| format!("{method} {what:?}"));
    match title.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &title[..end]),
        None => title,
    }
}

/// The tool, prompt or resource that a request names.
pub(super) fn subject(message: &JsonRpcMessage) -> Option<String> {
    name(message).or_else(|| peek::resource_uri(message).ok().flatten().map(Cow::into_owned))
}

/// The tool or prompt that a request names.
pub(super) fn name(message: &JsonRpcMessage) -> Option<String> {
    let found = [peek::tool_name(message), peek::prompt_name(message)];
    found.into_iter().find_map(|found| found.ok().flatten()).map(Cow::into_owned)
}
