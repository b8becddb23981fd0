//! Walking over objects whose grammar the scanner has already proved.
//!
//! On text that no scanner passed a walk ends early; it never panics and never reads past the end.

use std::ops::Range;

use memchr::memchr2;

use super::text;

/// One member of an object; ranges count from the object's first byte.
#[derive(Clone, Debug)]
pub(crate) struct Member<'a> {
    /// The key as written, without its quotes.
    pub(crate) raw_key: &'a str,
    /// From the key's opening quote to the value's end.
    pub(crate) whole: Range<usize>,
    pub(crate) value: &'a [u8],
    pub(crate) value_at: Range<usize>,
}

impl<'a> Member<'a> {
    /// The key, decoded.
    pub(crate) fn key(&self) -> std::borrow::Cow<'a, str> {
        text::decode(self.raw_key, true)
    }

    /// Whether the decoded key is `key`.
    pub(crate) fn is(&self, key: &str) -> bool {
        if self.raw_key.contains('\\') {
            text::decode(self.raw_key, true) == key
        } else {
            self.raw_key == key
        }
    }
}

/// The members of the object at the start of `json`; none if it is no object.
pub(crate) fn members(json: &[u8]) -> Members<'_> {
    let start = space(json, 0);
    let first = (json.get(start) == Some(&b'{')).then(|| space(json, start + 1));
    Members { json, at: first }
}

#[derive(Clone, Debug)]
pub(crate) struct Members<'a> {
    json: &'a [u8],
    at: Option<usize>,
}

impl<'a> Iterator for Members<'a> {
    type Item = Member<'a>;

    fn next(&mut self) -> Option<Member<'a>> {
        let start = self.at.take()?;
        let key_end = string_end(self.json, start)?;
        let raw_key = std::str::from_utf8(self.json.get(start + 1..key_end - 1)?).ok()?;
        let colon = space(self.json, key_end);
        if self.json.get(colon) != Some(&b':') {
            return None;
        }
        let value_start = space(self.json, colon + 1);
        let value_end = value_end(self.json, value_start)?;
        self.at = after(self.json, value_end);
        Some(Member {
            raw_key,
            whole: start..value_end,
            value: &self.json[value_start..value_end],
            value_at: value_start..value_end,
        })
    }
}

/// The places of the entries of the array at the start of `json`; none if it is no array.
pub(crate) fn elements(json: &[u8]) -> Elements<'_> {
    let start = space(json, 0);
    let first = (json.get(start) == Some(&b'[')).then(|| space(json, start + 1));
    Elements { json, at: first }
}

#[derive(Clone, Debug)]
pub(crate) struct Elements<'a> {
    json: &'a [u8],
    at: Option<usize>,
}

impl Iterator for Elements<'_> {
    type Item = Range<usize>;

    fn next(&mut self) -> Option<Range<usize>> {
        let start = self.at.take()?;
        if self.json.get(start) == Some(&b']') {
            return None;
        }
        let end = value_end(self.json, start)?;
        self.at = after(self.json, end);
        Some(start..end)
    }
}

/// Where the next entry starts, if a comma follows.
fn after(json: &[u8], end: usize) -> Option<usize> {
    let comma = space(json, end);
    (json.get(comma) == Some(&b',')).then(|| space(json, comma + 1))
}

fn space(json: &[u8], mut at: usize) -> usize {
    while json.get(at).is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')) {
        at += 1;
    }
    at
}

/// `at` is an opening quote; the index behind the closing one.
pub(crate) fn string_end(json: &[u8], at: usize) -> Option<usize> {
    if json.get(at) != Some(&b'"') {
        return None;
    }
    let mut from = at + 1;
    loop {
        let found = from + memchr2(b'"', b'\\', json.get(from..)?)?;
        if json[found] == b'"' {
            return Some(found + 1);
        }
        from = found + 2;
    }
}

fn value_end(json: &[u8], at: usize) -> Option<usize> {
    match json.get(at)? {
        b'"' => string_end(json, at),
        b'{' | b'[' => nest_end(json, at),
        _ => {
            let ends = |byte: &u8| matches!(byte, b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r');
            let length = json[at..].iter().position(ends).unwrap_or(json.len() - at);
            (length > 0).then_some(at + length)
        }
    }
}

fn nest_end(json: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        match json.get(at)? {
            b'"' => {
                at = string_end(json, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_come_in_order_with_their_places() {
        let json = br#" { "a" : 1 , "b\u0063":[{"x":"}"}], "d":"\"," } "#;
        let found: Vec<_> = members(json).map(|m| (m.raw_key, m.value)).collect();
        assert_eq!(found, [("a", &b"1"[..]), (r"b\u0063", &br#"[{"x":"}"}]"#[..]), ("d", &br#""\",""#[..])]);
        assert!(members(json).nth(1).unwrap().is("bc"));
        assert_eq!(&json[members(json).next().unwrap().whole], br#""a" : 1"#);
    }

    #[test]
    fn elements_come_in_order_with_their_places() {
        let json = br#" [ {"a":[1]} ,2, "]" ,[ ] ] "#;
        let found: Vec<_> = elements(json).map(|place| &json[place]).collect();
        assert_eq!(found, [&br#"{"a":[1]}"#[..], b"2", br#""]""#, b"[ ]"]);
        for json in [&b""[..], b"{}", b"[", b"[]", b" [ ] ", b"[[", b"[\""] {
            assert_eq!(elements(json).count(), 0, "{json:?}");
        }
    }

    #[test]
    fn text_that_is_no_json_ends_the_walk() {
        for json in
            [&b""[..], b"{", b"{\"", b"{\"a\"", b"{\"a\":", b"{\"a\":[", b"{\"a\\", b"[", b"[,", b"[\"\\"]
        {
            assert_eq!(members(json).count(), 0, "{json:?}");
        }
    }
}
