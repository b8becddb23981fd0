//! What a tape says that it was masked by: words, `secrets` for what is found by itself and `path:…` for each place.

#[cfg(feature = "secret")]
use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

use crate::message::Pointer;

/// All secrets that are known.
#[cfg(feature = "secret")]
pub(crate) const SECRETS: &str = "secrets";

/// The word for a place. What would end the word is written as in an address: ` ` as `%20`.
pub(crate) fn path_word(path: &Pointer) -> String {
    let mut word = "path:".to_owned();
    for character in path.to_string().chars() {
        if character.is_whitespace() || matches!(character, ',' | '%') {
            let mut bytes = [0; 4];
            for byte in character.encode_utf8(&mut bytes).bytes() {
                let _ = write!(word, "%{byte:02X}");
            }
        } else {
            word.push(character);
        }
    }
    word
}

/// The place that a word names, if it names one.
#[cfg(feature = "secret")]
pub(crate) fn place(word: &str) -> Option<Pointer> {
    let path = word.strip_prefix("path:").filter(|path| path.starts_with('/'))?;
    decoded(path)?.parse().ok()
}

#[cfg(feature = "secret")]
fn decoded(path: &str) -> Option<Cow<'_, str>> {
    if !path.contains('%') {
        return Some(path.into());
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(path.len()), path.as_bytes());
    while let [first, after @ ..] = rest {
        let byte = escaped(rest);
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &rest[3..] } else { after };
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(feature = "secret")]
fn escaped(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = text else { return None };
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

/// What was said and what is said beside it, each word once.
pub(crate) fn joined(said: Option<&str>, profile: &str) -> Arc<str> {
    let Some(said) = said else { return profile.into() };
    let others =
        profile.split_whitespace().filter(|word| !said.split_whitespace().any(|known| known == *word));
    others.fold(said.to_owned(), |all, word| format!("{all} {word}")).into()
}

#[cfg(all(test, feature = "secret"))]
mod tests {
    use super::*;

    #[test]
    fn any_place_is_one_word_and_is_read_again() {
        for path in ["/a", "/a/*/b", "/credit card/no, 7", "/100%", "/%20", "/\u{2003}ü"] {
            let path: Pointer = path.parse().unwrap();
            let word = path_word(&path);
            assert_eq!(word.split_whitespace().count(), 1, "{word}");
            assert_eq!(place(&word).as_ref(), Some(&path));
        }
        assert_eq!(place("path:/100%").unwrap().to_string(), "/100%", "as it was written once");
        assert!(place("secrets").is_none() && place("path:a").is_none());
    }

    #[test]
    fn what_both_profiles_say_is_said_once() {
        assert_eq!(&*joined(Some("secrets"), "secrets path:/a"), "secrets path:/a");
        assert_eq!(&*joined(Some("by hand"), "secrets"), "by hand secrets");
    }
}
