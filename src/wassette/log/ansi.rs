use std::borrow::Cow;

const ESCAPE: char = '\u{1b}';
const BELL: char = '\u{7}';

/// The line without terminal escapes (ECMA-48: CSI and the string sequences) and without control characters;
/// a tab becomes a space.
pub(super) fn strip(line: &str) -> Cow<'_, str> {
    if !line.contains(char::is_control) {
        return Cow::Borrowed(line);
    }
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ESCAPE => skip_escape(&mut chars),
            '\u{9b}' => skip_until(&mut chars, |c| ('@'..='~').contains(&c)),
            '\t' => out.push(' '),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// What follows an escape character.
fn skip_escape(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        Some('[') => skip_until(chars, |c| ('@'..='~').contains(&c)),
        Some(']' | 'P' | 'X' | '^' | '_') => skip_until(chars, |c| c == BELL || c == '\u{9c}'),
        _ => {}
    }
}

/// Up to and with the end, or up to the next escape: no loop here begins another one.
fn skip_until(chars: &mut std::str::Chars<'_>, ends: impl Fn(char) -> bool) {
    while let Some(c) = chars.clone().next().filter(|c| *c != ESCAPE) {
        chars.next();
        if ends(c) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_and_control_characters_go_and_the_text_stays() {
        assert_eq!(strip("\u{1b}[2m12:00\u{1b}[0m \u{1b}[32m INFO\u{1b}[0m a\tb\r\n"), "12:00  INFO a b");
        assert_eq!(strip("a\u{1b}]0;title\u{7}b\u{1b}]8;;x\u{1b}\\c\u{9b}31md"), "abcd");
        assert_eq!(strip("\u{1b}"), "");
        assert_eq!(strip("\u{1b}["), "");
        assert_eq!(strip("é"), "é");
    }
}
