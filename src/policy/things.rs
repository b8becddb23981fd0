//! What a message is about.

use std::borrow::Cow;

use super::Subject;
use crate::message::{JsonRpcMessage, elements, is_confusable, members};
use crate::protocol::{method, peek};

/// A message that peers may read in different ways, or that names nothing where it has to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// It passed only the transparent scan.
    #[error("it passed only the transparent scan")]
    NotStrict,
    /// Some peer takes it for a method that is judged.
    #[error("some peers take its method for another")]
    Method,
    /// Some peer reads a key as one that is judged.
    #[error("some peers take a key for another")]
    Key,
    /// The name or URI is not there, or is no text.
    #[error("it does not name what it is about")]
    Name,
}

/// What a message names, besides its method.
#[derive(Debug)]
pub(crate) enum Things<'a> {
    None,
    One(Subject<'a>),
    /// All of these.
    Many(Vec<Subject<'a>>),
}

/// Keys of parameters that are read here; some peer may read others as these.
const KEYS: [&str; 11] = [
    "name",
    "uri",
    "arguments",
    "_meta",
    "task",
    "ref",
    "notifications",
    "inputResponses",
    "requestState",
    "cursor",
    "__proto__",
];

/// A listen that watches more resources is refused: each of them is decided about.
const MOST_WATCHED: usize = 1_024;

/// Requests and notifications of either side.
pub(crate) fn things<'a>(message: &'a JsonRpcMessage, method: &str) -> Result<Things<'a>, Malformed> {
    let one = |subject| Ok(Things::One(subject));
    let params = message.params().unwrap_or_default();
    match method {
        method::TOOLS_CALL => one(Subject::tool(named(params, "name")?)),
        method::PROMPTS_GET => one(Subject::prompt(named(params, "name")?)),
        method::RESOURCES_READ
        | method::RESOURCES_SUBSCRIBE
        | method::RESOURCES_UNSUBSCRIBE
        | method::RESOURCES_UPDATED => one(Subject::resource(named(params, "uri")?)),
        method::COMPLETE => one(referred(params)?),
        method::LISTEN => watched(params),
        _ if method::ALL.contains(&method) => Ok(Things::None),
        _ if is_confusable(method, &method::ALL) => Err(Malformed::Method),
        _ => Ok(Things::None),
    }
}

/// Whether every key in `json` is itself, whoever reads it.
pub(crate) fn check_keys(json: &[u8], keys: &[&str]) -> Result<(), Malformed> {
    let odd = members(json).any(|member| {
        let key = member.key();
        key == "__proto__" || (!keys.contains(&&*key) && is_confusable(&key, keys))
    });
    if odd { Err(Malformed::Key) } else { Ok(()) }
}

/// A text that is there and not empty.
pub(crate) fn text<'a>(json: &'a [u8], key: &str) -> Result<Cow<'a, str>, Malformed> {
    let text = peek::text(json, key).ok().flatten();
    text.filter(|text| !text.is_empty()).ok_or(Malformed::Name)
}

fn named<'a>(params: &'a [u8], key: &str) -> Result<Cow<'a, str>, Malformed> {
    check_keys(params, &KEYS)?;
    text(params, key)
}

/// What a `completion/complete` completes for.
fn referred(params: &[u8]) -> Result<Subject<'_>, Malformed> {
    check_keys(params, &KEYS)?;
    let reference = peek::member(params, "ref").ok().flatten().ok_or(Malformed::Name)?;
    check_keys(reference, &["type", "name", "uri", "title"])?;
    match &*text(reference, "type")? {
        "ref/prompt" => text(reference, "name").map(Subject::prompt),
        "ref/resource" => text(reference, "uri").map(Subject::template),
        _ => Err(Malformed::Name),
    }
}

/// The resources that a `subscriptions/listen` watches.
fn watched(params: &[u8]) -> Result<Things<'_>, Malformed> {
    check_keys(params, &KEYS)?;
    let filter = peek::member(params, "notifications").map_err(|_| Malformed::Key)?.unwrap_or_default();
    check_keys(filter, &["resourceSubscriptions"])?;
    let uris = peek::member(filter, "resourceSubscriptions").map_err(|_| Malformed::Key)?;
    let Some(uris) = uris.filter(|uris| *uris != b"null") else { return Ok(Things::None) };
    if !uris.starts_with(b"[") {
        return Err(Malformed::Name);
    }
    let mut subjects = Vec::new();
    for place in elements(uris) {
        let uri = peek::string(&uris[place]).ok().filter(|uri| !uri.is_empty());
        let uri = uri.filter(|_| subjects.len() < MOST_WATCHED).ok_or(Malformed::Name)?;
        subjects.push(Subject::resource(uri));
    }
    Ok(Things::Many(subjects))
}
