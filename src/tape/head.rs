//! What is known of a tape, as members of a JSON object.

use std::borrow::Cow;
use std::sync::Arc;

use super::object::{Object, Style};
use super::{Component, Json, Tape, TapeId, name, time};
use crate::message::{elements, members, write_string};
use crate::protocol::peek;

/// Writes `tape_id`, `session_id` and `metadata`.
pub(super) fn write(object: &mut Object<'_>, tape: &Tape) {
    object.text("tape_id", tape.id.as_str());
    object.some_text("session_id", tape.session.as_deref());
    object.object("metadata", |inner| metadata(inner, tape));
}

pub(super) fn metadata(object: &mut Object<'_>, tape: &Tape) {
    object.text("created_at", &time::utc(tape.created));
    if let Some(duration) = tape.duration {
        object.token("duration_ms", &time::millis(duration));
    }
    object.some_text("software", tape.software.as_deref());
    object.some_text("transport", tape.transport.as_deref());
    object.some_text("upstream_transport", tape.upstream_transport.as_deref());
    object.some_text("protocol_version", tape.protocol_version.as_deref());
    for (name, json) in [
        ("client_info", &tape.client_info),
        ("client_capabilities", &tape.client_capabilities),
        ("server_info", &tape.server_info),
        ("server_capabilities", &tape.server_capabilities),
    ] {
        if let Some(json) = json {
            object.json(name, json.as_str().as_bytes());
        }
    }
    object.some_text("redaction", tape.redaction.as_deref());
    if let Some(part) = tape.part {
        object.number("part", part.into());
    }
    if !tape.components.is_empty() {
        let mut list = b"[".to_vec();
        for component in &tape.components {
            if list.len() > 1 {
                list.push(b',');
            }
            write_component(&mut list, component);
        }
        list.push(b']');
        object.json("components", &list);
    }
    if !tape.labels.is_empty() {
        object.object("labels", |inner| {
            tape.labels.iter().for_each(|(name, text)| write_string(inner.foreign_key(name), text));
        });
    }
}

fn write_component(out: &mut Vec<u8>, component: &Component) {
    let mut object = Object::new(out, Style::Line);
    object.text("id", &component.id);
    object.some_text("uri", component.uri.as_deref());
    object.some_text("digest", component.digest.as_deref());
    object.some_text("policy", component.policy.as_deref());
    if !component.tools.is_empty() {
        let tools: Vec<&str> = component.tools.iter().map(|tool| &**tool).collect();
        object.token("tools", &serde_json::Value::from(tools).to_string());
    }
    object.end();
}

/// Reads what is known from an object that is JSON, with the members that [`write`] writes.
pub(super) fn read(json: &[u8]) -> Result<Tape, Cow<'static, str>> {
    let id = name_of(json, "tape_id")?.ok_or("there is no tape_id")?;
    let metadata = get(json, "metadata")?.unwrap_or(b"{}");
    let mut tape = metadata_of(TapeId::from_text(&id), metadata)?;
    tape.session = name_of(json, "session_id")?;
    Ok(tape)
}

/// What [`metadata`] writes.
pub(super) fn metadata_of(id: TapeId, metadata: &[u8]) -> Result<Tape, Cow<'static, str>> {
    let created = text(metadata, "created_at")?.ok_or("there is no created_at")?;
    let created = time::from_utc(&created).ok_or("created_at is no time as 2026-11-21T13:40:00Z")?;
    let mut tape = Tape::of(id, created);
    tape.duration = match get(metadata, "duration_ms")? {
        Some(number) => Some(time::from_millis(number).ok_or("duration_ms is no time")?),
        None => None,
    };
    tape.software = text(metadata, "software")?;
    tape.transport = text(metadata, "transport")?;
    tape.upstream_transport = text(metadata, "upstream_transport")?;
    tape.protocol_version = text(metadata, "protocol_version")?;
    tape.redaction = text(metadata, "redaction")?;
    tape.client_info = get(metadata, "client_info")?.and_then(Json::new);
    tape.client_capabilities = get(metadata, "client_capabilities")?.and_then(Json::new);
    tape.server_info = get(metadata, "server_info")?.and_then(Json::new);
    tape.server_capabilities = get(metadata, "server_capabilities")?.and_then(Json::new);
    let part = |digits| std::str::from_utf8(digits).ok()?.parse().ok();
    tape.part = get(metadata, "part")?.and_then(part);
    let components = get(metadata, "components")?.unwrap_or_default();
    tape.components = elements(components).map(|at| component(&components[at])).collect::<Result<_, _>>()?;
    for label in members(get(metadata, "labels")?.unwrap_or_default()) {
        let text = peek::string(label.value).map_err(|_| "a label is a text")?;
        tape.labels.insert(label.key().into_owned(), text.into_owned());
    }
    Ok(tape)
}

fn component(json: &[u8]) -> Result<Component, Cow<'static, str>> {
    let mut component = Component::new(name_of(json, "id")?.ok_or("a component without an id")?);
    component.uri = text(json, "uri")?;
    component.digest = text(json, "digest")?;
    component.policy = text(json, "policy")?;
    let tools = get(json, "tools")?.unwrap_or_default();
    for at in elements(tools) {
        component = component.tool(peek::string(&tools[at]).map_err(|_| "the name of a tool is a text")?);
    }
    Ok(component)
}

fn name_of(json: &[u8], key: &str) -> Result<Option<Arc<str>>, Cow<'static, str>> {
    name::read(key, peeked(json, key)?)
}

pub(super) fn text(json: &[u8], key: &str) -> Result<Option<Arc<str>>, Cow<'static, str>> {
    Ok(peeked(json, key)?.map(Into::into))
}

fn peeked<'a>(json: &'a [u8], key: &str) -> Result<Option<Cow<'a, str>>, Cow<'static, str>> {
    let text = get(json, key)?.map(peek::string).transpose();
    text.map_err(|_| format!("{key} is no text").into())
}

/// What is `null` is not there.
pub(super) fn get<'a>(json: &'a [u8], key: &str) -> Result<Option<&'a [u8]>, Cow<'static, str>> {
    let value = peek::member(json, key).map_err(|_| format!("{key:?} stands twice"))?;
    Ok(value.filter(|value| *value != b"null"))
}
