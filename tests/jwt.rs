//! Bearer tokens: which are accepted, and what becomes of a request with one.

#![cfg(feature = "jwt")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod bearer;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bearer::issuer::{ISSUER, NOW, RESOURCE, base64url, claims, header, jwk, key, sign, sign_by, stranger};
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};
use shadowcat::serve::http::bearer::{
    Algorithm, InvalidKeys, Keyring, Keys, Misconfigured, Refused, Tokens, Unusable,
};

fn jwks(keys: &[Value]) -> Result<Keys, InvalidKeys> {
    Keys::from_jwks(json!({ "keys": keys }).to_string().as_bytes())
}

fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

fn tokens_of(keys: &[Value]) -> Tokens {
    let keyring = Keyring::new(jwks(keys).unwrap());
    let tokens = Tokens::new(ISSUER, RESOURCE, &keyring).unwrap().scopes(["mcp:tools"]).unwrap();
    tokens.clock(|| at(NOW))
}

fn tokens() -> Tokens {
    tokens_of(&[jwk("k", &key())])
}

fn with(mut object: Value, key: &str, value: Value) -> String {
    object[key] = value;
    object.to_string()
}

fn without(mut object: Value, key: &str) -> String {
    object.as_object_mut().unwrap().remove(key);
    object.to_string()
}

fn outcome(header: &str, claims: &str) -> Result<(), Refused> {
    tokens().check(&sign(header, claims, &key())).map(drop)
}

#[test]
fn an_accepted_token_says_who_calls() {
    let caller = tokens().check(&sign(&header().to_string(), &claims().to_string(), &key())).unwrap();
    assert_eq!(caller.principal().as_str(), "https://issuer.test#alice");
    assert_eq!((&*caller.subject, caller.client.as_deref(), caller.expires), ("alice", Some("c"), NOW + 600));
    assert!(caller.has_scope("read") && caller.has_scope("mcp:tools") && !caller.has_scope("mcp"));
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
    for (algorithm, alg) in [(Algorithm::Ps256, "PS256"), (Algorithm::Rs512, "RS512")] {
        let token = sign(&with(header(), "alg", json!(alg)), &claims().to_string(), &key());
        assert!(tokens().algorithms([Algorithm::Rs256, algorithm]).check(&token).is_ok(), "{alg}");
    }
    let token = sign(&header().to_string(), &claims().to_string(), &key());
    assert_eq!(tokens().algorithms([]).check(&token), Err(Refused::Algorithm));
}

#[test]
fn a_key_that_is_for_one_algorithm_verifies_no_other() {
    let mut only = jwk("k", &key());
    only["alg"] = json!("RS256");
    let tokens = tokens_of(&[only]).algorithms([Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256]);
    let by = |alg: &str| sign(&with(header(), "alg", json!(alg)), &claims().to_string(), &key());
    assert!(tokens.check(&by("RS256")).is_ok());
    assert_eq!(tokens.check(&by("PS256")), Err(Refused::UnknownKey));
    assert_eq!(tokens.check(&by("ES256")), Err(Refused::UnknownKey));
}

