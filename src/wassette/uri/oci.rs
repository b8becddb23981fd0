//! References by the OCI distribution specification (v1.1, pulling manifests).

use std::ops::Range;

use super::{BadUri, check};

/// Where the parts stand in the URI.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reference {
    pub(super) registry: Range<usize>,
    pub(super) repository: Range<usize>,
    pub(super) tag: Option<Range<usize>>,
    pub(super) digest: Option<Range<usize>>,
}

/// Reads what follows `oci://`, which begins at byte `at`.
pub(super) fn read(text: &str, at: usize) -> Result<Reference, BadUri> {
    let Some((registry, rest)) = text.split_once('/') else {
        return Err(BadUri::new("an oci:// URI has a registry and a name", at + text.len()));
    };
    check::authority(registry, at)?;
    // Clients take a first part without these for a name on docker.io.
    if !(registry.contains(['.', ':']) || registry == "localhost") {
        return Err(BadUri::new("a registry has a dot or a port, or is localhost", at));
    }
    let start = at + registry.len() + 1;
    let (rest, digest) = split(rest, rest.find('@'), start);
    let (name, tag) = split(rest, rest.find(':'), start);
    if !is_name(name) {
        return Err(BadUri::new("a name is of lower-case letters, digits and single separators", start));
    }
    if let Some((tag, at)) = tag.filter(|(tag, _)| !is_tag(tag)) {
        let why = if tag.len() > 128 { "a tag has at most 128 characters" } else { "this is no tag" };
        return Err(BadUri::new(why, at));
    }
    if let Some((_, at)) = digest.filter(|(digest, _)| !is_digest(digest)) {
        return Err(BadUri::new("this is no digest", at));
    }
    let range = |(text, at): (&str, usize)| at..at + text.len();
    Ok(Reference {
        registry: at..at + registry.len(),
        repository: start..start + name.len(),
        tag: tag.map(range),
        digest: digest.map(range),
    })
}

/// What stands before a separator, and what behind it with its place.
fn split(text: &str, separator: Option<usize>, at: usize) -> (&str, Option<(&str, usize)>) {
    match separator {
        Some(found) => (&text[..found], Some((&text[found + 1..], at + found + 1))),
        None => (text, None),
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= 255 && name.split('/').all(is_part)
}

/// Letters and digits, between which stand `.`, `_`, `__` or hyphens.
fn is_part(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let edges = part.starts_with(plain) && part.ends_with(plain);
    let separators = part.split(plain).filter(|between| !between.is_empty());
    let known = |between: &str| matches!(between, "." | "_" | "__") || between.bytes().all(|b| b == b'-');
    edges && separators.into_iter().all(known)
}

fn is_tag(tag: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    tag.len() <= 128 && tag.starts_with(word) && tag.chars().all(|c| word(c) || c == '.' || c == '-')
}

fn is_digest(digest: &str) -> bool {
    let Some((algorithm, encoded)) = digest.split_once(':') else { return false };
    let is_hex = |length: usize| {
        encoded.len() == length && encoded.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    match algorithm {
        "sha256" => is_hex(64),
        "sha512" => is_hex(128),
        _ => is_algorithm(algorithm) && is_encoded(encoded),
    }
}

fn is_algorithm(text: &str) -> bool {
    let plain =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.split(['+', '.', '_', '-']).all(plain)
}

fn is_encoded(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'=' | b'_' | b'-'))
}
