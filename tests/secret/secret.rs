//! What is taken for a secret, and what is not.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use shadowcat::secret::{Detector, Marker, Sensitivity, sensitivity};

use crate::keys::{ALNUM, UPPER, drawn, keys};

fn mask(text: &str) -> String {
    Detector::new().mask(text, &Marker::default()).into_owned()
}

#[test]
fn a_key_of_each_provider_is_known_wherever_it_stands() {
    let detector = Detector::new();
    for (kind, key) in keys() {
        for (before, after) in
            [("", ""), ("the value is ", " ok"), ("x=\"", "\""), ("(", ")"), ("é ", "é"), ("\n", "\n")]
        {
            let found = detector.find(&format!("{before}{key}{after}"));
            let place = before.len()..before.len() + key.len();
            assert!(
                found.iter().any(|found| found.kind == kind && found.range == place),
                "{kind} in {before:?}…{after:?}: {found:?}"
            );
        }
    }
}

#[test]
fn a_key_that_is_cut_off_or_goes_on_is_none() {
    let detector = Detector::new();
    for (kind, key) in [
        ("github-token", format!("ghp_{}", drawn(ALNUM, 35, 1))),
        ("github-token", format!("ghp_{}", drawn(ALNUM, 37, 1))),
        ("aws-access-key-id", format!("xAKIA{}", drawn(UPPER, 16, 1))),
        ("aws-access-key-id", "AKIAIOSFODNN7EXAMPLE".into()),
    ] {
        let found = detector.find(&key);
        assert!(found.iter().all(|found| found.kind != kind), "{key}: {found:?}");
    }
}

