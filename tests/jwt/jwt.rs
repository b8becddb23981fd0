//! Bearer tokens: which are accepted, and what becomes of a request with one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use serde_json::json;
use shadowcat::serve::http::bearer::{Algorithm, Keyring, Keys, Misconfigured, Refused, Tokens};

use crate::bearer::issuer::{
    ISSUER, NOW, RESOURCE, at, claims, header, key, outcome, sign, tokens, with, without,
};

#[test]
fn an_accepted_token_says_who_calls() {
    let caller = tokens().check(&sign(&header().to_string(), &claims().to_string(), &key())).unwrap();
    assert_eq!(caller.principal().as_str(), "https://issuer.test#alice");
    assert_eq!((&*caller.subject, caller.client.as_deref(), caller.expires), ("alice", Some("c"), NOW + 600));
    assert!(caller.has_scope("read") && caller.has_scope("mcp:tools") && !caller.has_scope("mcp"));
    let spaced = with(claims(), "scope", json!(" a  mcp:tools "));
    let caller = tokens().check(&sign(&header().to_string(), &spaced, &key())).unwrap();
    assert_eq!(caller.scopes[..], ["a", "mcp:tools"]);
}

#[test]
fn every_claim_that_is_needed_is_needed() {
    let missing = [
        ("iss", Refused::Issuer),
        ("aud", Refused::Claim("aud")),
        ("exp", Refused::Claim("exp")),
        ("sub", Refused::Claim("sub")),
        ("scope", Refused::Scope),
    ];
    for (claim, refused) in missing {
        assert_eq!(outcome(&header().to_string(), &without(claims(), claim)), Err(refused), "{claim}");
    }
    for claim in ["iat", "client_id"] {
        assert_eq!(outcome(&header().to_string(), &without(claims(), claim)), Ok(()), "{claim}");
    }
}

#[test]
fn a_claim_of_another_type_is_none() {
    for claim in ["iss", "sub", "scope", "client_id"] {
        for value in [json!(null), json!(1), json!(["mcp:tools"]), json!({}), json!(true)] {
            let judged = outcome(&header().to_string(), &with(claims(), claim, value));
            assert_eq!(judged, Err(Refused::Claim(claim)));
        }
    }
    for claim in ["exp", "nbf", "iat"] {
        for value in ["null", "\"1\"", "1.0", "18e8", "1e400", "-1", "-0", "9007199254740992", "[1]", "true"]
        {
            let text = with(claims(), claim, json!("HERE")).replace("\"HERE\"", value);
            assert_eq!(outcome(&header().to_string(), &text), Err(Refused::Claim(claim)), "{claim} {value}");
        }
    }
    for value in ["", "a\u{0}b", "a\nb"] {
        let judged = outcome(&header().to_string(), &with(claims(), "sub", json!(value)));
        assert_eq!(judged, Err(Refused::Claim("sub")));
    }
    let surrogate = with(claims(), "sub", json!("HERE")).replace("HERE", "\\ud800");
    assert_eq!(outcome(&header().to_string(), &surrogate), Err(Refused::Claim("sub")));
}

#[test]
fn issuer_and_resource_are_compared_exactly() {
    for issuer in
        ["https://issuer.test/", "https://ISSUER.test", "https://issuer.tes", "", " https://issuer.test"]
    {
        let judged = outcome(&header().to_string(), &with(claims(), "iss", json!(issuer)));
        assert_eq!(judged, Err(Refused::Issuer), "{issuer:?}");
    }
    let audiences = [
        (json!("https://mcp.test/mcp/"), Err(Refused::Audience)),
        (json!("https://mcp.test/"), Err(Refused::Audience)),
        (json!("https://MCP.test/mcp"), Err(Refused::Audience)),
        (json!([]), Err(Refused::Audience)),
        (json!(["https://other.test"]), Err(Refused::Audience)),
        (json!([RESOURCE, 1]), Err(Refused::Claim("aud"))),
        (json!([[RESOURCE]]), Err(Refused::Claim("aud"))),
        (json!({ "0": RESOURCE }), Err(Refused::Claim("aud"))),
        (json!(null), Err(Refused::Claim("aud"))),
        (json!([RESOURCE]), Ok(())),
        (json!(["https://other.test", RESOURCE]), Ok(())),
    ];
    for (audience, expected) in audiences {
        assert_eq!(
            outcome(&header().to_string(), &with(claims(), "aud", audience.clone())),
            expected,
            "{audience}"
        );
    }
}

