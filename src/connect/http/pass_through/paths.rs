//! What may be asked for beside the stack.

use http::{Method, StatusCode};

/// The documents of OAuth and OpenID Connect (RFC 9728, section 3; RFC 8414, section 3): each by itself, or for the
/// path that follows it.
const DOCUMENTS: [&str; 3] =
    [METADATA, "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"];
const METADATA: &str = "/.well-known/oauth-protected-resource";

/// Which paths, and by which methods.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    also: Vec<(Method, String)>,
}

#[derive(Debug, PartialEq)]
pub(super) struct Refused {
    pub(super) status: StatusCode,
    pub(super) allow: Option<String>,
}

impl Paths {
    pub(super) fn well_known() -> Self {
        Self::default()
    }

    pub(super) fn allow(&mut self, method: Method, path: String) {
        self.also.push((method, path));
    }

    /// `is_metadata`: it is a document of that kind wherever it is.
    pub(super) fn check(&self, method: &Method, path: &str, is_metadata: bool) -> Result<(), Refused> {
        let mut allowed: Vec<_> =
            self.also.iter().filter(|(_, also)| also == path).map(|(method, _)| method).collect();
        if is_plain(path) && (is_metadata || is_well_known(path)) {
            allowed.extend([&Method::GET, &Method::HEAD]);
        }
        if allowed.contains(&method) {
            return Ok(());
        }
        if allowed.is_empty() {
            return Err(Refused { status: StatusCode::NOT_FOUND, allow: None });
        }
        let names: Vec<_> = allowed.iter().map(|method| method.as_str()).collect();
        Err(Refused { status: StatusCode::METHOD_NOT_ALLOWED, allow: Some(names.join(", ")) })
    }
}

/// It is one of the documents.
pub(super) fn is_well_known(path: &str) -> bool {
    DOCUMENTS.iter().any(|document| is_document(path, document))
}

/// It is about the protected resource, and names it.
pub(super) fn is_metadata(path: &str) -> bool {
    is_document(path, METADATA)
}

fn is_document(path: &str, document: &str) -> bool {
    path.strip_prefix(document).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// No server takes it for another path: nothing is encoded, no segment is empty or leads elsewhere.
fn is_plain(path: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte);
    let mut segments = path.split('/').skip(1).peekable();
    path.bytes().all(known)
        && std::iter::from_fn(|| segments.next().map(|segment| (segment, segments.peek().is_none())))
            .all(|(segment, is_last)| !matches!(segment, "." | "..") && (is_last || !segment.is_empty()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_asked_for(path: &str) -> bool {
        Paths::well_known().check(&Method::GET, path, false).is_ok()
    }

    #[test]
    fn the_documents_are_asked_for_with_and_without_a_path() {
        for document in DOCUMENTS {
            assert!(is_asked_for(document) && is_asked_for(&format!("{document}/v1/mcp")));
            assert!(is_asked_for(&format!("{document}/")));
            assert!(!is_asked_for(&format!("{document}s")) && !is_asked_for(&format!("/x{document}")));
        }
    }

    #[test]
    fn what_leads_elsewhere_is_not() {
        for path in [
            "/.well-known/../mcp",
            "/.well-known/oauth-protected-resource/../../mcp",
            "/.well-known/oauth-protected-resource/./mcp",
            "/.well-known/oauth-protected-resource/..",
            "/.well-known/oauth-protected-resource/%2e%2e/%2e%2e/mcp",
            "/.well-known/oauth-protected-resource/..%2f..%2fmcp",
            "/.well-known/oauth-protected-resource%2f..",
            "/.well-known/oauth-protected-resource/..;/mcp",
            "/.well-known/oauth-protected-resource//mcp",
            "/.well-known/oauth-protected-resource/..\\mcp",
            "//.well-known/oauth-protected-resource",
            "/.well-known/%6fauth-protected-resource",
            "/.WELL-KNOWN/oauth-protected-resource",
            "/.well-known/",
            "/mcp",
            "/",
            "",
            "*",
        ] {
            assert!(!is_asked_for(path), "{path}");
        }
    }

    #[test]
    fn a_path_is_asked_for_by_its_own_method_only() {
        let mut paths = Paths::well_known();
        paths.allow(Method::POST, "/token".to_owned());
        assert_eq!(paths.check(&Method::POST, "/token", false), Ok(()));
        let refused = paths.check(&Method::GET, "/token", false).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.allow.as_deref()), (405, Some("POST")));
        let refused = paths.check(&Method::POST, METADATA, true).unwrap_err();
        assert_eq!((refused.status.as_u16(), refused.allow.as_deref()), (405, Some("GET, HEAD")));
        assert_eq!(paths.check(&Method::GET, "/mcp", false).unwrap_err().status, 404);
    }

    proptest! {
        #[test]
        fn nothing_that_is_asked_for_is_elsewhere(path in "/\\.well-known/oauth-protected-resource[/.%2ef\\\\;a]{0,12}") {
            if is_asked_for(&path) {
                prop_assert!(!path.contains("..") || path.split('/').all(|segment| segment != ".."));
                prop_assert!(!path.contains('%') && !path.contains("//") && path.starts_with(METADATA));
            }
        }
    }
}
