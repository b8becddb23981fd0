//! Numbers, however they are spelled.

/// One spelling for all that are the same number; `None` where the exponent is beyond all reason.
pub(super) fn normal(number: &str) -> Option<String> {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, decimals].concat();
    let significant = digits.trim_start_matches('0').trim_end_matches('0');
    if significant.is_empty() {
        return Some("0".to_owned());
    }
    let zeros = digits.len() - digits.trim_end_matches('0').len();
    let shift = i64::try_from(zeros).ok()?.checked_sub(i64::try_from(decimals.len()).ok()?)?;
    let exponent = exponent.parse::<i64>().ok()?.checked_add(shift)?;
    Some(format!("{sign}{significant}e{exponent}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        for (one, other) in [
            ("1", "1.0"),
            ("15e-1", "1.50"),
            ("100", "1E+2"),
            ("0.001", "1e-3"),
            ("-0", "0.0"),
            ("0e99", "0"),
            ("123456789012345678901234567890", "1.2345678901234567890123456789e29"),
        ] {
            assert_eq!(normal(one), normal(other), "{one} {other}");
        }
        for (one, other) in
            [("1", "-1"), ("10", "1"), ("0.1", "0.01"), ("9007199254740993", "9007199254740992")]
        {
            assert_ne!(normal(one), normal(other), "{one} {other}");
        }
        assert_eq!(normal("1e99999999999999999999"), None);
    }
}
