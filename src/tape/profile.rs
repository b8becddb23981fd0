//! What a tape says that it was masked by: words, `secrets` for what is found by itself and `path:…` for each place.

#[cfg(feature = "secret")]
use std::borrow::Cow;
use std::sync::Arc;

use crate::message::Pointer;
use crate::percent;

/// All secrets that are known.
#[cfg(feature = "secret")]
pub(crate) const SECRETS: &str = "secrets";

/// The word for a place. What would end the word is written as in an address: ` ` as `%20`.
pub(crate) fn path_word(path: &Pointer) -> String {
    let mut word = "path:".to_owned();
    for character in path.to_string().chars() {
        if character.is_whitespace() || matches!(character, ',' | '%') {
            percent::escape(&mut word, character.encode_utf8(&mut [0; 4]).as_bytes());
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
    let path = match percent::unescape(path.as_bytes()) {
        Some(bytes) => Cow::Owned(String::from_utf8(bytes).ok()?),
        None => Cow::Borrowed(path),
    };
    path.parse().ok()
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
