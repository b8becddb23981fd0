//! Strings as they are written, and as they are read.

use std::ops::Range;

use memchr::memchr;

use crate::message::next_char;

/// Appends what the inside of a JSON string stands for.
pub(super) fn decode(raw: &str, out: &mut String) {
    let mut rest = raw;
    while let Some(at) = memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let Some((unit, after)) = next_char(&rest[at..]) else { return };
        out.push(unit.unwrap_or(char::REPLACEMENT_CHARACTER));
        rest = after;
    }
    out.push_str(rest);
}

/// Turns ranges of what `raw` stands for into ranges of `raw`. They come in order and apart.
pub(super) fn places(raw: &str, ranges: impl IntoIterator<Item = Range<usize>>) -> Vec<Range<usize>> {
    let mut wanted = ranges.into_iter();
    let mut walk = Walk { raw, read: 0, written: 0 };
    std::iter::from_fn(|| {
        let range = wanted.next()?;
        let start = walk.to(range.start);
        Some(start..walk.to(range.end))
    })
    .collect()
}

/// How far a string was read, and how much was written before that.
struct Walk<'a> {
    raw: &'a str,
    read: usize,
    written: usize,
}

impl Walk<'_> {
    /// Where in the raw string that place of the decoded one is.
    fn to(&mut self, decoded: usize) -> usize {
        while self.read < decoded {
            let rest = &self.raw[self.written..];
            // No further than to the next place: there may be many, and a long way to the next escape.
            let near = &rest.as_bytes()[..rest.len().min(decoded - self.read)];
            let plain = memchr(b'\\', near).unwrap_or(near.len());
            if plain > 0 {
                self.read += plain;
                self.written += plain;
                continue;
            }
            let Some((unit, after)) = next_char(rest) else { break };
            self.read += unit.unwrap_or(char::REPLACEMENT_CHARACTER).len_utf8();
            self.written = self.raw.len() - after.len();
        }
        self.written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_the_text_is_a_place_in_its_spelling() {
        let raw = r"a\n\u00e9é\ud83d\ude00\ud800z";
        let mut text = String::new();
        decode(raw, &mut text);
        assert_eq!(text, "a\n\u{e9}\u{e9}\u{1F600}\u{FFFD}z");
        let all: Vec<_> = text.char_indices().map(|(at, c)| at..at + c.len_utf8()).collect();
        let spelled: Vec<_> = places(raw, all).into_iter().map(|place| &raw[place]).collect();
        assert_eq!(spelled, ["a", r"\n", r"\u00e9", "é", r"\ud83d\ude00", r"\ud800", "z"]);
        assert_eq!(places(raw, std::iter::once(0..text.len())), vec![0..raw.len(); 1]);
    }

    /// A search for the next escape from each of them would take minutes.
    #[test]
    fn many_places_are_found_on_one_way() {
        let raw = "a".repeat(4 << 20);
        let ranges: Vec<_> = (0..raw.len() / 16).map(|n| n * 16..n * 16 + 8).collect();
        assert_eq!(places(&raw, ranges.clone()), ranges);
    }
}