#[test]
fn a_scope_is_a_word_of_the_list() {
    for scope in ["", "mcp", "mcp:tools2", "MCP:TOOLS", "a mcp:tool s", "mcp:tools,read", "read\tmcp:tools"] {
        let judged = outcome(&header().to_string(), &with(claims(), "scope", json!(scope)));
        assert_eq!(judged, Err(Refused::Scope), "{scope:?}");
    }
    for scope in ["mcp:tools", "a mcp:tools", "mcp:tools b", "a  mcp:tools"] {
        assert_eq!(
            outcome(&header().to_string(), &with(claims(), "scope", json!(scope))),
            Ok(()),
            "{scope:?}"
        );
    }
}

#[test]
fn a_token_is_valid_from_its_beginning_to_its_end_give_or_take_the_leeway() {
    let time = Arc::new(AtomicU64::new(0));
    let now = time.clone();
    let tokens = tokens().leeway(Duration::from_secs(10)).clock(move || at(now.load(Ordering::Relaxed)));
    let text = json!({ "iss": ISSUER, "aud": RESOURCE, "sub": "a", "scope": "mcp:tools",
                       "nbf": NOW, "exp": NOW + 100 });
    let token = sign(&header().to_string(), &text.to_string(), &key());
    let outcome = |seconds: u64| {
        time.store(seconds, Ordering::Relaxed);
        tokens.check(&token).map(drop)
    };
    assert_eq!(outcome(NOW - 11), Err(Refused::NotYet));
    assert_eq!(outcome(NOW - 10), Ok(()));
    assert_eq!(outcome(NOW + 109), Ok(()));
    assert_eq!(outcome(NOW + 110), Err(Refused::Expired));
    assert_eq!(outcome(0), Err(Refused::NotYet));
    assert_eq!(outcome(u64::from(u32::MAX)), Err(Refused::Expired));

    let token = sign(&header().to_string(), &claims().to_string(), &key());
    let before_1970 = tokens.clone().clock(|| UNIX_EPOCH - Duration::from_secs(1));
    assert_eq!(before_1970.check(&token), Err(Refused::NotYet));
    let much = tokens.leeway(Duration::MAX);
    assert!(much.clone().clock(|| at(NOW + 899)).check(&token).is_ok());
    assert_eq!(much.clock(|| at(NOW + 900)).check(&token), Err(Refused::Expired), "never more than 5 min");
}

#[test]
fn a_token_from_the_future_is_not_valid_yet() {
    for claim in ["iat", "nbf"] {
        assert_eq!(outcome(&header().to_string(), &with(claims(), claim, json!(NOW + 30))), Ok(()));
        let judged = outcome(&header().to_string(), &with(claims(), claim, json!(NOW + 31)));
        assert_eq!(judged, Err(Refused::NotYet), "{claim}");
    }
}

#[test]
fn a_token_that_is_bound_to_a_key_is_no_bearer() {
    let bound = with(claims(), "cnf", json!({ "jkt": "x" }));
    assert_eq!(outcome(&header().to_string(), &bound), Err(Refused::Bound));
}

#[test]
fn a_token_chooses_only_among_the_configured_algorithms() {
    for alg in [
        json!("none"),
        json!("None"),
        json!("HS256"),
        json!("rs256"),
        json!("RS1"),
        json!("RS512"),
        json!("PS256"),
        json!("ES256"),
        json!(""),
        json!(null),
        json!(["RS256"]),
    ] {
        let judged = outcome(&with(header(), "alg", alg.clone()), &claims().to_string());
        assert_eq!(judged, Err(Refused::Algorithm), "{alg}");
    }
    assert_eq!(outcome(&without(header(), "alg"), &claims().to_string()), Err(Refused::Algorithm));
    use Algorithm::{Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
    for algorithm in [Rs384, Rs512, Ps256, Ps384, Ps512] {
        let alg = algorithm.as_str();
        let token = sign(&with(header(), "alg", json!(alg)), &claims().to_string(), &key());
        assert!(tokens().algorithms([Rs256, algorithm]).check(&token).is_ok(), "{alg}");
        assert_eq!(tokens().check(&token), Err(Refused::Algorithm), "{alg}");
    }
    let token = sign(&header().to_string(), &claims().to_string(), &key());
    assert_eq!(tokens().algorithms([]).check(&token), Err(Refused::Algorithm));
}

#[test]
fn a_token_calls_itself_one_that_gives_access_or_nothing() {
    for typ in ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", "jwt"] {
        assert_eq!(outcome(&with(header(), "typ", json!(typ)), &claims().to_string()), Ok(()), "{typ}");
    }
    assert_eq!(outcome(&without(header(), "typ"), &claims().to_string()), Ok(()));
    for typ in [json!("dpop+jwt"), json!("logout+jwt"), json!(""), json!(1), json!(null)] {
        let judged = outcome(&with(header(), "typ", typ.clone()), &claims().to_string());
        assert_eq!(judged, Err(Refused::Type), "{typ}");
    }
    let strict = tokens().only_access_tokens();
    let check = |header: &str| strict.check(&sign(header, &claims().to_string(), &key())).map(drop);
    assert_eq!(check(&header().to_string()), Ok(()));
    assert_eq!(check(&with(header(), "typ", json!("JWT"))), Err(Refused::Type));
    assert_eq!(check(&without(header(), "typ")), Err(Refused::Type));
}

