//! Where the older transport takes messages: an address that the server names, and that must be its own.

use http::Uri;
use http::uri::Scheme;

use crate::error::Error;

/// The address that `reference` names, seen from `base`: its origin must be the same, because everything that we
/// send goes there, credentials included.
pub(super) fn resolve(base: &Uri, reference: &[u8]) -> Result<Uri, Error> {
    let unreadable = || Error::invalid("the server named an endpoint that is no address");
    let text = std::str::from_utf8(reference).map_err(|_| unreadable())?;
    // Some readers take `\` for `/`, and drop tabs.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\') {
        return Err(unreadable());
    }
    let text = text.split('#').next().unwrap_or_default();
    let scheme = base.scheme_str().unwrap_or("http");
    let authority = base.authority().map_or("", |authority| authority.as_str());
    let whole = if has_scheme(text) {
        text.to_owned()
    } else if text.starts_with("//") {
        format!("{scheme}:{text}")
    } else {
        format!("{scheme}://{authority}{}", path(base, text))
    };
    let uri: Uri = whole.parse().map_err(|_| unreadable())?;
    if !is_same_origin(base, &uri) {
        return Err(Error::invalid("the server named an endpoint of another origin"));
    }
    Ok(uri)
}

fn has_scheme(text: &str) -> bool {
    text.split_once(':').is_some_and(|(scheme, _)| {
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        scheme.starts_with(|first: char| first.is_ascii_alphabetic()) && scheme.bytes().all(is_part)
    })
}

/// Path and query (RFC 3986, section 5.2).
fn path(base: &Uri, text: &str) -> String {
    let (path, query) = text.split_at(text.find('?').unwrap_or(text.len()));
    let merged = match path {
        "" => base.path().to_owned(),
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        relative => {
            let folder = base.path().rfind('/').map_or("/", |slash| &base.path()[..=slash]);
            format!("{folder}{relative}")
        }
    };
    let query = if text.is_empty() {
        base.query().map_or(String::new(), |query| format!("?{query}"))
    } else {
        query.to_owned()
    };
    without_dots(&merged) + &query
}

fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => _ = kept.pop(),
            segment => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            kept.push("");
        }
    }
    format!("/{}", kept.join("/"))
}

fn is_same_origin(a: &Uri, b: &Uri) -> bool {
    let host = |uri: &Uri| uri.host().map(str::to_ascii_lowercase);
    let named = |uri: &Uri| uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    a.scheme() == b.scheme() && host(a).is_some() && host(a) == host(b) && port(a) == port(b) && !named(b)
}

fn port(uri: &Uri) -> Option<u16> {
    let usual = if uri.scheme() == Some(&Scheme::HTTPS) { 443 } else { 80 };
    match uri.authority()?.as_str().rsplit_once(':') {
        // One that is there and is none does not become the usual one.
        Some((_, port)) if !port.ends_with(']') && !port.is_empty() => port.parse().ok(),
        _ => Some(usual),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn whatever_is_named_is_here_or_refused(
            text in prop_oneof!["\\PC{0,20}", "(http:)?[/\\\\]{0,3}[a-z@:.?#h]{0,8}(:9001)?[/.a-z?#@:%]{0,8}"],
        ) {
            if let Some(seen) = seen("http://h:9001/sse", &text) {
                prop_assert!(seen.starts_with("http://h:9001/"), "{text} {seen}");
            }
        }
    }

    fn seen(base: &str, reference: &str) -> Option<String> {
        resolve(&base.parse().unwrap(), reference.as_bytes()).ok().map(|uri| uri.to_string())
    }

    #[test]
    fn an_endpoint_is_resolved_against_the_stream() {
        let base = "http://h:9001/a/sse?x=1";
        assert_eq!(seen(base, "/message?sessionId=1").unwrap(), "http://h:9001/message?sessionId=1");
        assert_eq!(seen(base, "message?s=/../1").unwrap(), "http://h:9001/a/message?s=/../1");
        assert_eq!(seen(base, "../m/./n").unwrap(), "http://h:9001/m/n");
        assert_eq!(seen(base, "../../..").unwrap(), "http://h:9001/");
        assert_eq!(seen(base, "?s=1").unwrap(), "http://h:9001/a/sse?s=1");
        assert_eq!(seen(base, "http://H:9001/m#part").unwrap(), "http://H:9001/m");
        assert_eq!(seen("https://h/sse", "https://h:443/m").unwrap(), "https://h:443/m");
        assert_eq!(seen("http://[::1]/sse", "//[::1]:80/m").unwrap(), "http://[::1]:80/m");
    }

    #[test]
    fn an_endpoint_of_another_origin_is_refused() {
        let base = "http://h:9001/sse";
        for reference in [
            "http://evil:9001/m",
            "https://h:9001/m",
            "http://h/m",
            "http://h:9002/m",
            "//evil/m",
            "///evil/m",
            "http://h:9001@evil/m",
            "http://user@h:9001/m",
            "http://h.evil:9001/m",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "/\\evil/m",
            "\\\\evil\\m",
            "/m\n",
            " /m",
            "/\tm",
            "",
            "http:/m",
        ] {
            assert_eq!(seen(base, reference), None, "{reference:?}");
        }
    }
}
