//! The time of day, as logs have it.

#[cfg(any(feature = "tape", all(feature = "monitor", target_os = "linux")))]
mod read;

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(any(feature = "tape", all(feature = "monitor", target_os = "linux")))]
pub(crate) use read::since_epoch;

/// UTC to the microsecond, as in RFC 3339. A clock before 1970 shows 1970.
pub(crate) fn utc(at: SystemTime) -> String {
    text(|out| write_utc(out, at))
}

/// The same to the millisecond.
#[cfg(all(feature = "audit", unix))]
pub(crate) fn utc_millis(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    text(|out| {
        write_seconds(out, since.as_secs());
        out.push(b'.');
        out.extend_from_slice(&digits::<3>(since.subsec_millis().into()));
        out.push(b'Z');
    })
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = Vec::with_capacity(32);
    write(&mut out);
    out.into_iter().map(char::from).collect()
}

/// As [`utc`], to the end of what is there: tapes have one in each line.
pub(crate) fn write_utc(out: &mut Vec<u8>, at: SystemTime) {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    write_seconds(out, since.as_secs());
    out.push(b'.');
    out.extend_from_slice(&digits::<6>(since.subsec_micros().into()));
    out.push(b'Z');
}

/// Of a year of four digits.
type Seconds = [u8; "1970-01-01T00:00:00".len()];

thread_local! {
    /// The second that was written last: the next time is of the same, mostly.
    static LAST: Cell<(u64, Seconds)> = const { Cell::new((0, *b"1970-01-01T00:00:00")) };
}

fn write_seconds(out: &mut Vec<u8>, seconds: u64) {
    let (last, text) = LAST.get();
    if last == seconds {
        return out.extend_from_slice(&text);
    }
    let start = out.len();
    write_date(out, seconds);
    if let Ok(text) = Seconds::try_from(&out[start..]) {
        LAST.set((seconds, text));
    }
}

fn write_date(out: &mut Vec<u8>, seconds: u64) {
    let (year, month, day) = date(seconds / 86_400);
    match year {
        0..=9999 => out.extend_from_slice(&digits::<4>(year)),
        _ => out.extend_from_slice(year.to_string().as_bytes()),
    }
    let rest = [
        (b'-', month),
        (b'-', day),
        (b'T', seconds / 3600 % 24),
        (b':', seconds / 60 % 60),
        (b':', seconds % 60),
    ];
    for (mark, number) in rest {
        out.push(mark);
        out.extend_from_slice(&digits::<2>(number));
    }
}

/// The last digits of a number, with zeros before it.
pub(crate) fn digits<const N: usize>(mut number: u64) -> [u8; N] {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    digits
}

/// Year, month and day of a day since 1970-01-01. The year is counted from March, so that the leap day is its last.
fn date(day: u64) -> (u64, u64, u64) {
    /// From the first of March of the year 0 to the first of January 1970.
    const TO_1970: u64 = 719_468;
    /// Days of four centuries.
    const ERA: u64 = 146_097;
    let day = day + TO_1970;
    let in_era = day % ERA;
    let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * in_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = day / ERA * 400 + year_of_era + u64::from(month < 3);
    (year, month, in_year - (153 * from_march + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_time_is_written_in_utc() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00.000001Z"),
            (68_255_999, "1972-02-29T23:59:59.000001Z"),
            (951_868_800, "2000-03-01T00:00:00.000001Z"),
            (1_795_214_500, "2026-11-20T22:41:40.000001Z"),
            (4_107_542_399, "2100-02-28T23:59:59.000001Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000001Z"),
        ] {
            let at = UNIX_EPOCH + Duration::new(seconds, 1_000);
            assert_eq!(utc(at), shown);
            assert_eq!(utc(at), shown, "again");
        }
        let far = UNIX_EPOCH + Duration::from_secs(253_402_300_800);
        for _ in 0..2 {
            assert_eq!(utc(far), "10000-01-01T00:00:00.000000Z");
        }
    }
}
