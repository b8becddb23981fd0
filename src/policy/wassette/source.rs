//! Where components may come from.

use std::path::PathBuf;

use wildmatch::WildMatch;

use super::pattern::Parts;
use super::{Digest, Refusal};
use crate::wassette::policy::HostPattern;
use crate::wassette::{ComponentUri, UriParts};

/// The longest pattern, in bytes.
const MAX: usize = 4_096;

/// Where components may come from: a pattern for their URI, and what pins them.
///
/// | pattern | takes |
/// |---|---|
/// | `oci://ghcr.io/microsoft/*` | what has one more part, whatever its tag or digest |
/// | `oci://ghcr.io/microsoft/time:1.*` | such a tag (a reference without one has `latest`), and no digest in its place |
/// | `oci://ghcr.io/microsoft/time@sha256:…` | this digest; the same as with [`digest`](Self::digest) |
/// | `file:///components/*.wasm`, `file:///components/**` | a file in that folder; a file anywhere below |
/// | `https://*.example.com/tools/*` | a host below that name, on the port of `https` unless one is named; no query |
///
/// `*` and `?` stay between two slashes, `**` stands alone between them and is any number of parts. A host is written
/// out, or begins with `*.`. Links are followed by the file system: a pattern for files says where a path begins.
///
/// ```
/// use shadowcat::policy::wassette::Source;
/// use shadowcat::wassette::ComponentUri;
///
/// let web = Source::new("https://*.example.com/tools/*")?;
/// assert!(web.takes(&"https://a.example.com/tools/add.wasm".parse()?));
/// assert!(!web.takes(&"https://evil.test/a.example.com/tools/add.wasm".parse()?));
/// assert!(Source::new("file:///components/../etc/*").is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    text: Box<str>,
    shape: Shape,
    pin: Pin,
}

#[derive(Clone, Debug, PartialEq)]
enum Shape {
    File(Parts),
    Oci { registry: HostPattern, name: Parts, tag: Option<WildMatch> },
    Https { host: HostPattern, path: Parts },
}

#[derive(Clone, Debug, PartialEq)]
enum Pin {
    None,
    /// Some digest in the URI.
    Any,
    /// One of these, in the URI or of the file.
    These(Vec<Digest>),
}

/// A text that is no pattern of sources: why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadSource(pub(super) &'static str);

/// A file has to have one of these digests before it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FileCheck {
    /// Where it is.
    pub path: PathBuf,
    /// What it may be.
    pub digests: Vec<Digest>,
}

/// What one source says.
pub(super) enum Found {
    /// It is not meant.
    Other,
    Load,
    Check(Vec<Digest>),
    Refuse(Refusal),
}

