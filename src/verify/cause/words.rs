//! What words look like.

/// More words than that are not looked at.
const MAX_WORDS: usize = 100_000;

/// The pairs of words that differ, where all else is the same; `None` where it is not.
pub(super) fn pairs<'a>(expected: &'a str, actual: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
    let (mut ours, mut theirs) = (pieces(expected), pieces(actual));
    let mut differ = Vec::new();
    for _ in 0..MAX_WORDS {
        match (ours.next(), theirs.next()) {
            (None, None) => return Some(differ),
            (Some(a), Some(b)) if a == b => {}
            (Some(a), Some(b)) if is_word(a) && is_word(b) => differ.push((trim(a), trim(b))),
            _ => return None,
        }
    }
    None
}

/// Words, and what stands between them.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let is_same = |c: char| parts(c) == parts(first);
        let end = rest.find(|c: char| !is_same(c)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        Some(piece)
    })
}

fn parts(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            '"' | '\'' | '\\' | ',' | ';' | '(' | ')' | '[' | ']' | '{' | '}' | '<' | '>' | '=' | '`'
        )
}

fn is_word(piece: &str) -> bool {
    !piece.starts_with(parts)
}

/// Without the full stop of a sentence.
fn trim(word: &str) -> &str {
    word.trim_end_matches(['.', ':', '!', '?'])
}

pub(super) fn are_times(a: &str, b: &str) -> bool {
    is_time(a) && is_time(b)
}

fn is_time(word: &str) -> bool {
    is_epoch(word) || is_date(word) || is_clock(word) || is_name_of_day(word) || is_small_date(word)
}

/// Seconds, or a thousand, a million, a milliard of them, from 2001 to 2100.
fn is_epoch(word: &str) -> bool {
    let whole = word.split('.').next().unwrap_or_default();
    if !is_digits(whole) || !word[whole.len()..].bytes().skip(1).all(|byte| byte.is_ascii_digit()) {
        return false;
    }
    let Ok(number) = whole.parse::<u128>() else { return false };
    [1, 1_000, 1_000_000, 1_000_000_000]
        .iter()
        .any(|unit| (1_000_000_000 * unit..4_133_980_800 * unit).contains(&number))
}

/// `2026-11-21`, with a time behind it or without.
fn is_date(word: &str) -> bool {
    let date = word.split(['T', '_']).next().unwrap_or_default();
    let mut parts = date.split(['-', '/']);
    let mut number = |digits| parts.next().filter(|part| is_digits(part) && part.len() == digits);
    let is_date = number(4).is_some() && number(2).is_some() && number(2).is_some() && parts.next().is_none();
    let after = word.get(date.len() + 1..).unwrap_or_default();
    is_date && (after.is_empty() || is_clock(after))
}

/// `13:40`, `13:40:00`, with a fraction and a zone or without; and `8:05:09`, as clocks of twelve hours say.
fn is_clock(word: &str) -> bool {
    let zone = word.find(['Z', '+', '-']).unwrap_or(word.len());
    let (time, zone) = word.split_at(zone);
    let is_zone = zone.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'Z' | b'+' | b'-'));
    let parts: Vec<_> = time.split(':').collect();
    let is_part = |(at, part): (usize, &&str)| {
        let whole = part.split(['.', ',']).next().unwrap_or_default();
        let rest = part.get(whole.len() + 1..).unwrap_or_default();
        let is_whole = whole.len() == 2 || at == 0 && whole.len() == 1 && parts.len() == 3;
        is_whole && is_digits(whole) && (rest.is_empty() || is_digits(rest))
    };
    is_zone && (2..=3).contains(&parts.len()) && parts.iter().enumerate().all(is_part)
}

