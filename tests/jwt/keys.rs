//! Keys that verify bearer tokens: which are taken, and for what.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _,
};
use serde_json::{Value, json};
use shadowcat::serve::http::bearer::{Algorithm, InvalidKeys, Keyring, Keys, Refused, Tokens, Unusable};

use crate::bearer::issuer::{
    ISSUER, NOW, RESOURCE, at, base64url, claims, header, jwk, jwks, key, outcome, sign, sign_by, stranger,
    tokens, tokens_of, with, without,
};

/// A key on a curve of NIST, and its public half.
fn on_curve(
    signing: &'static EcdsaSigningAlgorithm,
    kid: &str,
    curve: &str,
    random: &SystemRandom,
) -> (EcdsaKeyPair, Value) {
    let document = EcdsaKeyPair::generate_pkcs8(signing, random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(signing, document.as_ref(), random).unwrap();
    let (x, y) = pair.public_key().as_ref()[1..].split_at(pair.public_key().as_ref().len() / 2);
    let jwk =
        json!({ "kty": "EC", "crv": curve, "kid": kid, "use": "sig", "x": base64url(x), "y": base64url(y) });
    (pair, jwk)
}

#[test]
fn keys_on_curves_verify_where_they_are_configured() {
    let random = SystemRandom::new();
    let (p256, p256_jwk) = on_curve(&ECDSA_P256_SHA256_FIXED_SIGNING, "p256", "P-256", &random);
    let (p384, p384_jwk) = on_curve(&ECDSA_P384_SHA384_FIXED_SIGNING, "p384", "P-384", &random);
    let document = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
    let ed25519 = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let x = base64url(ed25519.public_key());
    let ed25519_jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "use": "sig", "x": x });
    let tokens = tokens_of(&[p256_jwk, p384_jwk, ed25519_jwk]);
    let all = tokens.clone().algorithms([Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa]);

    let claims = claims().to_string();
    let ecdsa = |header: &str, pair: &EcdsaKeyPair| {
        sign_by(header, &claims, |signed| pair.sign(&random, signed).unwrap().as_ref().to_vec())
    };
    let eddsa = |header: &str| sign_by(header, &claims, |signed| ed25519.sign(signed).as_ref().to_vec());
    let good = [
        ecdsa(r#"{"alg":"ES256","kid":"p256"}"#, &p256),
        ecdsa(r#"{"alg":"ES384","kid":"p384"}"#, &p384),
        eddsa(r#"{"alg":"EdDSA","kid":"ed"}"#),
    ];
    for token in &good {
        assert!(all.check(token).is_ok(), "{:?}", all.check(token));
        assert_eq!(tokens.check(token), Err(Refused::Algorithm), "RS256 is all that is configured");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let zeros = "A".repeat(signature.len());
        assert_eq!(all.check(&format!("{signed}.{zeros}")), Err(Refused::Signature));
    }
    for crossed in [eddsa(r#"{"alg":"EdDSA","kid":"p256"}"#), ecdsa(r#"{"alg":"ES384","kid":"p256"}"#, &p384)]
    {
        assert_eq!(all.check(&crossed), Err(Refused::UnknownKey));
    }
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

fn modulus(jwk: &Value) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap()
}
