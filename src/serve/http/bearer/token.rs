//! A token in its three parts, and what its header may say (RFC 7515).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;

use super::{Algorithm, Keys, Refused};
use crate::message::{ScanOptions, scan_object};
use crate::protocol::peek;

/// Bytes of a token.
const MAX_BYTES: usize = 8 << 10;
/// Levels of nesting in a header and in claims.
const MAX_DEPTH: usize = 16;
/// What `typ` calls an access token (RFC 9068, section 2.1), or any token; compared without case.
const TYPES: [&str; 3] = ["at+jwt", "application/at+jwt", "JWT"];

/// The claims of a token that one of the keys has signed.
pub(super) fn verified(
    token: &str,
    algorithms: &[Algorithm],
    only_access: bool,
    keys: &Keys,
) -> Result<Vec<u8>, Refused> {
    if token.len() > MAX_BYTES {
        return Err(Refused::Malformed("it is longer than 8 KiB"));
    }
    let three = || {
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        (!claims.contains('.')).then_some((signed, header, claims, signature))
    };
    let (signed, header, claims, signature) = three().ok_or(Refused::Malformed("it has not three parts"))?;
    let header = object(header)?;
    let (algorithm, kid) = check_header(&header, algorithms, only_access)?;
    let key = keys.get(&kid).filter(|key| key.is_for(algorithm)).ok_or(Refused::UnknownKey)?;
    if !key.verifies(algorithm, signed.as_bytes(), &decode(signature)?) {
        return Err(Refused::Signature);
    }
    object(claims)
}

fn check_header(
    header: &[u8],
    algorithms: &[Algorithm],
    only_access: bool,
) -> Result<(Algorithm, String), Refused> {
    let has = |key| peek::member(header, key) != Ok(None);
    if has("crit") || has("zip") {
        return Err(Refused::Extension);
    }
    let algorithm = peek::text(header, "alg").map_err(|_| Refused::Algorithm)?;
    let algorithm = algorithm.and_then(|name| Algorithm::named(&name));
    let algorithm = algorithm.filter(|named| algorithms.contains(named)).ok_or(Refused::Algorithm)?;
    check_type(header, only_access)?;
    let kid = peek::text(header, "kid").ok().flatten().ok_or(Refused::UnknownKey)?;
    Ok((algorithm, kid.into_owned()))
}

fn check_type(header: &[u8], only_access: bool) -> Result<(), Refused> {
    let known = if only_access { &TYPES[..2] } else { &TYPES[..] };
    let is_fine = match peek::text(header, "typ") {
        Ok(Some(named)) => known.iter().any(|known| named.eq_ignore_ascii_case(known)),
        Ok(None) => !only_access,
        Err(_) => false,
    };
    if is_fine { Ok(()) } else { Err(Refused::Type) }
}

fn object(part: &str) -> Result<Vec<u8>, Refused> {
    let json = decode(part)?;
    match scan_object(&json, &ScanOptions::new().max_depth(MAX_DEPTH)) {
        Ok(()) => Ok(json),
        Err(_) => Err(Refused::Malformed("a part is no object in strict JSON")),
    }
}

/// Without padding, and each text has one encoding.
fn decode(part: &str) -> Result<Vec<u8>, Refused> {
    BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| Refused::Malformed("a part is no base64url"))
}