fn is_name_of_day(word: &str) -> bool {
    const NAMES: [&str; 19] = [
        "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul",
        "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    const HALVES: [&str; 4] = ["AM", "PM", "am", "pm"];
    NAMES.contains(&word) || DAYS.contains(&word) || HALVES.contains(&word)
}

/// The parts of a date in words: `21 Nov 2026`.
fn is_small_date(word: &str) -> bool {
    let is_year = word.len() == 4 && (word.starts_with("19") || word.starts_with("20"));
    is_digits(word) && is_year
}

pub(super) fn are_random(a: &str, b: &str) -> bool {
    if is_uuid(a) && is_uuid(b) {
        return true;
    }
    let (a, b) = unprefixed(a, b);
    let has_digits = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    let both = |is: fn(u8) -> bool| a.bytes().all(is) && b.bytes().all(is);
    if a.len() != b.len() || !has_digits(a) || !has_digits(b) || is_digits(a) && a.len() < 16 {
        return false;
    }
    a.len() >= 8 && both(|byte| byte.is_ascii_hexdigit())
        || a.len() >= 16
            && both(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_'))
}

/// Without what they begin with alike, up to the last sign that parts names: `sess_8f2a…`.
fn unprefixed<'a>(a: &'a str, b: &'a str) -> (&'a str, &'a str) {
    let same = a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count();
    let start = a.bytes().take(same).rposition(|byte| matches!(byte, b'_' | b'-' | b':' | b'/' | b'.'));
    match start.map(|at| at + 1) {
        Some(start) => (a.get(start..).unwrap_or(a), b.get(start..).unwrap_or(b)),
        None => (a, b),
    }
}

fn is_uuid(word: &str) -> bool {
    let groups: Vec<_> = word.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

pub(super) fn are_network(a: &str, b: &str) -> bool {
    let each = |is: fn(&str) -> bool| is(a) && is(b);
    each(is_host) || each(is_duration) || each(is_failure)
}

/// An address, or a host with a port, also within a URL whose scheme is the same.
fn is_host(word: &str) -> bool {
    let bare = word.split_once("://").map_or(word, |(_, rest)| rest);
    let bare = bare.split(['/', '?']).next().unwrap_or_default();
    let is_url = bare.len() < word.len();
    let (host, port) = bare.rsplit_once(':').unwrap_or((bare, ""));
    let is_name = |host: &str| {
        !host.is_empty()
            && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
    };
    bare.parse::<std::net::IpAddr>().is_ok()
        || host.parse::<std::net::IpAddr>().is_ok() && is_digits(port)
        || is_name(host) && host.bytes().any(|byte| byte.is_ascii_alphabetic()) && (is_digits(port) || is_url)
}

/// `12ms`, `1.5s`.
fn is_duration(word: &str) -> bool {
    let unit = word.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    matches!(unit, "ns" | "us" | "µs" | "ms" | "s") && unit.len() < word.len()
}

/// What stands in the errors of system calls and of libraries.
fn is_failure(word: &str) -> bool {
    const SAID: [&str; 20] = [
        "refused",
        "reset",
        "timed",
        "timeout",
        "unreachable",
        "dns",
        "econnrefused",
        "econnreset",
        "etimedout",
        "ehostunreach",
        "enetunreach",
        "eai_again",
        "enotfound",
        "epipe",
        "aborted",
        "closed",
        "broken",
        "resolve",
        "lookup",
        "disconnected",
    ];
    SAID.contains(&&*word.to_ascii_lowercase())
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_known_by_their_form() {
        for word in [
            "2026-11-21",
            "2026-11-21T13:40:00Z",
            "2026-11-21T13:40:00.123+01:00",
            "13:40",
            "13:40:00,5",
            "8:05:09",
            "PM",
            "Sunday",
            "1795214500",
            "1795214500123",
            "1795214500.5",
            "Nov",
            "2026",
        ] {
            assert!(is_time(word), "{word}");
        }
        for word in [
            "",
            "12",
            "7",
            "2026-1",
            "1:2",
            "3:14",
            "123:45",
            "10:5",
            "a:b",
            "99999999999999999999999999",
            "-",
            "T",
            "1795x",
            "25°C",
        ] {
            assert!(!is_time(word), "{word}");
        }
    }

    #[test]
    fn chance_is_known_by_its_form() {
        for (a, b) in [
            ("123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-12d3-a456-426614174001"),
            ("deadbeef01", "0123456789"),
            ("sess_8f2a91bc", "sess_11aa22bb"),
            ("aGVsbG8gd29ybGQ5", "aGVsbG8gd29ybGQ6"),
        ] {
            assert!(are_random(a, b), "{a} {b}");
        }
        for (a, b) in [
            ("12345678", "12345679"),
            ("deadbeef", "cafebabe"),
            ("abc", "abd"),
            ("deadbeef01", "deadbeef012"),
        ] {
            assert!(!are_random(a, b), "{a} {b}");
        }
    }

    #[test]
    fn networks_are_known_by_their_form() {
        for (a, b) in [
            ("127.0.0.1:80", "127.0.0.1:8123"),
            ("http://a.example/x", "http://b.example/x"),
            ("12ms", "130ms"),
            ("localhost:80", "localhost:81"),
            ("refused", "reset"),
        ] {
            assert!(are_network(a, b), "{a} {b}");
        }
        for (a, b) in [("12", "13"), ("yes", "no"), ("a:b", "a:c"), ("s", "ms"), ("refused", "granted")] {
            assert!(!are_network(a, b), "{a} {b}");
        }
    }

    #[test]
    fn only_texts_of_the_same_build_are_compared_by_words() {
        assert_eq!(pairs("a 1, b 2.", "a 3, b 2."), Some(vec![("1", "3")]));
        assert_eq!(pairs("a", "a b"), None);
        assert_eq!(pairs("a b", "a, b"), None);
        assert_eq!(pairs("", ""), Some(vec![]));
    }
}
