//! Words that are looked for all at once.

use std::ops::Range;

/// Words, and what each is a sign of; case does not count.
///
/// Three characters, five bits of each, decide whether any word can begin at a place. That set is small enough to stay
/// near the processor, and unlike the states of an automaton no look-up waits for the one before: ordinary text is
/// passed at two or three times an automaton's speed.
pub(super) struct Words<T> {
    /// One bit for each three characters that a word begins with.
    begins: Box<[u64; CODES / 64]>,
    /// By those three characters.
    words: Vec<Word<T>>,
}

struct Word<T> {
    begin: usize,
    text: Box<[u8]>,
    sign: T,
}

/// Of each character, without its case.
const BITS: u32 = 5;
const CODES: usize = 1 << (3 * BITS);

impl<T: Copy> Words<T> {
    /// These, none of which is empty.
    pub(super) fn new<'w>(words: impl IntoIterator<Item = (&'w str, T)>) -> Self {
        let all = words.into_iter().filter(|(word, _)| !word.is_empty());
        let mut words: Vec<_> = all.flat_map(|(word, sign)| entries(word.as_bytes(), sign)).collect();
        words.sort_by_key(|word| word.begin);
        let mut begins = Box::new([0; CODES / 64]);
        for word in &words {
            begins[word.begin / 64] |= 1 << (word.begin % 64);
        }
        Self { begins, words }
    }

    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Shows each word that stands in the text, by where it begins.
    pub(super) fn each_in(&self, text: &str, mut see: impl FnMut(T, Range<usize>)) {
        let bytes = text.as_bytes();
        let mut code = bytes.iter().take(2).fold(0, |code, byte| next(code, *byte));
        for (at, byte) in bytes.iter().skip(2).enumerate() {
            code = next(code, *byte);
            if self.may_begin(code) {
                self.see_at(bytes, at, code, &mut see);
            }
        }
        // A short word may be the last in the text: nothing stands after it.
        for at in bytes.len().saturating_sub(2)..bytes.len() {
            let code = (at..at + 3).fold(0, |code, at| next(code, bytes.get(at).copied().unwrap_or(0)));
            if self.may_begin(code) {
                self.see_at(bytes, at, code, &mut see);
            }
        }
    }

    fn may_begin(&self, code: usize) -> bool {
        self.begins[code / 64] & 1 << (code % 64) != 0
    }

    #[inline(never)] // for it is rare, and the loop around it is not
    fn see_at(&self, text: &[u8], at: usize, code: usize, see: &mut impl FnMut(T, Range<usize>)) {
        let first = self.words.partition_point(|word| word.begin < code);
        for word in self.words[first..].iter().take_while(|word| word.begin == code) {
            let end = at + word.text.len();
            if text.get(at..end).is_some_and(|found| found.eq_ignore_ascii_case(&word.text)) {
                see(word.sign, at..end);
            }
        }
    }
}

fn next(code: usize, byte: u8) -> usize {
    (code << BITS | usize::from(byte & ((1 << BITS) - 1))) & (CODES - 1)
}

/// A word of less than three characters may have anything after it.
fn entries<T: Copy>(text: &[u8], sign: T) -> impl Iterator<Item = Word<T>> {
    let missing = 3_usize.saturating_sub(text.len());
    let code = text.iter().take(3).fold(0, |code, byte| next(code, *byte)) << (BITS as usize * missing);
    let text: Box<[u8]> = text.into();
    (0..1 << (BITS as usize * missing)).map(move |rest| Word { begin: code | rest, text: text.clone(), sign })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(words: &[&str], text: &str) -> Vec<(usize, Range<usize>)> {
        let all = Words::new(words.iter().enumerate().map(|(number, word)| (*word, number)));
        let mut found = Vec::new();
        all.each_in(text, |number, range| found.push((number, range)));
        found
    }

    #[test]
    fn words_of_any_length_are_found_to_the_last_byte() {
        for text in ["a", "xa", "xxa", "ab", "abc", "xabc", "", "éa"] {
            let expected: Vec<_> = text.match_indices('a').map(|(at, _)| (0, at..at + 1)).collect();
            assert_eq!(found(&["a"], text), expected, "{text}");
        }
        assert_eq!(found(&["sk", "sk-", "ask"], "Ask- sK"), [(2, 0..3), (0, 1..3), (1, 1..4), (0, 5..7)]);
        assert_eq!(found(&["é"], "xé"), [(0, 1..3)]);
    }

    proptest! {
        #[test]
        fn the_same_is_found_as_by_looking_at_each_place(
            words in prop::collection::vec("[aAb0pé]{1,4}", 1..5),
            text in "[aAbB0pPé ]{0,30}",
        ) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut expected = Vec::new();
            for at in 0..text.len() {
                for (number, word) in words.iter().enumerate() {
                    let end = at + word.len();
                    if text.as_bytes().get(at..end).is_some_and(|part| part.eq_ignore_ascii_case(word.as_bytes())) {
                        expected.push((number, at..end));
                    }
                }
            }
            let mut seen = found(&words, &text);
            seen.sort_by_key(|(number, range)| (range.start, *number));
            prop_assert_eq!(seen, expected);
        }
    }
}
