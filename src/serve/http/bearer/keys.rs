//! The keys of an issuer.

use std::collections::HashMap;
use std::fmt;

use super::jwk::{Key, Unusable, key_id};
use crate::message::{ParseError, ScanOptions, elements, scan_object};
use crate::protocol::peek;

/// Bytes of a document of keys.
const MAX_BYTES: usize = 256 << 10;
/// Keys in a document.
const MAX_KEYS: usize = 100;

/// An issuer's public keys, by their `kid`.
///
/// ```
/// use shadowcat::serve::http::bearer::Keys;
///
/// let keys = Keys::from_jwks(br#"{"keys":[
///     {"kty":"OKP","crv":"Ed25519","kid":"a","use":"sig","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwaaPJHURo0"},
///     {"kty":"OKP","crv":"Ed25519","kid":"b","use":"enc","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwaaPJHURo0"}
/// ]}"#)?;
/// assert_eq!(keys.ids().collect::<Vec<_>>(), ["a"]);
/// assert_eq!(keys.left_out()[0].to_string(), "key 1 (\"b\"): not marked as one that signs (\"use\":\"sig\")");
/// # Ok::<(), shadowcat::serve::http::bearer::InvalidKeys>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Keys {
    by_id: HashMap<String, Key>,
    left_out: Vec<LeftOut>,
}

/// A key of a document that verifies nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftOut {
    /// Which one of the document, from 0.
    pub index: usize,
    /// Its `kid`, where that can be read.
    pub kid: Option<String>,
    /// Why.
    pub why: Unusable,
}

/// A document that is no JWK set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidKeys {
    /// It is no JSON object, or one that is read in more than one way, or it is larger than 256 KiB.
    #[error("the JWK set cannot be read: {0}")]
    Unreadable(#[from] ParseError),
    /// It has no array `keys`.
    #[error("the JWK set has no array \"keys\"")]
    NoArray,
    /// It has more than 100 keys.
    #[error("the JWK set has more than 100 keys")]
    TooMany,
}

impl Keys {
    /// Reads a JWK set (RFC 7517, section 5) of at most 256 KiB and 100 keys. A key that cannot be used is left out
    /// and [told](Self::left_out), and so are all that share a `kid`; a set without any that can is still a set, by
    /// which no token is accepted.
    ///
    /// # Errors
    ///
    /// The document is no JWK set, or too large.
    pub fn from_jwks(document: &[u8]) -> Result<Self, InvalidKeys> {
        scan_object(document, &ScanOptions::new().max_bytes(MAX_BYTES).max_depth(16))?;
        let list = peek::member(document, "keys").ok().flatten();
        let list = list.filter(|list| list.starts_with(b"[")).ok_or(InvalidKeys::NoArray)?;
        let all: Vec<_> = elements(list).take(MAX_KEYS + 1).map(|place| &list[place]).collect();
        if all.len() > MAX_KEYS {
            return Err(InvalidKeys::TooMany);
        }
        let mut keys = Self::default();
        let ids: Vec<_> = all.iter().map(|jwk| key_id(jwk)).collect();
        for (index, jwk) in all.iter().enumerate() {
            let is_twice = ids[index].is_some() && ids.iter().filter(|id| **id == ids[index]).count() > 1;
            let read = if is_twice { Err(Unusable::SameId) } else { Key::read(jwk) };
            keys.add(index, ids[index].clone(), read);
        }
        Ok(keys)
    }

    /// How many can be used.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether none can be used.
    pub fn is_empty(&self) -> bool {
        self.by_id.is_empty()
    }

    /// The `kid` of each that can be used, in no order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_id.keys().map(String::as_str)
    }

    /// Those that cannot, in the document's order.
    pub fn left_out(&self) -> &[LeftOut] {
        &self.left_out
    }

    pub(super) fn get(&self, id: &str) -> Option<&Key> {
        self.by_id.get(id)
    }

    fn add(&mut self, index: usize, kid: Option<String>, read: Result<Key, Unusable>) {
        match (kid, read) {
            (Some(kid), Ok(key)) => drop(self.by_id.insert(kid, key)),
            (kid, Err(why)) => self.left_out.push(LeftOut { index, kid, why }),
            (None, Ok(_)) => self.left_out.push(LeftOut { index, kid: None, why: Unusable::NoId }),
        }
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.index)?;
        if let Some(kid) = &self.kid {
            write!(f, " ({kid:?})")?;
        }
        write!(f, ": {}", self.why)
    }
}
