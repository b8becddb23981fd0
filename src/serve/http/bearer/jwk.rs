//! One key of a JWK set (RFC 7517, RFC 7518 section 6, RFC 8037).

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::signature::{RsaPublicKeyComponents, UnparsedPublicKey};

use super::Algorithm;
use super::algorithm::{Family, Verify};
use crate::message::elements;
use crate::protocol::peek;

/// What RSA keys are accepted, in bits.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// Members that only a private key has.
const PRIVATE: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Why a key of a document verifies nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unusable {
    /// It has no `kid`, by which a token could name it.
    #[error("without a \"kid\", no token can name it")]
    NoId,
    /// Its `kid` is another one's too.
    #[error("another key has the same \"kid\"")]
    SameId,
    /// It is for something else than signatures.
    #[error("not marked as one that signs (\"use\":\"sig\")")]
    Use,
    /// It is of a kind, a curve or an algorithm that is not supported, or these do not go together.
    #[error("of a kind that is not supported")]
    Unsupported,
    /// Its modulus has so many bits: too few, or too many.
    #[error("{0} bits; 2048 to 8192 are accepted")]
    Size(usize),
    /// It holds the private half, or is a secret.
    #[error("the private half is in it, or it is a shared secret")]
    Private,
    /// A part of it is missing or is not what it must be.
    #[error("a part of it is missing or malformed")]
    Malformed,
}

/// A public key that verifies.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Key {
    family: Family,
    /// Where the key says so, it is for this one alone.
    only: Option<Algorithm>,
    /// The modulus, or the point as ring reads it.
    point: Box<[u8]>,
    /// RSA's; else empty.
    exponent: Box<[u8]>,
}

/// The `kid` of a key, if it has one that can be compared.
pub(super) fn key_id(jwk: &[u8]) -> Option<String> {
    peek::text(jwk, "kid").ok().flatten().filter(|id| !id.is_empty()).map(Into::into)
}

impl Key {
    /// `jwk` has passed the scanner.
    pub(super) fn read(jwk: &[u8]) -> Result<Self, Unusable> {
        let text = |key| peek::text(jwk, key).map_err(|_| Unusable::Malformed);
        let kind = text("kty")?.ok_or(Unusable::Malformed)?;
        let has = |key: &&str| peek::member(jwk, key) != Ok(None);
        if kind == "oct" || PRIVATE.iter().any(has) {
            return Err(Unusable::Private);
        }
        if text("use")?.as_deref() != Some("sig") || !may_verify(jwk) {
            return Err(Unusable::Use);
        }
        let only =
            text("alg")?.map(|name| Algorithm::named(&name).ok_or(Unusable::Unsupported)).transpose()?;
        let key = match (&*kind, text("crv")?.as_deref()) {
            ("RSA", _) => Self::rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?)?,
            ("EC", Some("P-256")) => Self::point(Family::P256, &curve_point(jwk, 32)?),
            ("EC", Some("P-384")) => Self::point(Family::P384, &curve_point(jwk, 48)?),
            ("OKP", Some("Ed25519")) => Self::point(Family::Ed25519, &coordinate(jwk, "x", 32)?),
            _ => return Err(Unusable::Unsupported),
        };
        match only {
            Some(only) if only.family() != key.family => Err(Unusable::Unsupported),
            only => Ok(Self { only, ..key }),
        }
    }

    /// Whether tokens of this algorithm may name it.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        self.family == algorithm.family() && self.only.is_none_or(|only| only == algorithm)
    }

    pub(super) fn verifies(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> bool {
        let verified = match algorithm.verify() {
            Verify::Rsa(parameters) => {
                let key = RsaPublicKeyComponents { n: &self.point, e: &self.exponent };
                key.verify(parameters, signed, signature)
            }
            Verify::Point(algorithm) => {
                UnparsedPublicKey::new(algorithm, &self.point).verify(signed, signature)
            }
        };
        self.is_for(algorithm) && verified.is_ok()
    }

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, Unusable> {
        let (modulus, exponent) = (without_zeros(modulus), without_zeros(exponent));
        let bits = bits(modulus);
        if !MODULUS_BITS.contains(&bits) {
            return Err(Unusable::Size(bits));
        }
        // ring takes odd ones from 3 to 33 bits; 1 would make every signature its own message.
        let is_odd = exponent.last().is_some_and(|byte| byte & 1 == 1);
        if !is_odd || !(2..=33).contains(&self::bits(exponent)) {
            return Err(Unusable::Malformed);
        }
        Ok(Self { family: Family::Rsa, only: None, point: modulus.into(), exponent: exponent.into() })
    }

    fn point(family: Family, point: &[u8]) -> Self {
        Self { family, only: None, point: point.into(), exponent: Box::default() }
    }
}

/// `key_ops`, where it is there, must allow it.
fn may_verify(jwk: &[u8]) -> bool {
    match peek::member(jwk, "key_ops") {
        Ok(Some(operations)) => elements(operations)
            .any(|place| peek::string(&operations[place]).is_ok_and(|operation| operation == "verify")),
        Ok(None) => true,
        Err(_) => false,
    }
}

fn bytes(jwk: &[u8], name: &str) -> Result<Vec<u8>, Unusable> {
    let text = peek::text(jwk, name).ok().flatten().ok_or(Unusable::Malformed)?;
    BASE64_URL_SAFE_NO_PAD.decode(&*text).map_err(|_| Unusable::Malformed)
}

fn coordinate(jwk: &[u8], name: &str, length: usize) -> Result<Vec<u8>, Unusable> {
    bytes(jwk, name)
        .and_then(|bytes| if bytes.len() == length { Ok(bytes) } else { Err(Unusable::Malformed) })
}

/// Uncompressed (SEC 1, section 2.3.3).
fn curve_point(jwk: &[u8], length: usize) -> Result<Vec<u8>, Unusable> {
    Ok([&[4][..], &coordinate(jwk, "x", length)?, &coordinate(jwk, "y", length)?].concat())
}

/// Some issuers write a sign byte, which ring does not take.
fn without_zeros(bytes: &[u8]) -> &[u8] {
    &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..]
}

/// Of a number without leading zeros.
fn bits(bytes: &[u8]) -> usize {
    bytes.first().map_or(0, |first| bytes.len() * 8 - first.leading_zeros() as usize)
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("family", &self.family).field("only", &self.only).finish_non_exhaustive()
    }
}
