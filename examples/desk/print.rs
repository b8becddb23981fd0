//! Messages as a person reads them: nothing invisible, nothing that a terminal obeys.

/// Text with everything escaped that a terminal would obey or that is not seen: control characters, and what turns
/// the direction of text or has no width.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if is_hidden(char) {
            let mut units = [0; 2];
            // As JSON has it, so that what is copied from the screen says the same.
            char.encode_utf16(&mut units).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        } else {
            out.push(char);
        }
    }
    out
}

fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// JSON with line breaks, every token as it was written.
pub(super) fn pretty(json: &[u8]) -> Vec<u8> {
    let (mut out, mut depth) = (Vec::with_capacity(2 * json.len()), 0);
    let tokens: Vec<&[u8]> = tokens(json).collect();
    for (at, &token) in tokens.iter().enumerate() {
        let next = tokens.get(at + 1).copied().unwrap_or_default();
        match token {
            b"{" | b"[" => {
                out.extend_from_slice(token);
                if next != b"}" && next != b"]" {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            b"}" | b"]" => {
                let opened = matches!(out.last(), Some(b'{' | b'['));
                if !opened {
                    depth = depth.saturating_sub(1);
                    new_line(&mut out, depth);
                }
                out.extend_from_slice(token);
            }
            b"," => {
                out.push(b',');
                new_line(&mut out, depth);
            }
            b":" => out.extend_from_slice(b": "),
            token => out.extend_from_slice(token),
        }
    }
    out
}

/// JSON without the space between its tokens.
pub(super) fn compact(json: &[u8]) -> Vec<u8> {
    tokens(json).collect::<Vec<_>>().concat()
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + 2 * depth, b' ');
}

/// Strings, marks, and whatever stands between them.
fn tokens(mut json: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        json = json.trim_ascii_start();
        let length = match json.first()? {
            b'"' => string(json),
            b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
            _ => json.iter().position(|byte| b"{}[],:\" \t\r\n".contains(byte)).unwrap_or(json.len()),
        };
        let (token, rest) = json.split_at(length);
        json = rest;
        Some(token)
    })
}

fn string(json: &[u8]) -> usize {
    let mut escaped = false;
    let end = json.iter().skip(1).position(|byte| {
        let is_end = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        is_end
    });
    end.map_or(json.len(), |end| end + 2)
}