impl Source {
    /// What matches the pattern, pinned or not.
    ///
    /// # Errors
    ///
    /// It is no pattern.
    pub fn new(pattern: &str) -> Result<Self, BadSource> {
        if pattern.len() > MAX {
            return Err(BadSource("a pattern has at most 4096 bytes"));
        }
        if pattern.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '\\' | '#')) {
            return Err(BadSource("a pattern has no blanks, control characters, `\\` and `#`"));
        }
        let (shape, pin) = match pattern.split_once("://") {
            Some(("file", rest)) => {
                let path =
                    rest.strip_prefix('/').ok_or("the path of a file:// URI is absolute and has no host");
                (path.and_then(Parts::read).map(Shape::File), Pin::None)
            }
            Some(("https", rest)) => (https(rest), Pin::None),
            Some(("oci", rest)) => match rest.split_once('@') {
                Some((rest, digest)) => {
                    let digest =
                        digest.parse().map_err(|_| BadSource("a digest is `sha256:` and 64 digits"))?;
                    (oci(rest), Pin::These(vec![digest]))
                }
                None => (oci(rest), Pin::None),
            },
            _ => (Err("a pattern begins with file://, oci:// or https://"), Pin::None),
        };
        Ok(Self { text: pattern.into(), shape: shape.map_err(BadSource)?, pin })
    }

    /// Only with a digest in the URI, whichever it is. No file and no `https://` has one: a pattern for these then
    /// takes nothing.
    pub fn pinned(mut self) -> Self {
        if self.pin == Pin::None {
            self.pin = Pin::Any;
        }
        self
    }

    /// Only with this digest, or another that is named so: in the URI, or of the file on disk.
    pub fn digest(mut self, digest: Digest) -> Self {
        match &mut self.pin {
            Pin::These(digests) => digests.push(digest),
            pin => *pin = Pin::These(vec![digest]),
        }
        self
    }

    /// The pattern as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the URI matches the pattern; pins are not looked at.
    pub fn takes(&self, uri: &ComponentUri) -> bool {
        match (&self.shape, uri.parts()) {
            (Shape::File(parts), UriParts::File { path }) => {
                path.strip_prefix('/').is_some_and(|path| parts.matches(path))
            }
            (Shape::Https { host, path }, UriParts::Https { host: name, port, path: found }) => {
                let is_there =
                    host.covers(name, host.port()) && host.port().unwrap_or(443) == port.unwrap_or(443);
                is_there
                    && !found.contains('?')
                    && found.strip_prefix('/').is_some_and(|found| path.matches(found))
            }
            (
                Shape::Oci { registry, name, tag },
                UriParts::Oci { registry: host, repository, tag: own, digest },
            ) => {
                // A tag says nothing where there is a digest, unless that is one of ours.
                let is_said = digest.is_none() || matches!(self.pin, Pin::These(_));
                let is_tagged =
                    tag.as_ref().is_none_or(|tag| is_said && tag.matches(own.unwrap_or("latest")));
                is_at(registry, host) && name.matches(repository) && is_tagged
            }
            _ => false,
        }
    }

    pub(super) fn judge(&self, uri: &ComponentUri) -> Found {
        if !self.takes(uri) {
            return Found::Other;
        }
        match (&self.pin, uri.parts()) {
            (Pin::None, _) => Found::Load,
            (Pin::Any, _) if uri.is_pinned() => Found::Load,
            (Pin::These(digests), UriParts::File { .. }) => Found::Check(digests.clone()),
            (Pin::These(digests), UriParts::Oci { digest: Some(digest), .. }) => {
                match digest.parse().is_ok_and(|digest: Digest| digests.contains(&digest)) {
                    true => Found::Load,
                    false => Found::Refuse(Refusal::OtherDigest),
                }
            }
            _ => Found::Refuse(Refusal::NotPinned),
        }
    }
}

/// A registry, which has a port only if it is written.
fn is_at(registry: &HostPattern, host: &str) -> bool {
    let Ok(host) = host.parse::<HostPattern>() else { return false };
    host.port() == registry.port() && registry.contains(&host)
}

fn https(rest: &str) -> Result<Shape, &'static str> {
    let (host, path) = rest.split_once('/').ok_or("a pattern has a path, such as https://example.com/*")?;
    Ok(Shape::Https { host: named(host)?, path: Parts::read(path)? })
}

fn oci(rest: &str) -> Result<Shape, &'static str> {
    let (registry, rest) = rest.split_once('/').ok_or("a pattern has a name, such as oci://ghcr.io/*")?;
    let (name, tag) = match rest.rsplit_once(':') {
        Some((_, "")) => return Err("a tag is not empty"),
        Some((_, tag)) if tag.contains('/') => return Err("a tag has no `/`"),
        Some((name, tag)) => (name, Some(WildMatch::new(tag))),
        None => (rest, None),
    };
    Ok(Shape::Oci { registry: named(registry)?, name: Parts::read(name)?, tag })
}

fn named(host: &str) -> Result<HostPattern, &'static str> {
    let host: HostPattern = host.parse()?;
    match host.is_any() {
        true => Err("a host is written out, or begins with `*.`"),
        false => Ok(host),
    }
}
