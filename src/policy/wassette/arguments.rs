//! What calls of tools that manage ask for, read in the one shape that every version takes.

use std::borrow::Cow;

use super::Refusal;
use crate::message::members;
use crate::protocol::peek;
use crate::wassette::policy::Policy;
use crate::wassette::{ComponentId, ComponentUri, PermissionKind};

/// The members of these names: all of them, and no other.
fn members_of<'a, const N: usize>(
    json: Option<&'a [u8]>,
    what: &str,
    names: [&str; N],
) -> Result<[&'a [u8]; N], Refusal> {
    let json = json.filter(|json| *json != b"null").unwrap_or(b"{}");
    let wrong = |why: String| Refusal::Arguments(format!("{what}: {why}"));
    if json.first() != Some(&b'{') {
        return Err(wrong("expected an object".to_owned()));
    }
    if members(json).any(|member| !names.iter().any(|name| member.is(name))) {
        return Err(wrong(format!("only these are known: {}", names.join(", "))));
    }
    let mut found = [&[][..]; N];
    for (at, name) in names.into_iter().enumerate() {
        let value = peek::member(json, name).map_err(|why| wrong(format!("`{name}`: {why}")))?;
        found[at] = value.ok_or_else(|| wrong(format!("`{name}` is missing")))?;
    }
    Ok(found)
}

fn text<'a>(json: &'a [u8], name: &str) -> Result<Cow<'a, str>, Refusal> {
    peek::string(json).map_err(|why| Refusal::Arguments(format!("`{name}`: {why}")))
}

fn id(json: &[u8], name: &str) -> Result<ComponentId, Refusal> {
    text(json, name)?.parse().map_err(Refusal::Id)
}

/// None at all.
pub(super) fn none(json: Option<&[u8]>) -> Result<(), Refusal> {
    members_of(json, "arguments", []).map(|[]| ())
}

/// Any object: what it asks for is only read.
pub(super) fn any(json: Option<&[u8]>) -> Result<(), Refusal> {
    match json.unwrap_or(b"{}").first() {
        Some(b'{' | b'n') => Ok(()),
        _ => Err(Refusal::Arguments("arguments: expected an object".to_owned())),
    }
}

/// `{path: URI}`.
pub(super) fn uri(json: Option<&[u8]>) -> Result<ComponentUri, Refusal> {
    let [path] = members_of(json, "arguments", ["path"])?;
    text(path, "path")?.parse().map_err(Refusal::Uri)
}

/// `{NAME: ID}`.
pub(super) fn component(json: Option<&[u8]>, name: &str) -> Result<ComponentId, Refusal> {
    let [component] = members_of(json, "arguments", [name])?;
    id(component, name)
}

/// `{component_id: ID, details: {…}}`; the details are returned as they stand.
pub(super) fn grant(json: Option<&[u8]>) -> Result<&[u8], Refusal> {
    let [component, details] = members_of(json, "arguments", ["component_id", "details"])?;
    id(component, "component_id")?;
    Ok(details)
}

/// The same, of what is taken back: files are named by their URI, in older versions with the ways of access.
pub(super) fn revocation(json: Option<&[u8]>, kind: PermissionKind) -> Result<(), Refusal> {
    let details = grant(json)?;
    if kind == PermissionKind::Storage
        && let Ok([uri]) = members_of(Some(details), "details", ["uri"])
    {
        return text(uri, "uri").map(|_| ());
    }
    Policy::from_grant(kind, details).map(|_| ()).map_err(|why| Refusal::Arguments(why.to_string()))
}
