//! A server under another address than its own, and what of its documents must say so.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{HeaderValue, Uri};

use super::challenge;
use crate::message::JsonRpcMessage;
use crate::protocol::peek;

/// Where the documents about a server stand (RFC 8615); what follows is their kind, and then the server's path.
const WELL_KNOWN: &str = "/.well-known/";

/// Not an `http` or `https` address with a host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address of a server, such as https://example.com/mcp")]
#[non_exhaustive]
pub struct InvalidRelocation(Uri);

/// A server's endpoint, and the address that clients reach it at through us.
///
/// An OAuth client refuses a server whose protected resource metadata is about another address than the one it called
/// (RFC 9728, section 3.3). This tells it ours instead, in `resource` and in a challenge's `resource_metadata`; an
/// address of any other origin is left alone, and so is every other byte.
///
/// ```
/// use shadowcat::wire::http::Relocation;
///
/// let relocation = Relocation::new("https://up.example/v1/mcp".parse()?, "http://127.0.0.1:8080/mcp".parse()?)?;
/// let challenge = r#"Bearer scope="a", resource_metadata="https://up.example/.well-known/oauth-protected-resource/v1/mcp""#;
/// assert_eq!(
///     relocation.challenge(&challenge.parse()?),
///     r#"Bearer scope="a", resource_metadata="http://127.0.0.1:8080/.well-known/oauth-protected-resource/mcp""#
/// );
/// let document = r#"{ "resource": "https://up.example/v1/mcp", "authorization_servers": ["https://up.example"] }"#;
/// assert_eq!(
///     relocation.metadata(&document.into()).unwrap(),
///     r#"{ "resource": "http://127.0.0.1:8080/mcp", "authorization_servers": ["https://up.example"] }"#
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Relocation {
    upstream: Place,
    own: Place,
    /// Where a challenge said that the metadata is; all clones know it.
    named: Arc<Mutex<Option<String>>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    scheme: Scheme,
    authority: Authority,
    /// Empty at the root.
    path: String,
}

impl Relocation {
    /// `upstream`: the endpoint as the server itself calls it; `own`: as clients reach it. Queries do not count.
    ///
    /// # Errors
    ///
    /// One of the two is no address of a server.
    pub fn new(upstream: Uri, own: Uri) -> Result<Self, InvalidRelocation> {
        Ok(Self { upstream: Place::of(upstream)?, own: Place::of(own)?, named: Arc::default() })
    }

    /// The values of a `WWW-Authenticate`, with the address of the metadata changed.
    pub fn challenge(&self, value: &HeaderValue) -> HeaderValue {
        challenge::rewrite(value, |address| {
            let ours = self.address(address)?;
            let path = ours.parse::<Uri>().ok()?.path().to_owned();
            *self.named.lock().unwrap_or_else(PoisonError::into_inner) = Some(path);
            Some(ours)
        })
    }

    /// Whether the last challenge said that the metadata is at this path of ours: a server may have it anywhere.
    pub fn is_named(&self, path: &str) -> bool {
        self.named.lock().unwrap_or_else(PoisonError::into_inner).as_deref() == Some(path)
    }

    /// A protected resource metadata document with its `resource` changed; `None` for what is no such document.
    pub fn metadata(&self, document: &Bytes) -> Option<Bytes> {
        self.member(document, "resource")
    }

    /// The metadata of an authorization server with its `issuer` changed, for clients that know the server by our
    /// address only and compare the two (RFC 8414, section 3.3): those of 2025-03-26, which ask the MCP server itself.
    pub fn issuer(&self, document: &Bytes) -> Option<Bytes> {
        self.member(document, "issuer")
    }

    /// The object with the address in `key` changed.
    fn member(&self, document: &Bytes, key: &str) -> Option<Bytes> {
        // The scanner reads messages; and what readers would disagree about is none.
        const HEAD: &[u8] = br#"{"jsonrpc":"2.0","id":0,"result":"#;
        let scanned = JsonRpcMessage::parse([HEAD, document, b"}"].concat()).ok()?;
        let object = scanned.result().filter(|result| result.starts_with(b"{"))?;
        let (value, text) = (peek::member(object, key).ok()?, peek::text(object, key).ok()?);
        let (Some(value), Some(address)) = (value, text.and_then(|text| self.address(&text))) else {
            return Some(document.clone());
        };
        let start = value.as_ptr() as usize - scanned.bytes().as_ptr() as usize - HEAD.len();
        let (before, after) = (&document[..start], &document[start + value.len()..]);
        Some([before, &serde_json::to_vec(&address).ok()?, after].concat().into())
    }

    /// The path at the server of a document about it that a client asks us for.
    pub fn path_of_document(&self, path: &str) -> String {
        moved_path(path, &self.own.path, &self.upstream.path)
    }

    /// Ours for an address at the server's origin.
    fn address(&self, text: &str) -> Option<String> {
        let uri: Uri = text.parse().ok()?;
        if text.contains('#') || !self.upstream.is_origin_of(&uri) {
            return None;
        }
        // `http://host` alone parses as if a slash followed.
        let is_bare = uri.path() == "/" && !text.split('?').next()?.ends_with('/');
        let path = moved_path(if is_bare { "" } else { uri.path() }, &self.upstream.path, &self.own.path);
        let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
        Some(format!("{}://{}{path}{query}", self.own.scheme, self.own.authority))
    }
}

impl Place {
    fn of(uri: Uri) -> Result<Self, InvalidRelocation> {
        let parts = uri.clone().into_parts();
        let is_known = |scheme: &Scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme);
        match (parts.scheme.filter(is_known), parts.authority) {
            (Some(scheme), Some(authority)) if !authority.as_str().contains('@') => {
                let path = uri.path().strip_suffix('/').unwrap_or(uri.path()).to_owned();
                Ok(Self { scheme, authority, path })
            }
            _ => Err(InvalidRelocation(uri)),
        }
    }

    fn is_origin_of(&self, uri: &Uri) -> bool {
        let usual = if self.scheme == Scheme::HTTPS { 443 } else { 80 };
        let Some(other) = uri.authority().filter(|other| !other.as_str().contains('@')) else { return false };
        uri.scheme() == Some(&self.scheme)
            && other.host().eq_ignore_ascii_case(self.authority.host())
            && other.port_u16().unwrap_or(usual) == self.authority.port_u16().unwrap_or(usual)
    }
}

/// The endpoint's path, or that of a document about it, for the other side.
fn moved_path(path: &str, from: &str, to: &str) -> String {
    if path == from || (from.is_empty() && path == "/") {
        return to.to_owned();
    }
    let Some((kind, of)) =
        path.strip_prefix(WELL_KNOWN).map(|rest| rest.split_at(rest.find('/').unwrap_or(rest.len())))
    else {
        return path.to_owned();
    };
    // A document at the root may be about any path.
    if of == from && !of.is_empty() { format!("{WELL_KNOWN}{kind}{to}") } else { path.to_owned() }
}
