//! Times of day, as others write them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::stamp;
use crate::tape::time;

/// What was told of when.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    /// The first time of day that was met.
    first: Option<Duration>,
}

impl Clock {
    /// Since the first.
    pub(super) fn since_first(&mut self, time: Duration) -> Duration {
        time::within(time.saturating_sub(*self.first.get_or_insert(time)))
    }
}

/// RFC 3339, since 1970.
pub(super) fn since_epoch(text: &str) -> Option<Duration> {
    if text.ends_with('Z') {
        return stamp::since_epoch(text);
    }
    let (time, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
    let (sign, offset) = offset.split_at_checked(1)?;
    let (hours, minutes) = offset.split_once(':')?;
    let part = |digits: &str| {
        digits.bytes().all(|digit| digit.is_ascii_digit()).then(|| digits.parse::<u64>().ok()).flatten()
    };
    let offset = Duration::from_secs(part(hours)? * 3600 + part(minutes)? * 60);
    let time = stamp::since_epoch(&format!("{time}Z"))?;
    match sign {
        "+" => time.checked_sub(offset),
        "-" => time.checked_add(offset),
        _ => None,
    }
}

/// So long after 1970.
pub(super) fn wall(since: Duration) -> SystemTime {
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_taken_off() {
        let noon = Duration::new(1_795_262_400, 500_000_000);
        for text in ["2026-11-21T12:00:00.5Z", "2026-11-21T14:00:00.5+02:00", "2026-11-21T06:30:00.500-05:30"]
        {
            assert_eq!(since_epoch(text), Some(noon), "{text}");
        }
        for text in ["", "Z", "+02:00", "2026-11-21T12:00:00", "2026-11-21T12:00:00*02:00", "é02:00é"] {
            assert_eq!(since_epoch(text), None, "{text}");
        }
    }
}
