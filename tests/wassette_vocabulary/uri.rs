//! URIs of components: what is taken, what is refused and where, and that nothing is rewritten.

use proptest::prelude::*;
use shadowcat::wassette::{ComponentUri, Scheme, UriParts};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn uri(text: &str) -> ComponentUri {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    text.parse::<ComponentUri>().expect_err(text).to_string()
}

#[test]
fn files_are_absolute_and_taken_as_written() {
    for path in
        ["/components/filesystem.wasm", "/a b%20c".replace(' ', "_").as_str(), "/C:/x.wasm", "/é/…/..x/y"]
    {
        let uri = uri(&format!("file://{path}"));
        assert_eq!((uri.scheme(), uri.parts()), (Scheme::File, UriParts::File { path }));
    }
}

#[test]
fn paths_that_lead_elsewhere_are_refused_at_their_byte() {
    assert_eq!(refused("file:///a/../b"), "a path has no `..`, at byte 10");
    assert_eq!(refused("file:///a/%2e%2E/b"), "a path has no `..`, at byte 10");
    assert_eq!(refused("file:///a/%252e./b"), "a path has no `..`, at byte 10");
    assert_eq!(refused("file:///a/./b"), "a path has no `.`, at byte 10");
    assert_eq!(refused("file:////etc"), "a path has no empty parts, at byte 8");
    assert_eq!(refused("file:///a%2fb"), "a path hides no `/`, `\\` or control character, at byte 8");
    assert_eq!(refused("file:///a%00b"), "a path hides no `/`, `\\` or control character, at byte 8");
    assert_eq!(refused("file:///a%25252525252e"), "a path is escaped too often, at byte 8");
    assert_eq!(
        refused("file://relative"),
        "the path of a file:// URI is absolute and has no host, at byte 7"
    );
    assert_eq!(refused("file:///a/"), "a component is a file, not a directory, at byte 10");
    assert_eq!(refused("file:///a?b"), "a file:// URI has no query, at byte 9");
    assert_eq!(
        refused("https://a.example/x/..%2fy"),
        "a path hides no `/`, `\\` or control character, at byte 20"
    );
}

#[test]
fn registries_names_tags_and_digests_are_told_apart() {
    let parts = |text: &str| match uri(text).parts() {
        UriParts::Oci { registry, repository, tag, digest } => {
            [Some(registry), Some(repository), tag, digest].map(|part| part.map(str::to_owned))
        }
        other => panic!("{other:?}"),
    };
    let some = |text: &str| Some(text.to_owned());
    let plain = parts("oci://ghcr.io/microsoft/time-server-js:latest");
    assert_eq!(plain, [some("ghcr.io"), some("microsoft/time-server-js"), some("latest"), None]);
    let pinned = format!("oci://localhost:5000/a__b/c---d.e@{DIGEST}");
    assert_eq!(parts(&pinned), [some("localhost:5000"), some("a__b/c---d.e"), None, some(DIGEST)]);
    assert!(uri(&pinned).is_pinned() && !uri("oci://[::1]:5000/a").is_pinned());
    let both = parts(&format!("oci://r.example/n:1.0_x@{DIGEST}"));
    assert_eq!(both, [some("r.example"), some("n"), some("1.0_x"), some(DIGEST)]);
}

#[test]
fn only_a_digest_that_nobody_can_find_another_text_for_pins() {
    let pinned = |digest: &str| uri(&format!("oci://r.example/n@{digest}")).is_pinned();
    assert!(pinned(DIGEST) && pinned(&format!("sha512:{}", "0a".repeat(64))));
    for digest in ["md5:d41d8cd98f00b204e9800998ecf8427e", "x:y", "blake3+x:AbC_=-", "sha1:da39a3ee5e6b4b0d"]
    {
        assert!(!pinned(digest), "{digest}");
    }
}

#[test]
fn references_against_the_grammar_are_refused() {
    for name in ["", "A", "a/", "/a", "a//b", "a___b", "a..b", "-a", "a-", "a._b", "é"] {
        assert!(refused(&format!("oci://r.example/{name}")).starts_with("a name"), "{name}");
    }
    for tag in ["", "-x", ".x", "a b", "é", "a:b", &"x".repeat(129)] {
        let _ = refused(&format!("oci://r.example/a:{tag}"));
    }
    for digest in ["", "sha256:", "sha256:e3b0", "sha256", "SHA256:x", "md5:", &DIGEST.to_uppercase()] {
        let _ = refused(&format!("oci://r.example/a@{digest}"));
    }
    assert_eq!(refused("oci://microsoft/a"), "a registry has a dot or a port, or is localhost, at byte 6");
    assert_eq!(refused("oci://r.example"), "an oci:// URI has a registry and a name, at byte 15");
}

#[test]
fn hosts_have_one_spelling_and_no_credentials() {
    let parts = |text: &str| format!("{:?}", uri(text).parts());
    let full = r#"Https { host: "a.example", port: Some(8443), path: "/x.wasm?v=1" }"#;
    assert_eq!(parts("https://a.example:8443/x.wasm?v=1"), full);
    assert!(parts("https://[2001:db8::1]/x").contains(r#"host: "[2001:db8::1]", port: None"#));
    assert_eq!(refused("https://u:p@a.example/x"), "a URI holds no user name or password, at byte 11");
    assert_eq!(refused("oci://u@a.example/x"), "a URI holds no user name or password, at byte 7");
    for host in [
        "",
        "A.example",
        "a..example",
        "-a.example",
        "a_b",
        "127.1",
        "2130706433",
        "0x7f.0.0.1",
        "0x7f000001",
        "1.2.3.256",
        "a.0x1",
        "[::1",
        "::1",
        "a.example.",
    ] {
        let _ = refused(&format!("https://{host}/x"));
    }
    for port in ["", "0", "65536", "08", "+1", "x"] {
        assert!(refused(&format!("https://a.example:{port}/x")).contains("port"), "{port}");
    }
    for text in ["https://a.example", "https://a.example/", "https://a.example?x"] {
        assert!(refused(text).starts_with("an https:// URI of a component has a path"), "{text}");
    }
    assert_eq!(uri("https://dead.beef/x").scheme(), Scheme::Https);
}

#[test]
fn other_texts_are_no_uris_of_components() {
    for text in [
        "",
        "x",
        "/a.wasm",
        "http://a.example/x",
        "FILE:///a",
        "oci:/a",
        "file:/a",
        "file:///a\nb",
        "file:///a b",
        "file:///a#b",
        "file:///a\\b",
    ] {
        let _ = refused(text);
    }
    assert!(refused(&format!("file:///{}", "a".repeat(5_000))).contains("at most 4096 bytes"));
}

proptest! {
    #[test]
    fn what_is_taken_is_written_back(text in "(file|oci|https)://[a-z0-9.:@%/?_\\[\\]-]{0,40}") {
        if let Ok(uri) = text.parse::<ComponentUri>() {
            prop_assert_eq!(uri.to_string(), text.clone());
            prop_assert!(text.starts_with(uri.scheme().as_str()));
            prop_assert!(!text.split('/').any(|part| part == ".."));
            let _ = uri.parts();
        }
    }

    #[test]
    fn no_text_panics(text in "(?s)(file:///|oci://|https://)?.{0,60}") {
        let _ = text.parse::<ComponentUri>();
    }
}