#[test]
fn keys_on_curves_verify_where_they_are_configured() {
    let random = SystemRandom::new();
    let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let p256 =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
    let ed25519 =
        Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random).unwrap().as_ref()).unwrap();
    let point = p256.public_key().as_ref();
    let keys = [
        json!({ "kty": "EC", "crv": "P-256", "kid": "p", "use": "sig", "alg": "ES256",
                "x": base64url(&point[1..33]), "y": base64url(&point[33..]) }),
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "e", "use": "sig", "x": base64url(ed25519.public_key()) }),
    ];
    let tokens = tokens_of(&keys);
    let all = tokens.clone().algorithms([Algorithm::Es256, Algorithm::EdDsa]);
    let claims = claims().to_string();
    let es256 = sign_by(r#"{"alg":"ES256","kid":"p"}"#, &claims, |signed| {
        p256.sign(&random, signed).unwrap().as_ref().to_vec()
    });
    let eddsa =
        sign_by(r#"{"alg":"EdDSA","kid":"e"}"#, &claims, |signed| ed25519.sign(signed).as_ref().to_vec());
    for token in [&es256, &eddsa] {
        assert!(all.check(token).is_ok(), "{:?}", all.check(token));
        assert_eq!(tokens.check(token), Err(Refused::Algorithm), "RS256 is all that is configured");
        let (signed, _) = token.rsplit_once('.').unwrap();
        assert_eq!(all.check(&format!("{signed}.{}", base64url([0; 64]))), Err(Refused::Signature));
    }
    let crossed =
        sign_by(r#"{"alg":"EdDSA","kid":"p"}"#, &claims, |signed| ed25519.sign(signed).as_ref().to_vec());
    assert_eq!(all.check(&crossed), Err(Refused::UnknownKey));
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
fn what_a_token_says_of_keys_is_not_looked_at() {
    let mut said = header();
    said["jwk"] = jwk("k", &stranger());
    said["jku"] = json!("http://169.254.169.254/jwks");
    said["x5u"] = json!("http://169.254.169.254/");
    let (text, claims) = (said.to_string(), claims().to_string());
    assert_eq!(outcome(&text, &claims), Ok(()), "the issuer's key is the one that counts");
    assert_eq!(tokens().check(&sign(&text, &claims, &stranger())), Err(Refused::Signature));
    for kid in [json!("x"), json!(""), json!(1), json!(null), json!("K"), json!("k\u{0}")] {
        let judged = outcome(&with(header(), "kid", kid.clone()), &claims);
        assert_eq!(judged, Err(Refused::UnknownKey), "{kid}");
    }
    assert_eq!(outcome(&without(header(), "kid"), &claims), Err(Refused::UnknownKey));
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
    let odd = [
        r#""\u0061ud":"x""#.to_owned(),
        r#""x":{"y":1,"y":2}"#.to_owned(),
        r#""\u0061lg":"none""#.to_owned(),
        r#""$serde_json::private::RawValue":"{}""#.to_owned(),
        format!(r#""x":{deep}"#),
        r#""x":01"#.to_owned(),
        "\"x\":\"\u{1}\"".to_owned(),
        "'x':1".to_owned(),
    ];
    let is_malformed = |judged: Result<(), Refused>| matches!(judged, Err(Refused::Malformed(_)));
    for what in &odd {
        let in_header = outcome(&insert(&header, what), &claims);
        let in_claims = outcome(&header, &insert(&claims, what));
        // Each of the first and the third stands twice in one of the two only.
        assert!(is_malformed(in_header) || is_malformed(in_claims), "{what}: {in_header:?} {in_claims:?}");
    }
    for text in ["", "[1]", "hello", "null", "\"{}\"", "{}{}", "{} x", "\u{feff}{}", "{"] {
        assert!(is_malformed(outcome(text, &claims)), "{text:?} as a header");
        assert!(is_malformed(outcome(&header, text)), "{text:?} as claims");
    }
    let utf16 = sign_by(&header, "", |_| vec![]).replace("..", ".gA.");
    assert!(tokens().check(&utf16).is_err());
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
fn keys_are_replaced_while_requests_come() {
    let keyring = Keyring::new(jwks(&[jwk("k", &stranger())]).unwrap());
    let tokens = Tokens::new(ISSUER, RESOURCE, &keyring).unwrap().clock(|| at(NOW));
    let token = sign(&header().to_string(), &claims().to_string(), &key());
    assert_eq!(tokens.check(&token), Err(Refused::Signature));
    keyring.replace(jwks(&[jwk("k", &key())]).unwrap());
    assert!(tokens.check(&token).is_ok());
    assert_eq!(keyring.replace(Keys::default()).len(), 1);
    assert_eq!(tokens.check(&token), Err(Refused::UnknownKey));
}

#[test]
fn a_key_that_cannot_be_used_is_left_out_and_told() {
    let good = || jwk("k", &key());
    let set = |key: &str, value: Value| serde_json::from_str::<Value>(&with(good(), key, value)).unwrap();
    let cut = |key: &str| serde_json::from_str::<Value>(&without(good(), key)).unwrap();
    let table = [
        (cut("kid"), Unusable::NoId),
        (set("kid", json!("")), Unusable::NoId),
        (cut("use"), Unusable::Use),
        (set("use", json!("enc")), Unusable::Use),
        (set("key_ops", json!(["sign"])), Unusable::Use),
        (set("alg", json!("RSA-OAEP")), Unusable::Unsupported),
        (set("alg", json!("ES256")), Unusable::Unsupported),
        (set("kty", json!("EC")), Unusable::Unsupported),
        (cut("kty"), Unusable::Malformed),
        (set("kty", json!("oct")), Unusable::Private),
        (set("d", json!("AQAB")), Unusable::Private),
        (cut("n"), Unusable::Malformed),
        (set("n", json!("AQ==")), Unusable::Malformed),
        (set("n", json!(base64url([0xFF; 128]))), Unusable::Size(1024)),
        (set("n", json!(base64url([&[0x7F][..], &[0xFF; 255]].concat()))), Unusable::Size(2047)),
        (set("n", json!(base64url([&[1][..], &[0xFF; 1024]].concat()))), Unusable::Size(8193)),
        (set("e", json!("AQ")), Unusable::Malformed),
        (set("e", json!("Ag")), Unusable::Malformed),
        (json!("k"), Unusable::Malformed),
    ];
    for (key, why) in table {
        let keys = jwks(std::slice::from_ref(&key)).unwrap();
        assert!(keys.is_empty(), "{key}");
        assert_eq!(keys.left_out()[0].why, why, "{key}");
    }
    let keys = jwks(&[good(), set("use", json!("enc")), jwk("other", &stranger())]).unwrap();
    assert_eq!(keys.ids().collect::<Vec<_>>(), ["other"], "two are called k");
    assert_eq!(keys.left_out()[0].why, Unusable::SameId);
    assert_eq!(jwks(&[set("key_ops", json!(["verify"]))]).unwrap().len(), 1);
    let signed = set("n", json!(base64url([&[0][..], &modulus(&good())].concat())));
    assert_eq!(jwks(&[signed]).unwrap().len(), 1, "a sign byte is none of its size");
}

fn modulus(jwk: &Value) -> Vec<u8> {
    use base64::Engine;
    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap()
}

#[test]
fn a_document_that_is_no_set_of_keys_is_refused() {
    for text in [r#"{}"#, r#"{"keys":{}}"#, r#"{"keys":"x"}"#, r#"{"KEYS":[]}"#] {
        assert_eq!(Keys::from_jwks(text.as_bytes()).unwrap_err(), InvalidKeys::NoArray, "{text}");
    }
    for text in [
        "",
        "[]",
        "null",
        r#"{"keys":[],"keys":[]}"#,
        r#"{"keys":[{"a":1,"a":1}]}"#,
        "<html>",
        "{\"keys\":[\u{1}]}",
    ] {
        let refused = Keys::from_jwks(text.as_bytes()).unwrap_err();
        assert!(matches!(refused, InvalidKeys::Unreadable(_)), "{text}: {refused}");
    }
    let large = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(256 << 10));
    assert!(matches!(Keys::from_jwks(large.as_bytes()), Err(InvalidKeys::Unreadable(_))));
    let numbers: Vec<_> = (0..101).map(|_| json!(1)).collect();
    assert_eq!(jwks(&numbers).unwrap_err(), InvalidKeys::TooMany);
    assert_eq!(jwks(&numbers[..100]).unwrap().left_out().len(), 100);
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
