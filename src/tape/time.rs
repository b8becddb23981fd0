//! Times, as the formats in text have them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::message::write_unsigned;
use crate::stamp;

/// Milliseconds with as many decimals as it needs: `0`, `12.5`, `0.000001`.
pub(super) fn millis(time: Duration) -> String {
    let mut out = Vec::new();
    write_millis(&mut out, time);
    out.into_iter().map(char::from).collect()
}

/// The same, to the end of what is there.
pub(super) fn write_millis(out: &mut Vec<u8>, time: Duration) {
    let nanos = nanos(time);
    write_unsigned(out, nanos / 1_000_000);
    let rest = stamp::digits::<6>(nanos % 1_000_000);
    if let Some(last) = rest.iter().rposition(|digit| *digit != b'0') {
        out.push(b'.');
        out.extend_from_slice(&rest[..=last]);
    }
}

/// The same back; `None` where it is no time.
pub(super) fn from_millis(number: &[u8]) -> Option<Duration> {
    let number = std::str::from_utf8(number).ok()?;
    let time = exact(number).or_else(|| {
        let millis: f64 = number.parse().ok()?;
        Duration::try_from_secs_f64(millis / 1000.0).ok()
    })?;
    Some(within(time))
}

/// Without an exponent, and with no more than six decimals.
fn exact(number: &str) -> Option<Duration> {
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    if rest.len() > 6 || whole.starts_with('-') {
        return None;
    }
    let rest: u64 = format!("{rest:0<6}").parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    Some(Duration::from_nanos(whole.checked_mul(1_000_000)?.checked_add(rest)?))
}

/// What every format can hold.
pub(super) fn within(time: Duration) -> Duration {
    Duration::from_nanos(nanos(time))
}

/// As far as 63 bits go, which is 292 years.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).min(i64::MAX.unsigned_abs())
}

/// In UTC, to the microsecond.
pub(super) fn utc(time: SystemTime) -> String {
    stamp::utc(time)
}

/// The same back; `None` where it is no such time.
pub(super) fn from_utc(text: &str) -> Option<SystemTime> {
    stamp::since_epoch(text).map(|since| super::entry::whole_micros(UNIX_EPOCH + since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_in_milliseconds_comes_back() {
        for (nanos, text) in
            [(0, "0"), (1, "0.000001"), (12_500_000, "12.5"), (7_000_000, "7"), (1_000_001, "1.000001")]
        {
            let time = Duration::from_nanos(nanos);
            assert_eq!(millis(time), text);
            assert_eq!(from_millis(text.as_bytes()), Some(time));
        }
        assert_eq!(from_millis(b"1e3"), Some(Duration::from_secs(1)));
        let longest = from_millis(b"1000000000000000000").unwrap();
        assert_eq!(from_millis(millis(longest).as_bytes()), Some(longest));
        for text in ["-1", "", "x", "1e999", "null"] {
            assert_eq!(from_millis(text.as_bytes()), None, "{text}");
        }
    }
}
