//! What the claims of a token must say (RFC 7519 section 4.1, RFC 9068 section 2.2).

use std::borrow::Cow;

use super::{Caller, Refused, Tokens};
use crate::message::elements;
use crate::protocol::peek;

/// Integers that every reader agrees on: ±(2^53−1).
const MAX_INTEGER: u64 = (1 << 53) - 1;

/// `claims` is strict JSON, and what the issuer signed. `now` is in seconds since 1970.
pub(super) fn check(claims: &[u8], tokens: &Tokens, now: u64) -> Result<Caller, Refused> {
    if text(claims, "iss")?.as_deref() != Some(&*tokens.issuer) {
        return Err(Refused::Issuer);
    }
    check_audience(claims, &tokens.resource)?;
    let expires = check_times(claims, tokens.leeway.as_secs(), now)?;
    if peek::member(claims, "cnf") != Ok(None) {
        return Err(Refused::Bound);
    }
    let subject = text(claims, "sub")?.ok_or(Refused::Claim("sub"))?;
    if subject.is_empty() || subject.chars().any(char::is_control) {
        return Err(Refused::Claim("sub"));
    }
    let scope = text(claims, "scope")?.unwrap_or_default();
    let caller = Caller {
        issuer: tokens.issuer.clone(),
        subject: subject.into(),
        client: text(claims, "client_id")?.map(Into::into),
        scopes: scope.split(' ').filter(|scope| !scope.is_empty()).map(str::to_owned).collect(),
        expires,
    };
    let has_all = tokens.scopes.iter().all(|scope| caller.has_scope(scope));
    if has_all { Ok(caller) } else { Err(Refused::Scope) }
}

/// One resource, or several; ours is one of them.
fn check_audience(claims: &[u8], resource: &str) -> Result<(), Refused> {
    let mistyped = Refused::Claim("aud");
    let audience = peek::member(claims, "aud").ok().flatten().ok_or(mistyped)?;
    if !audience.starts_with(b"[") {
        let only = peek::string(audience).map_err(|_| mistyped)?;
        return if only == resource { Ok(()) } else { Err(Refused::Audience) };
    }
    let mut is_ours = false;
    for place in elements(audience) {
        is_ours |= peek::string(&audience[place]).map_err(|_| mistyped)? == resource;
    }
    if is_ours { Ok(()) } else { Err(Refused::Audience) }
}

/// When it expires.
fn check_times(claims: &[u8], leeway: u64, now: u64) -> Result<u64, Refused> {
    let expires = integer(claims, "exp")?.ok_or(Refused::Claim("exp"))?;
    if now >= expires + leeway {
        return Err(Refused::Expired);
    }
    for name in ["nbf", "iat"] {
        if integer(claims, name)?.is_some_and(|from| from > now.saturating_add(leeway)) {
            return Err(Refused::NotYet);
        }
    }
    Ok(expires)
}

fn text<'a>(claims: &'a [u8], name: &'static str) -> Result<Option<Cow<'a, str>>, Refused> {
    peek::text(claims, name).map_err(|_| Refused::Claim(name))
}

/// Written as one: no fraction, no exponent, no sign.
fn integer(claims: &[u8], name: &'static str) -> Result<Option<u64>, Refused> {
    let parse = |json| {
        let value = std::str::from_utf8(json).ok()?.parse().ok()?;
        (value <= MAX_INTEGER).then_some(value)
    };
    match peek::member(claims, name) {
        Ok(Some(json)) => parse(json).map(Some).ok_or(Refused::Claim(name)),
        _ => Ok(None),
    }
}