#[test]
fn a_header_asks_for_no_extension() {
    for (key, value) in
        [("crit", json!(["x"])), ("crit", json!([])), ("crit", json!(null)), ("zip", json!("DEF"))]
    {
        let judged = outcome(&with(header(), key, value), &claims().to_string());
        assert_eq!(judged, Err(Refused::Extension), "{key}");
    }
}

#[test]
fn header_and_claims_are_strict_json() {
    let (header, claims) = (header().to_string(), claims().to_string());
    let deep = format!("{}1{}", "[".repeat(16), "]".repeat(16));
    let insert = |text: &str, what: &str| text.replacen('{', &format!("{{{what},"), 1);
    let is_malformed = |judged: Result<(), Refused>| matches!(judged, Err(Refused::Malformed(_)));
    let odd = [
        r#""x":{"y":1,"\u0079":2}"#.to_owned(),
        r#""$serde_json::private::RawValue":"{}""#.to_owned(),
        format!(r#""x":{deep}"#),
        r#""x":01"#.to_owned(),
        "\"x\":\"\u{1}\"".to_owned(),
        "'x':1".to_owned(),
    ];
    for what in &odd {
        assert!(is_malformed(outcome(&insert(&header, what), &claims)), "{what} in the header");
        assert!(is_malformed(outcome(&header, &insert(&claims, what))), "{what} in the claims");
    }
    assert!(is_malformed(outcome(&insert(&header, r#""\u0061lg":"none""#), &claims)));
    assert!(is_malformed(outcome(&header, &insert(&claims, r#""\u0061ud":"x""#))));
    for text in ["", "[1]", "hello", "null", "\"{}\"", "{}{}", "{} x", "\u{feff}{}", "{"] {
        assert!(is_malformed(outcome(text, &claims)), "{text:?} as a header");
        assert!(is_malformed(outcome(&header, text)), "{text:?} as claims");
    }
}

#[test]
fn a_token_has_three_parts_and_a_bound() {
    let token = sign(&header().to_string(), &claims().to_string(), &key());
    let is_malformed = |token: &str| matches!(tokens().check(token), Err(Refused::Malformed(_)));
    for odd in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "...".to_owned(),
        format!("{token}."),
        format!("{token}.a.b"),
        format!(".{token}"),
        format!("{token}=="),
        format!("{token} "),
        format!("{token},{token}"),
        token.replace('.', ".."),
    ] {
        assert!(is_malformed(&odd), "{odd}");
    }
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert_eq!(tokens().check(&format!("{signed}.")), Err(Refused::Signature));
    let long = |length: usize| {
        let text = with(claims(), "pad", json!("x".repeat(length)));
        sign(&header().to_string(), &text, &key())
    };
    let longest = (0..).map(|by| long(5_000 + by)).take_while(|token| token.len() <= 8192).step_by(64).last();
    assert!(tokens().check(&longest.unwrap()).is_ok());
    assert!(is_malformed(&long(6_100)));
}

#[test]
fn what_cannot_be_configured_is_told() {
    let keyring = Keyring::new(Keys::default());
    let new = |issuer: &str, resource: &str| Tokens::new(issuer, resource, &keyring).unwrap_err();
    for odd in ["", "https://a#b", "a b", "a\n"] {
        assert_eq!(new(odd, RESOURCE), Misconfigured::Issuer(odd.to_owned()));
        assert_eq!(new(ISSUER, odd), Misconfigured::Resource(odd.to_owned()));
    }
    for odd in ["", "a b", "a\"b", "a\\b", "é"] {
        assert_eq!(tokens().scopes([odd]).unwrap_err(), Misconfigured::Scope(odd.to_owned()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_token_that_was_changed_anywhere_is_refused(at in any::<prop::sample::Index>(), to in "[A-Za-z0-9_=.-]") {
        let mut token = sign(&header().to_string(), &claims().to_string(), &key());
        let at = at.index(token.len());
        prop_assume!(token[at..=at] != to);
        token.replace_range(at..=at, &to);
        prop_assert!(tokens().check(&token).is_err());
    }

    #[test]
    fn nothing_panics(token in "[A-Za-z0-9_.-]{0,80}", header in ".{0,40}", document in any::<Vec<u8>>()) {
        prop_assert!(tokens().check(&token).is_err());
        prop_assert!(tokens().check(&sign(&header, &header, &key())).is_err());
        prop_assert!(Keys::from_jwks(&document).is_err());
    }
}
