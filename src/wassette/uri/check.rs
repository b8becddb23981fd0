use super::{BadUri, ComponentUri, Spans, oci, path};
use crate::wassette::host;

pub(super) fn spans(text: &str) -> Result<Spans, BadUri> {
    if text.len() > ComponentUri::MAX {
        return Err(BadUri::new("a component's URI has at most 4096 bytes", ComponentUri::MAX));
    }
    let bad = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '#' | '<' | '>' | '"');
    if let Some(at) = text.find(bad) {
        return Err(BadUri::new(
            "a URI has no blanks, control characters, `\\`, `#`, quotes or brackets",
            at,
        ));
    }
    match text.split_once("://") {
        Some(("file", rest)) => file(text, rest),
        Some(("oci", rest)) => oci::read(rest, text.len() - rest.len()).map(Spans::Oci),
        Some(("https", rest)) => https(text, rest),
        _ => Err(BadUri::new("a component's URI begins with file://, oci:// or https://", 0)),
    }
}

fn file(text: &str, path: &str) -> Result<Spans, BadUri> {
    let at = text.len() - path.len();
    if !path.starts_with('/') {
        return Err(BadUri::new("the path of a file:// URI is absolute and has no host", at));
    }
    if let Some(query) = path.find('?') {
        return Err(BadUri::new("a file:// URI has no query", at + query));
    }
    path::check(path, at)?;
    if path.ends_with('/') {
        return Err(BadUri::new("a component is a file, not a directory", text.len()));
    }
    Ok(Spans::File { path: at })
}

fn https(text: &str, rest: &str) -> Result<Spans, BadUri> {
    let start = text.len() - rest.len();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (host_end, port) = authority(&rest[..end], start)?;
    let path = &rest[end..];
    let without_query = path.split('?').next().unwrap_or_default();
    if without_query.len() < 2 || !without_query.starts_with('/') {
        return Err(BadUri::new("an https:// URI of a component has a path", start + end));
    }
    path::check(without_query, start + end)?;
    Ok(Spans::Https { host: start..start + host_end, port, path: start + end })
}

/// Where the host ends, and the port.
pub(super) fn authority(text: &str, at: usize) -> Result<(usize, Option<u16>), BadUri> {
    if let Some(user) = text.find('@') {
        return Err(BadUri::new("a URI holds no user name or password", at + user));
    }
    let colon = text.rfind(':').filter(|colon| !text[*colon..].contains(']'));
    let host_end = colon.unwrap_or(text.len());
    host::check(&text[..host_end]).map_err(|why| BadUri::new(why, at))?;
    let port = colon.map(|colon| host::port(&text[colon + 1..]).ok_or(colon)).transpose();
    let port = port.map_err(|colon| BadUri::new("a port is a number from 1 to 65535", at + colon + 1))?;
    Ok((host_end, port))
}
