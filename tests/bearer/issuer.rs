//! An issuer that signs tokens, and who takes them. The keys in the files are made for these tests and used nowhere else.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, PublicKeyComponents};
use ring::signature::{
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512,
    RsaEncoding,
};
use serde_json::{Value, json};
use shadowcat::serve::http::bearer::{InvalidKeys, Keyring, Keys, Refused, Tokens};

pub(crate) const ISSUER: &str = "https://issuer.test";
pub(crate) const RESOURCE: &str = "https://mcp.test/mcp";
/// What time it is in the tests, in seconds since 1970.
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The issuer's key.
pub(crate) fn key() -> KeyPair {
    KeyPair::from_pkcs8(include_bytes!("issuer.pk8")).unwrap()
}

/// Somebody else's.
pub(crate) fn stranger() -> KeyPair {
    KeyPair::from_pkcs8(include_bytes!("stranger.pk8")).unwrap()
}

/// The public half, without an `alg`.
pub(crate) fn jwk(kid: &str, key: &KeyPair) -> Value {
    let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(key.public());
    json!({ "kty": "RSA", "kid": kid, "use": "sig", "n": base64url(n), "e": base64url(e) })
}

pub(crate) fn header() -> Value {
    json!({ "alg": "RS256", "typ": "at+jwt", "kid": "k" })
}

pub(crate) fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": RESOURCE, "exp": NOW + 600, "iat": NOW, "sub": "alice",
            "scope": "read mcp:tools", "client_id": "c" })
}

/// Three parts; the header's `alg` decides how it is signed where that is known, else by RS256.
pub(crate) fn sign(header: &str, claims: &str, key: &KeyPair) -> String {
    let said = serde_json::from_str::<Value>(header).unwrap_or_default();
    let scheme: &dyn RsaEncoding = match said["alg"].as_str() {
        Some("RS384") => &RSA_PKCS1_SHA384,
        Some("RS512") => &RSA_PKCS1_SHA512,
        Some("PS256") => &RSA_PSS_SHA256,
        Some("PS384") => &RSA_PSS_SHA384,
        Some("PS512") => &RSA_PSS_SHA512,
        _ => &RSA_PKCS1_SHA256,
    };
    sign_by(header, claims, |signed| {
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(scheme, &SystemRandom::new(), signed, &mut signature).unwrap();
        signature
    })
}

pub(crate) fn sign_by(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", base64url(header), base64url(claims));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", base64url(signature))
}

pub(crate) fn jwks(keys: &[Value]) -> Result<Keys, InvalidKeys> {
    Keys::from_jwks(json!({ "keys": keys }).to_string().as_bytes())
}

pub(crate) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds)
}

pub(crate) fn tokens_of(keys: &[Value]) -> Tokens {
    let keyring = Keyring::new(jwks(keys).unwrap());
    let tokens = Tokens::new(ISSUER, RESOURCE, &keyring).unwrap().scopes(["mcp:tools"]).unwrap();
    tokens.clock(|| at(NOW))
}

pub(crate) fn tokens() -> Tokens {
    tokens_of(&[jwk("k", &key())])
}

pub(crate) fn with(mut object: Value, key: &str, value: Value) -> String {
    object[key] = value;
    object.to_string()
}

pub(crate) fn without(mut object: Value, key: &str) -> String {
    object.as_object_mut().unwrap().remove(key);
    object.to_string()
}

/// What becomes of a token by the issuer's key.
pub(crate) fn outcome(header: &str, claims: &str) -> Result<(), Refused> {
    tokens().check(&sign(header, claims, &key())).map(drop)
}
