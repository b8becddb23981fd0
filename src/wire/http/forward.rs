//! Which headers of a client's request go on to the server, and of its answer back: next to none.

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE, COOKIE, HeaderMap,
    HeaderName, RETRY_AFTER, SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE, WWW_AUTHENTICATE,
};

use crate::protocol::header::PARAM_PREFIX;

/// Where keys are sent that are no `Authorization`.
const KEYS: [&str; 9] = [
    "api-key",
    "apikey",
    "x-access-token",
    "x-amz-security-token",
    "x-api-key",
    "x-auth-token",
    "x-gitlab-token",
    "x-goog-api-key",
    "x-vault-token",
];

/// A credential of the client, of a proxy on the way, or of the server: never passed on. With the feature `secret`,
/// so is every header with a name that says so (`secret::sensitivity`).
///
/// ```
/// use shadowcat::wire::http::is_credential;
///
/// assert!(is_credential(&http::header::AUTHORIZATION) && !is_credential(&http::header::ACCEPT));
/// assert!(is_credential(&http::HeaderName::from_static("x-api-key")));
/// ```
pub fn is_credential(name: &HeaderName) -> bool {
    const NAMES: [HeaderName; 3] = [AUTHORIZATION, COOKIE, SET_COOKIE];
    NAMES.contains(name) || is_proxy(name) || KEYS.contains(&name.as_str()) || is_sensitive(name)
}

/// What mirrors an argument is judged by what it says, too, where it is sent on.
#[cfg(feature = "secret")]
fn is_sensitive(name: &HeaderName) -> bool {
    use crate::secret::{Sensitivity, sensitivity};

    !name.as_str().starts_with("mcp-") && sensitivity(name.as_str()) != Sensitivity::None
}

#[cfg(not(feature = "secret"))]
fn is_sensitive(_: &HeaderName) -> bool {
    false
}

/// Those in which no secret is found, by name or by value; all of them without the feature `secret`. A server that
/// misses one refuses the call.
pub(super) fn without_secrets(headers: &HeaderMap) -> HeaderMap {
    #[cfg(feature = "secret")]
    let is_fine = |name: &HeaderName, value: &http::HeaderValue| {
        let (detector, name) = (crate::secret::shared(), name.as_str().trim_start_matches(PARAM_PREFIX));
        let value = String::from_utf8_lossy(value.as_bytes());
        !detector.is_secret_member(name, &value) && detector.find(&value).is_empty()
    };
    #[cfg(not(feature = "secret"))]
    let is_fine = |_: &HeaderName, _: &http::HeaderValue| true;
    let fine = headers.iter().filter(|(name, value)| is_fine(name, value));
    fine.map(|(name, value)| (name.clone(), value.clone())).collect()
}

/// A header that is about this connection and no other (RFC 9110, section 7.6.1).
pub fn is_hop_by_hop(name: &HeaderName) -> bool {
    const NAMES: [HeaderName; 5] = [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];
    let old = matches!(name.as_str(), "keep-alive" | "http2-settings");
    old || NAMES.contains(name) || is_proxy(name)
}

fn is_proxy(name: &HeaderName) -> bool {
    name.as_str().starts_with("proxy-")
}

/// What goes on with a request whose body nobody changed: `Mcp-Param-…`, known here or not, and `also`. Credentials,
/// headers of the connection and what `Connection` names stay, whatever `also` says.
///
/// A layer may have taken a secret out of the body that still stands in a header: a request that was changed gets
/// the headers of [`request_headers`](super::request_headers) and none of these.
///
/// ```
/// use http::HeaderMap;
/// use shadowcat::wire::http::forwarded;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("mcp-param-region", "eu".parse()?);
/// headers.insert("x-tenant", "7".parse()?);
/// headers.insert("authorization", "Bearer secret".parse()?);
/// headers.insert("x-forwarded-for", "127.0.0.1".parse()?);
/// let on = forwarded(&headers, &["x-tenant".parse()?, "authorization".parse()?]);
/// assert!(on.len() == 2 && on["mcp-param-region"] == "eu" && on["x-tenant"] == "7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn forwarded(headers: &HeaderMap, also: &[HeaderName]) -> HeaderMap {
    let mut on = HeaderMap::new();
    for (name, value) in headers {
        let wanted = name.as_str().starts_with(PARAM_PREFIX) || also.contains(name);
        if wanted && !is_credential(name) && !is_hop_by_hop(name) && !is_nominated(headers, name) {
            on.append(name.clone(), value.clone());
        }
    }
    on
}

/// What goes back to the client of an answer that is a refusal: the challenge, when to try again, and, if the body goes
/// back as it is, what the body is.
///
/// ```
/// use http::HeaderMap;
/// use shadowcat::wire::http::returned;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("www-authenticate", r#"Bearer error="insufficient_scope", scope="a b""#.parse()?);
/// headers.insert("content-type", "text/html".parse()?);
/// headers.insert("set-cookie", "session=1".parse()?);
/// assert!(returned(&headers, true).len() == 2 && returned(&headers, false).len() == 1);
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub fn returned(headers: &HeaderMap, with_body: bool) -> HeaderMap {
    const OF_BODY: [HeaderName; 3] = [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE];
    let mut back = HeaderMap::new();
    for (name, value) in headers {
        let wanted = [WWW_AUTHENTICATE, RETRY_AFTER].contains(name) || (with_body && OF_BODY.contains(name));
        if wanted && !is_nominated(headers, name) {
            back.append(name.clone(), value.clone());
        }
    }
    back
}

/// `Connection` says of it that it is about this connection.
///
/// ```
/// use http::{HeaderMap, header::VIA};
/// use shadowcat::wire::http::is_nominated;
///
/// let mut headers = HeaderMap::new();
/// headers.insert("connection", "close, Via".parse()?);
/// assert!(is_nominated(&headers, &VIA));
/// # Ok::<(), http::header::InvalidHeaderValue>(())
/// ```
pub fn is_nominated(headers: &HeaderMap, name: &HeaderName) -> bool {
    tokens(headers, &CONNECTION).any(|token| name.as_str().eq_ignore_ascii_case(token))
}

/// The entries of a header that is a list, in all its fields. One that is not ASCII holds none.
pub(super) fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    let fields = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    fields.flat_map(|field| field.split(',')).map(str::trim).filter(|token| !token.is_empty())
}
