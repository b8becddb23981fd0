//! The time of day, as logs have it.

#[cfg(any(feature = "tape", all(feature = "monitor", target_os = "linux")))]
mod read;

use std::time::{SystemTime, UNIX_EPOCH};

#[cfg(any(feature = "tape", all(feature = "monitor", target_os = "linux")))]
pub(crate) use read::since_epoch;

/// UTC to the microsecond, as in RFC 3339. A clock before 1970 shows 1970.
pub(crate) fn utc(at: SystemTime) -> String {
    let micros = at.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_micros();
    format!("{}.{micros:06}Z", seconds(at))
}

/// The same to the millisecond.
#[cfg(all(feature = "audit", unix))]
pub(crate) fn utc_millis(at: SystemTime) -> String {
    let millis = at.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_millis();
    format!("{}.{millis:03}Z", seconds(at))
}

fn seconds(at: SystemTime) -> String {
    let seconds = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
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
        }
    }
}
