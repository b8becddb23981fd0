//! Names and addresses of hosts, in the one spelling that every peer reads alike.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The address that a host spells; an IPv6 address stands in brackets.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(inner) => inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
        None => host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
    }
}

/// A name by RFC 1123 in lower case, an IPv4 address of four numbers, or an IPv6 address in brackets.
pub(super) fn check(host: &str) -> Result<(), &'static str> {
    if address(host).is_some() {
        return Ok(());
    }
    if host.is_empty() || host.len() > 253 {
        return Err("a host has 1 to 253 characters");
    }
    if !host.split('.').all(is_label) {
        return Err("a host's parts are lower-case letters, digits and inner hyphens");
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    let number = last.strip_prefix("0x").unwrap_or(last);
    if number.bytes().all(|byte| byte.is_ascii_hexdigit()) && (number != last || is_digits(last)) {
        return Err("a host that ends in a number is an address of four numbers");
    }
    Ok(())
}

/// A port from 1 on, without leading zeros.
pub(super) fn port(text: &str) -> Option<u16> {
    (is_digits(text) && !text.starts_with('0')).then(|| text.parse().ok())?
}

fn is_label(label: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&label.len())
        && label.bytes().all(fits)
        && !label.starts_with('-')
        && !label.ends_with('-')
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
