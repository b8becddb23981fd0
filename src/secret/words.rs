//! Words that are looked for all at once.

use std::ops::Range;

/// Words, and what each is a sign of; case does not count.
///
/// Three characters, five bits of each, decide whether any word can begin at a place or just before it, so that every
/// other place is looked at. That set is small enough to stay near the processor, and unlike the states of an automaton
/// no look-up waits for the one before: ordinary text is passed at several times an automaton's speed.
pub(super) struct Words<T> {
    /// The three characters that words begin with.
    begins: Codes,
    /// These, and the three after the first: what stands at a place if a word begins there or before it.
    near: Codes,
    /// By the three characters that each begins with.
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

/// One bit for each three characters.
struct Codes(Box<[u64; CODES / 64]>);

impl Codes {
    fn of(codes: impl IntoIterator<Item = usize>) -> Self {
        let mut bits = Box::new([0; CODES / 64]);
        codes.into_iter().for_each(|code| bits[code / 64] |= 1 << (code % 64));
        Self(bits)
    }

    fn has(&self, code: usize) -> bool {
        self.0[code / 64 % (CODES / 64)] & 1 << (code % 64) != 0
    }
}

impl<T: Copy> Words<T> {
    /// These, none of which is empty.
    pub(super) fn new<'w>(words: impl IntoIterator<Item = (&'w str, T)>) -> Self {
        let all: Vec<_> = words.into_iter().filter(|(word, _)| !word.is_empty()).collect();
        let mut words: Vec<_> = all.iter().flat_map(|(word, sign)| entries(word.as_bytes(), *sign)).collect();
        words.sort_by_key(|word| word.begin);
        let begins = || words.iter().map(|word| word.begin);
        let after = all.iter().flat_map(|(word, _)| codes(&word.as_bytes()[1..]));
        Self { begins: Codes::of(begins()), near: Codes::of(begins().chain(after)), words }
    }

    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Shows each word that stands in the text, by where it begins.
    pub(super) fn each_in(&self, text: &str, mut see: impl FnMut(T, Range<usize>)) {
        let bytes = text.as_bytes();
        let (pairs, _) = bytes.as_chunks::<2>();
        let mut pair = pairs.first().map_or(0, |[a, b]| next(next(0, *a), *b));
        for (number, [a, b]) in pairs.iter().skip(1).enumerate() {
            if self.near.has(next(pair, *a)) {
                self.see_near(bytes, 2 * number, &mut see);
            }
            pair = next(next(0, *a), *b);
        }
        // Less than three characters are left, and a short word may end there.
        for place in (2 * pairs.len().saturating_sub(1)..=bytes.len()).step_by(2) {
            self.see_near(bytes, place, &mut see);
        }
    }

    #[inline(never)] // for it is rare, and the loop around it is not
    fn see_near(&self, text: &[u8], place: usize, see: &mut impl FnMut(T, Range<usize>)) {
        for at in place.saturating_sub(1)..text.len().min(place + 1) {
            let code = (at..at + 3).fold(0, |code, at| next(code, text.get(at).copied().unwrap_or(0)));
            if self.begins.has(code) {
                self.see_at(text, at, code, see);
            }
        }
    }

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

/// What follows what: the last three characters count.
fn next(code: usize, byte: u8) -> usize {
    (code << BITS | usize::from(byte & ((1 << BITS) - 1))) & (CODES - 1)
}

/// What may stand where this begins: after a text of less than three characters, anything.
fn codes(text: &[u8]) -> impl Iterator<Item = usize> + use<> {
    let missing = BITS as usize * 3_usize.saturating_sub(text.len());
    let code = text.iter().take(3).fold(0, |code, byte| next(code, *byte)) << missing;
    (0..1 << missing).map(move |rest| code | rest)
}

fn entries<T: Copy>(text: &[u8], sign: T) -> impl Iterator<Item = Word<T>> {
    let text: Box<[u8]> = text.into();
    codes(&text).map(move |begin| Word { begin, text: text.clone(), sign })
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
