//! What a lax peer may take a name for.

use std::borrow::Cow;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

/// The text that peers which ignore case, width, invisible characters or everything behind a NUL would see.
///
/// Two names with one fold can be taken for each other, so a rule that *denies* compares folds. It costs
/// allocations: for names that already look odd, not for every key.
pub(crate) fn fold(text: &str) -> String {
    let visible = text.trim_start_matches('\0').split('\0').next().unwrap_or_default();
    let folded: String = visible
        .chars()
        // Before they are composed, so that the characters beside them are: a fold is its own fold.
        .filter(|c| !is_default_ignorable(*c) && !c.is_control())
        .nfkc()
        .default_case_fold()
        .nfkc()
        .collect();
    folded.trim().to_owned()
}

/// The same, without a copy of a name that is its own fold.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b'!'..=b'~') && !byte.is_ascii_uppercase()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(fold(text))
}

/// Whether some peer may read `key` as one of `names`, which are ASCII.
pub(crate) fn is_confusable(key: &str, names: &[&str]) -> bool {
    // Nothing but case and outer spaces is folded away in printable ASCII; this is every honest key.
    if key.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        let key = key.trim_ascii();
        return names.iter().any(|name| name.eq_ignore_ascii_case(key));
    }
    let key = fold(key);
    names.iter().any(|name| name.eq_ignore_ascii_case(&key))
}

/// Unicode's `Default_Ignorable_Code_Point`: characters that are displayed as nothing.
pub(crate) fn is_default_ignorable(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}'
        | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFF8}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
        | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_lax_peer_reads_as_method_folds_to_method() {
        for odd in [
            "Method",
            "METHOD",
            " method ",
            "method\0x",
            "\0method",
            "meth\u{200b}od",
            "ｍethod",
            "\u{7f}method",
        ] {
            assert_eq!(fold(odd), "method", "{odd:?}");
        }
        assert_eq!(fold("param\u{17f}"), "params");
    }

    proptest::proptest! {
        #[test]
        fn a_fold_is_its_own_fold(
            text in "[a-zA-Zéßſﬀ\\u{b4}\\u{0}\\u{1}\\u{7f}\\u{ad}\\u{301}\\u{307}\\u{345}\\u{200b}\\u{130}\\u{390} ]{0,8}",
            any in ".{0,8}",
        ) {
            for text in [text, any] {
                let folded = fold(&text);
                proptest::prop_assert_eq!(fold(&folded), folded, "{:?}", text);
            }
        }
    }

    #[test]
    fn what_is_composed_without_a_control_character_is_composed_with_it() {
        assert_eq!(fold("cafe\u{7f}\u{301}"), "café");
        for c in '\u{0}'..=char::MAX {
            let folded = fold(c.encode_utf8(&mut [0; 4]));
            assert_eq!(fold(&folded), folded, "{c:?}");
        }
    }

    #[test]
    fn a_name_that_is_borrowed_is_its_own_fold() {
        for name in ["", "get_weather", "a b", "Evil", "ünter", "~", "file:///a%20b?c#d", "a\u{7f}"] {
            assert_eq!(folded(name), fold(name), "{name:?}");
        }
    }

    #[test]
    fn other_words_stay_other_words() {
        assert_eq!(fold("methods"), "methods");
        assert_eq!(fold("mеthod"), "mеthod"); // a Cyrillic е is another letter, not another form
        assert_eq!(fold(""), "");
    }
}
