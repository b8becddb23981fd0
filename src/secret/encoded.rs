//! Text inside base64.

use std::ops::Range;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::runs::Class;

/// Shorter runs hold no secret worth the name.
const SHORTEST: usize = 24;

/// Whoever wrote it may have left out the padding, or cut it off.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const ORDINARY: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const FOR_URLS: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// The bytes that base64 of either alphabet stands for.
pub(super) fn decoded(run: &str) -> Option<Vec<u8>> {
    let run = run.trim_end_matches('=');
    let run = if run.len() % 4 == 1 { &run[..run.len() - 1] } else { run };
    let engine = if run.contains(['-', '_']) { &FOR_URLS } else { &ORDINARY };
    engine.decode(run).ok()
}

/// Each run of base64 that stands for text, and that text.
pub(super) fn texts(text: &str) -> impl Iterator<Item = (Range<usize>, String)> {
    runs(text).filter_map(|run| {
        let encoded = &text[run.clone()];
        // Most runs are names, paths and images: the first few bytes tell.
        is_text(&decoded(&encoded[..SHORTEST])?).then_some(())?;
        Some((run, whole(decoded(encoded)?)?))
    })
}

/// Each run that is long enough. One has a digit at its last possible place, or does not begin before it: in ordinary
/// text, few bytes are looked at.
fn runs(text: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let probe = at + SHORTEST - 1;
            if !is_digit(*bytes.get(probe)?) {
                at = probe + 1;
                continue;
            }
            let start = probe - bytes[at..probe].iter().rev().take_while(|byte| is_digit(**byte)).count();
            let end = probe + bytes[probe..].iter().take_while(|byte| is_digit(**byte)).count();
            let padding = bytes[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
            at = end + padding;
            if end - start >= SHORTEST {
                return Some(start..at);
            }
        }
    })
}

/// The text without its last character, where that is cut off.
fn whole(mut bytes: Vec<u8>) -> Option<String> {
    if let Err(error) = std::str::from_utf8(&bytes) {
        error.error_len().is_none().then_some(())?;
        bytes.truncate(error.valid_up_to());
    }
    String::from_utf8(bytes).ok()
}

fn is_digit(byte: u8) -> bool {
    byte != b'=' && Class::Base64.has(byte)
}

fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~') || *byte >= 0x80)
        && std::str::from_utf8(bytes).map_or_else(|error| error.error_len().is_none(), |_| true)
}
