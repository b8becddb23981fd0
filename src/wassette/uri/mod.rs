//! Where a component comes from.

mod check;
mod oci;
mod path;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// The URI of a component, as `load-component` takes it: `file://`, `oci://` or `https://`.
///
/// It is read strictly, so that what a rule compares is where Wassette begins to load: no user names or passwords, no
/// `..` behind any layer of percent escapes, no second spelling of a host. It is written back exactly as it was given.
///
/// For `https://` this is not where it must end: Wassette follows redirects to any host, and takes the id of the
/// component from the last URL. A rule that allows a web server trusts it in both.
///
/// ```
/// use shadowcat::wassette::{ComponentUri, UriParts};
///
/// let uri: ComponentUri = "oci://ghcr.io/microsoft/time-server-js:latest".parse()?;
/// let UriParts::Oci { registry, repository, tag, digest } = uri.parts() else { panic!() };
/// assert_eq!((registry, repository, tag, digest), ("ghcr.io", "microsoft/time-server-js", Some("latest"), None));
///
/// let error = "file:///components/%2e%2e/secret.wasm".parse::<ComponentUri>().unwrap_err();
/// assert_eq!(error.to_string(), "a path has no `..`, at byte 19");
/// # Ok::<(), shadowcat::wassette::BadUri>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ComponentUri {
    text: Box<str>,
    spans: Spans,
}

/// Where the parts stand in the text.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Spans {
    File { path: usize },
    Oci(oci::Reference),
    Https { host: Range<usize>, port: Option<u16>, path: usize },
}

/// The kinds of URI that Wassette loads from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scheme {
    /// A file on the machine that runs Wassette.
    File,
    /// An OCI registry.
    Oci,
    /// A web server.
    Https,
}

impl Scheme {
    /// As it is written, without `://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Oci => "oci",
            Self::Https => "https",
        }
    }
}

/// The parts of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UriParts<'a> {
    /// `file://` and an absolute path.
    File {
        /// The path as written: Wassette takes `%20` for three characters.
        path: &'a str,
    },
    /// `oci://registry/repository:tag@digest`.
    Oci {
        /// The host, with its port if it was given.
        registry: &'a str,
        /// The name.
        repository: &'a str,
        /// The tag; `latest` is meant where neither tag nor digest is given.
        tag: Option<&'a str>,
        /// The digest, such as `sha256:…`.
        digest: Option<&'a str>,
    },
    /// `https://host:port/path?query`.
    Https {
        /// The host in lower case.
        host: &'a str,
        /// The port, if it was given.
        port: Option<u16>,
        /// The path, with the query if there is one.
        path: &'a str,
    },
}

impl ComponentUri {
    /// The longest URI that is taken, in bytes.
    pub const MAX: usize = 4_096;

    /// Exactly as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Which kind it is.
    pub fn scheme(&self) -> Scheme {
        match self.spans {
            Spans::File { .. } => Scheme::File,
            Spans::Oci(_) => Scheme::Oci,
            Spans::Https { .. } => Scheme::Https,
        }
    }

    /// Its parts.
    pub fn parts(&self) -> UriParts<'_> {
        let text = &*self.text;
        match &self.spans {
            Spans::File { path } => UriParts::File { path: &text[*path..] },
            Spans::Https { host, port, path } => {
                UriParts::Https { host: &text[host.clone()], port: *port, path: &text[*path..] }
            }
            Spans::Oci(reference) => UriParts::Oci {
                registry: &text[reference.registry.clone()],
                repository: &text[reference.repository.clone()],
                tag: reference.tag.clone().map(|tag| &text[tag]),
                digest: reference.digest.clone().map(|digest| &text[digest]),
            },
        }
    }

    /// Whether it can only ever mean the same bytes: an OCI reference with a digest by SHA-256 or SHA-512. Other
    /// algorithms are read, but whether they are checked, and how weak they are, is not known.
    pub fn is_pinned(&self) -> bool {
        let UriParts::Oci { digest: Some(digest), .. } = self.parts() else { return false };
        // A digest that was read has as many digits as its algorithm gives.
        digest.starts_with("sha256:") || digest.starts_with("sha512:")
    }
}

impl fmt::Display for ComponentUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl AsRef<str> for ComponentUri {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

impl FromStr for ComponentUri {
    type Err = BadUri;

    fn from_str(text: &str) -> Result<Self, BadUri> {
        Ok(Self { text: text.into(), spans: check::spans(text)? })
    }
}

/// A text that is no URI of a component: what is wrong, and at which byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}, at byte {at}")]
#[non_exhaustive]
pub struct BadUri {
    /// What is wrong.
    pub why: &'static str,
    /// The byte at which it was noticed, counted from 0.
    pub at: usize,
}

impl BadUri {
    fn new(why: &'static str, at: usize) -> Self {
        Self { why, at }
    }
}