#[test]
fn what_stands_in_a_secrets_place_is_one() {
    let opaque = "W41q56bTQjYhDI5n7A3JQ2Gs";
    for (text, masked) in [
        ("Authorization: Bearer {}", "Authorization: Bearer [REDACTED:bearer]"),
        ("authorization: bearer abcdef1", "authorization: bearer abcdef1"),
        (r#"{"authorization":"Bearer {}"}"#, r#"{"authorization":"Bearer [REDACTED:bearer]"}"#),
        ("Basic dXNlcjpwYXNzd29yZA==", "Basic [REDACTED:basic]"),
        ("Cookie: sid={}; theme=dark\r\nHost: a", "Cookie: [REDACTED:assigned]\r\nHost: a"),
        ("-H 'Cookie: a={}' -X", "-H 'Cookie: [REDACTED:assigned]' -X"),
        ("DB_PASSWORD=hunter2\nDEBUG=1", "DB_PASSWORD=[REDACTED:assigned]\nDEBUG=1"),
        ("password: 'hunter2'", "password: '[REDACTED:assigned]'"),
        ("api_key = \"{}\"", "api_key = \"[REDACTED:assigned]\""),
        (r#"{\"access_token\":\"{}\",\"n\":1}"#, r#"{\"access_token\":\"[REDACTED:assigned]\",\"n\":1}"#),
        ("clientSecret => '{}'", "clientSecret => '[REDACTED:assigned]'"),
        ("export GITLAB_TOKEN={}", "export GITLAB_TOKEN=[REDACTED:assigned]"),
        (
            "https://a.example/?x=1&access_token={}&y=2",
            "https://a.example/?x=1&access_token=[REDACTED:assigned]&y=2",
        ),
        ("https://a.example/cb?code={}", "https://a.example/cb?code=[REDACTED:assigned]"),
        ("https://a.example/?X-Amz-Signature={}", "https://a.example/?X-Amz-Signature=[REDACTED:assigned]"),
        ("postgres://app:s3cret@db:5432/x", "postgres://app:[REDACTED:password-in-url]@db:5432/x"),
        ("redis://:s3cret@cache", "redis://:[REDACTED:password-in-url]@cache"),
    ] {
        assert_eq!(mask(&text.replace("{}", opaque)), masked, "{text}");
    }
}

#[test]
fn a_private_key_goes_with_its_first_and_last_line() {
    for name in ["PRIVATE KEY", "RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"] {
        let body = drawn(ALNUM, 64, 3);
        let key = format!("-----BEGIN {name}-----\n{body}\n{body}\n-----END {name}-----");
        assert_eq!(mask(&format!("a\n{key}\nb")), "a\n[REDACTED:private-key]\nb", "{name}");
        let cut_off = &key[..60];
        assert_eq!(mask(cut_off), "[REDACTED:private-key]");
    }
    let public = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----";
    assert_eq!(mask(public), public);
}

#[test]
fn what_only_looks_like_one_is_let_be() {
    for text in [
        "The bearer of bad news. Bearer instruments are rare.",
        "Basic training and Basic English",
        "Authorization: required for all endpoints",
        "Your password must be at least 12 characters",
        "password: must be at least twelve characters",
        "password=",
        "API_KEY=YOUR_API_KEY_HERE",
        "token: ${{ secrets.GITHUB_TOKEN }}",
        "token=[REDACTED]",
        "password=$DB_PASSWORD",
        "api_key=<your key>",
        "api_key = os.environ[\"API_KEY\"]",
        "const password = getPassword(user)",
        "b.key=c.token,b.secret?1:0",
        "sk_test and sk_live are prefixes; set sk_test_mode=true",
        "import hf_hub_download, hf_api",
        "npm_config_registry=https://registry.example",
        "eyJ is how JWTs start: eyJhbGciOiJub25lIn0..",
        "ghp_[0-9a-zA-Z]{36}|xox[bp]-|AKIA[A-Z2-7]{16}",
        "http://user@localhost:8080/x https://[::1]:80/a@b:c",
        "max_tokens=4096&next_token=abc&token_type=bearer",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "3f2b8c1e-9d47-4a6e-8f10-6b1f2c3d4e5f",
        "com.example.very.long.package.name.Service 1.22.333-alpha.4+build.5678",
        "VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZy4=",
        "トークンとパスワード 🔑 key 🔐",
    ] {
        assert_eq!(mask(text), text);
    }
}

#[test]
fn what_only_begins_like_a_placeholder_is_a_secret() {
    for secret in [
        "$ecr3tP@ss9",
        "$2b$12$Qh7uWx0kZr",
        "%9kfTq2Lz",
        "aB3kd...92Lq!x",
        "kd9xxx2Lq!7",
        "my-d0g-is-r3d",
        "your_m0ther",
    ] {
        let marked = "[REDACTED:assigned]";
        assert_eq!(mask(&format!("password={secret}")), format!("password={marked}"), "{secret}");
        assert_eq!(mask(&format!("password: \"{secret}\"")), format!("password: \"{marked}\""), "{secret}");
    }
    for text in [
        "password=%DB_PASSWORD%",
        "password=$db_password",
        "password='{{ vault.password }}'",
        "password='{password}'",
        "password=\"%(password)s\"",
        "password=my_password",
        "api_key=your-api-key-here",
        "api_key=xxxx-xxxx-xxxx",
        "api_key=sk-xxxxxxxxxxxx",
        "password='...'",
    ] {
        assert_eq!(mask(text), text);
    }
}

#[test]
fn a_key_behind_an_escape_is_one() {
    let key = format!("ghp_{}", drawn(ALNUM, 36, 4));
    let token = format!("eyJhbGciOiJIUzI1NiJ9.{}.{}", drawn(ALNUM, 20, 1), drawn(ALNUM, 43, 2));
    for before in [
        r"a\n",
        r"a\t",
        r"a\\n",
        r"\u000a",
        r"\u001b[1;32m",
        "\u{1b}[32m",
        r"\x1b[0m",
        r"\033",
        "?a%3D",
        "%2f",
    ] {
        assert_eq!(mask(&format!("{before}{key} x")), format!("{before}[REDACTED:github-token] x"));
        assert_eq!(mask(&format!("{before}{token} x")), format!("{before}[REDACTED:jwt] x"));
        let bearer = format!("{before}Bearer W41q56bTQjYhDI5n7A3JQ2Gs");
        assert_eq!(mask(&bearer), format!("{before}Bearer [REDACTED:bearer]"));
    }
    for before in ["n", "3D", "x000a", "32m"] {
        assert_eq!(mask(&format!("{before}{key}")), format!("{before}{key}"));
    }
}

#[test]
fn a_scheme_of_any_name_has_a_credential() {
    let opaque = "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b";
    for text in [
        "Authorization: Token {}",
        "authorization: ApiKey {}, x",
        "-H 'Authorization: SSWS {}' -X",
        r#"{"Proxy-Authorization":"GenieKey {}"}"#,
    ] {
        assert_eq!(mask(&text.replace("{}", opaque)), text.replace("{}", "[REDACTED:assigned]"));
    }
    for text in ["Authorization: the header of that name", "authorization: see the-page-about-headers first"]
    {
        assert_eq!(mask(text), text);
    }
}

#[test]
fn base64_that_is_cut_off_in_a_character_is_looked_into() {
    let key = format!("ghp_{}", drawn(ALNUM, 36, 9));
    for before in ["ünïcödé text ab", "ünïcödé text abc", "日本語日本語", "日本語日本"] {
        let encoded = STANDARD.encode(format!("{before} {key} é"));
        assert_eq!(mask(&encoded), "[REDACTED:github-token]", "{before}");
    }
}

#[test]
fn however_long_a_secret_is_it_goes_as_a_whole() {
    let long = drawn(ALNUM, 9000, 7);
    assert_eq!(mask(&format!("Cookie: a=1; sid={long}\nHost: a")), "Cookie: [REDACTED:assigned]\nHost: a");
    assert_eq!(mask(&format!("db://ann:{long}@host/x")), "db://ann:[REDACTED:password-in-url]@host/x");
}

#[test]
fn base64_is_looked_into_twice() {
    let key = format!("ghp_{}", drawn(ALNUM, 36, 9));
    let once = STANDARD.encode(format!("[default]\ntoken = {key}\n"));
    let twice = URL_SAFE_NO_PAD.encode(&once);
    let thrice = STANDARD.encode(&twice);
    assert_eq!(mask(&format!("data {once}.")), "data [REDACTED:github-token].");
    assert_eq!(mask(&twice), "[REDACTED:github-token]");
    assert_eq!(mask(&thrice), thrice);
}

#[test]
fn a_name_says_how_surely_it_is_one() {
    use Sensitivity::{None, Strong, Weak};
    for (names, expected) in [
        (
            &[
                "password",
                "Passwd",
                "X-API-Key",
                "apiKey",
                "access_token",
                "aws_secret_access_key",
                "Set-Cookie",
                "sessionToken",
            ][..],
            Strong,
        ),
        (&["token", "secret", "Authorization", "x-signature", "authToken2_sig", "myToken"][..], Weak),
        (
            &[
                "tokens",
                "max_tokens",
                "tokenizer",
                "key",
                "primaryKey",
                "author",
                "authorize",
                "sessionId",
                "progressToken",
                "nextPageToken",
                "design",
                "",
            ][..],
            None,
        ),
    ] {
        for name in names {
            assert_eq!(sensitivity(name), expected, "{name}");
        }
    }
}

#[test]
fn a_marker_tells_the_kind_or_nothing() {
    let (detector, key) = (Detector::new(), keys().remove(0).1);
    assert_eq!(detector.mask(&key, &Marker::fixed("***")), "***");
    assert_eq!(detector.mask_member("n", &key, &Marker::default()), "[REDACTED:age-key]");
}

/// Each makes a naive search quadratic; all of it is done at once here, or the test hangs.
#[test]
fn no_text_takes_more_than_its_time() {
    let detector = Detector::new();
    for part in [
        "eyJ",
        ".eyJ",
        "-eyJ",
        "sk-",
        "ghp_",
        "password=",
        "password='",
        "password=password:",
        "Bearer ",
        "://a:",
        "://",
        "Basic a",
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "AA:AA",
        ".atlasv1.",
        "xoxb-1-",
        "token=\\\"",
        "Cookie: a=",
        "QUtJ",
        "\\\\\"api_key",
    ] {
        let text = part.repeat((1 << 16) / part.len());
        let masked = detector.mask(&text, &Marker::default());
        assert!(masked.len() <= text.len() * 8, "{part}");
    }
}

proptest! {
    #[test]
    fn findings_are_in_order_apart_and_inside(text in "(?s).{0,80}(password=|Bearer |ghp_|eyJ|://a:|-----BEGIN PRIVATE KEY-----)?.{0,80}") {
        let mut at = 0;
        for found in Detector::new().find(&text) {
            prop_assert!(found.range.start >= at && found.range.end > found.range.start);
            prop_assert!(text.get(found.range.clone()).is_some());
            at = found.range.end;
        }
    }

    #[test]
    fn no_secret_is_left_and_nothing_else_is_touched(
        before in "[a-z .\\n]{0,20}[ \\n]",
        which in any::<prop::sample::Index>(),
        after in "[ \\n,][a-z .\\n]{0,20}",
    ) {
        let keys = keys();
        let (kind, key) = which.get(&keys);
        prop_assert_eq!(mask(&format!("{before}{key}{after}")), format!("{before}[REDACTED:{kind}]{after}"));
    }

    #[test]
    fn what_is_masked_stays_as_it_is(text in "(?s).{0,40}(password=|Bearer |api_key: |https://a:).{0,60}") {
        let once = mask(&text);
        prop_assert_eq!(mask(&once), once);
    }
}
