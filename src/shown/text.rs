//! Text of peers, so that it can be shown: nothing in it drives a terminal, hides or turns around what stands beside.

use std::fmt::Write;

use crate::message::is_default_ignorable;

/// A terminal may do something else with it than to show it.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || is_default_ignorable(c)
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{FFF9}'..='\u{FFFB}')
}

/// Appends `text`, escaped as in a JSON string, as far as it fits into `max` bytes. How many bytes of the text were
/// left out.
pub(crate) fn escape(out: &mut String, text: &str, max: usize) -> usize {
    let start = out.len();
    for (at, c) in text.char_indices() {
        let before = out.len();
        escape_char(out, c);
        if out.len() - start > max {
            out.truncate(before);
            return text.len() - at;
        }
    }
    0
}

fn escape_char(out: &mut String, c: char) {
    match c {
        '"' => out.push_str("\\\""),
        '\\' => out.push_str("\\\\"),
        c if is_unsafe(c) => escape_point(out, c),
        c => out.push(c),
    }
}

fn escape_point(out: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(out, "\\u{unit:04x}");
    }
}

/// JSON in which every character of text that is not safe to show is written as an escape.
pub(crate) fn safe_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_unsafe(c) { escape_point(&mut out, c) } else { out.push(c) }
    }
    out
}

/// A name of a peer's in `max` bytes, or a little more: plain where it is a plain word, else in quotes.
pub(crate) fn name(text: &str, max: usize) -> String {
    let is_plain = !text.is_empty()
        && text.len() <= max
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    if is_plain { text.to_owned() } else { quoted(text, max) }
}

/// The text in quotes, which is JSON; an ellipsis stands for what was left out.
pub(crate) fn quoted(text: &str, max: usize) -> String {
    let mut out = String::from("\"");
    if escape(&mut out, text, max) > 0 {
        out.push('…');
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drives_a_terminal_is_escaped() {
        let hostile = "\u{1b}[2Ja\u{202e}b\u{9b}c\u{7f}\u{e0041}\n\"é";
        let shown = quoted(hostile, 999);
        assert_eq!(shown, r#""\u001b[2Ja\u202eb\u009bc\u007f\udb40\udc41\u000a\"é""#);
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), hostile);
    }

    #[test]
    fn what_is_cut_is_cut_between_characters() {
        assert_eq!(quoted("aéé", 3), "\"aé…\"");
        assert_eq!(quoted("\u{1b}\u{1b}", 11), "\"\\u001b…\"");
        assert_eq!(
            (name("tools/call", 99), name("a b", 99)),
            ("tools/call".to_owned(), "\"a b\"".to_owned())
        );
    }
}
