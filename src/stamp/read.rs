//! Reading the times that Wassette prints, and that tapes hold.

use std::time::Duration;

/// Since 1970 in UTC, of a time as `2026-11-20T22:41:40.580123Z`; of any other form there is none.
pub(crate) fn since_epoch(stamp: &str) -> Option<Duration> {
    let (date, time) = stamp.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (time, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(time, ':')?;
    let is_date = (1970..=9999).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let seconds = ((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second;
    Some(Duration::new(seconds, nanoseconds(fraction)?))
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let mut parts = text.split(separator).map(number);
    let three = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(three)
}

/// Digits only, no more than four.
fn number(digits: &str) -> Option<u64> {
    let is_number = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().ok())?
}

fn nanoseconds(fraction: &str) -> Option<u32> {
    let is_fraction = (1..=9).contains(&fraction.len()) && fraction.bytes().all(|byte| byte.is_ascii_digit());
    is_fraction.then(|| format!("{fraction:0<9}").parse().ok())?
}

/// From 1970-01-01. The year is counted from March, so that the leap day is its last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month < 3 { (year - 1, month + 9) } else { (year, month - 3) };
    let leap_days = year / 4 - year / 100 + year / 400;
    /// From the first of March of the year 0 to the first of January 1970.
    const TO_1970: u64 = 719_468;
    year * 365 + leap_days + (month * 153 + 2) / 5 + (day - 1) - TO_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_to_the_nanosecond() {
        let cases = [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("1972-02-29T23:59:59.5Z", 68_255_999, 500_000_000),
            ("2000-03-01T00:00:00.000001Z", 951_868_800, 1_000),
            ("2026-11-20T22:41:40.580123456Z", 1_795_214_500, 580_123_456),
        ];
        for (stamp, seconds, nanoseconds) in cases {
            assert_eq!(since_epoch(stamp), Some(Duration::new(seconds, nanoseconds)), "{stamp}");
        }
    }

    #[test]
    fn what_is_no_such_time_is_none() {
        for stamp in [
            "",
            "Z",
            "2026-11-20",
            "2026-11-20T22:41:40",
            "2026-11-20T22:41:40+01:00",
            "2026-13-20T22:41:40Z",
            "2026-11-00T22:41:40Z",
            "1969-12-31T23:59:59Z",
            "2026-11-20T24:41:40Z",
            "2026-11-20T22:41Z",
            "2026-11-20T22:41:40:1Z",
            "2026-11-20T22:41:40.Z",
            "2026-11-20T22:41:40.+1Z",
            "+026-11-20T22:41:40Z",
            "99999999999999999999-11-20T22:41:40Z",
        ] {
            assert_eq!(since_epoch(stamp), None, "{stamp}");
        }
    }
}
