//! JSON numbers, compared exactly: no float that would make two integers one.

/// A number without sign and zeros that mean nothing: `digits × 10^exponent`.
#[derive(Debug, PartialEq, Eq)]
struct Number {
    negative: bool,
    digits: String,
    exponent: i64,
}

/// The most digits an integer is written out with; the greatest that travels safely has 16.
const INTEGER_DIGITS: i64 = 20;

/// Whether two texts are the same JSON number: `42`, `42.0` and `4.2e1` are.
pub(super) fn same(a: &str, b: &str) -> bool {
    a == b || matches!((read(a), read(b)), (Some(a), Some(b)) if a == b)
}

/// An integer in decimal, however it was written; any other number as it was.
pub(super) fn decimal(text: &str) -> String {
    match read(text) {
        Some(Number { negative, digits, exponent })
            if exponent >= 0 && exponent.saturating_add(digits.len() as i64) <= INTEGER_DIGITS =>
        {
            let sign = if negative { "-" } else { "" };
            format!("{sign}{digits}{}", "0".repeat(exponent as usize))
        }
        _ => text.to_owned(),
    }
}

/// `None`: not a number by RFC 8259, or of an exponent that nothing can hold.
fn read(text: &str) -> Option<Number> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, self::exponent(exponent)?),
        None => (rest, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, digits(fraction)?),
        None => (mantissa, ""),
    };
    let whole = digits(whole).filter(|whole| *whole == "0" || !whole.starts_with('0'))?;
    let all = [whole, fraction].concat();
    let significant = all.trim_end_matches('0');
    let digits = significant.trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return Some(Number { negative: false, digits: "0".to_owned(), exponent: 0 });
    }
    let shift = (all.len() - significant.len()) as i64 - fraction.len() as i64;
    Some(Number { negative, digits, exponent: exponent.checked_add(shift)? })
}

fn exponent(text: &str) -> Option<i64> {
    digits(text.strip_prefix(['+', '-']).unwrap_or(text))?;
    text.parse().ok()
}

fn digits(text: &str) -> Option<&str> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then_some(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_number_is_the_same_however_it_is_written() {
        for same_as_42 in ["42", "42.0", "4.2e1", "4.2E+1", "420e-1", "42.000e0"] {
            assert!(same("42", same_as_42), "{same_as_42}");
            assert_eq!(decimal(same_as_42), "42");
        }
        for other in
            ["", "042", "+42", " 42", "42 ", "42.", ".42e2", "0x2a", "4_2", "42e", "-42", "42.01", "NaN"]
        {
            assert!(!same("42", other), "{other}");
        }
        assert!(same("0", "-0.00e7") && !same("9007199254740993", "9007199254740992"));
        assert!(!same("1e99999999999999999999", "1"));
        assert_eq!(decimal("1e400"), "1e400");
        assert_eq!(decimal("100"), "100");
        assert_eq!(decimal("-7e2"), "-700");
        assert_eq!(decimal("1.5"), "1.5");
    }

    proptest! {
        #[test]
        fn integers_are_written_as_they_are(value: i64, zeros in 0..5_usize) {
            let text = value.to_string();
            prop_assert_eq!(decimal(&text), text.clone());
            prop_assert_eq!(decimal(&format!("{text}.{}", "0".repeat(zeros + 1))), text.clone());
            let scaled = format!("{text}{}e-{zeros}", "0".repeat(zeros));
            prop_assert!(value == 0 || same(&text, &scaled));
            prop_assert!(!same(&text, &value.wrapping_add(1).to_string()));
        }
    }
}
