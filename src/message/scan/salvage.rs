//! The id of what is refused, so that its sender can be answered.

use super::super::envelope::IdToken;
use super::super::id::OwnedId;
use super::super::options::ScanOptions;
use super::envelope_key::Member;
use super::tokens::id_token;
use super::{Limits, Scanner};

/// The id of a top-level object, as far as it can be read from bytes that are no acceptable message, or from
/// the beginning of one that is too long.
///
/// Two ids are none: the sender must not be made to settle the wrong call.
pub(crate) fn salvage_id(bytes: &[u8], options: &ScanOptions) -> Option<OwnedId> {
    let readable = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok()?,
    };
    let strict = ScanOptions { transparent: false, ..*options };
    let raw = only_id(readable)?;
    match id_token(raw.as_bytes(), &strict).ok()? {
        IdToken::Null => None,
        token => Some(OwnedId::from_token(token, raw.as_bytes())),
    }
}

/// The value of the only top-level member `id` before the text ends or stops making sense.
fn only_id(text: &str) -> Option<&str> {
    let mut scanner = Scanner::new(text.as_bytes(), Limits::NONE);
    let (start, byte) = scanner.token(0);
    if byte != b'{' {
        return None;
    }
    let (mut ids, mut id) = (0, None);
    // Where it stops making sense does not matter.
    let _ = scanner.object(start, |scanner, key, value| {
        let is_id = Member::of(&key, scanner.bytes) == Some(Member::Id);
        ids += usize::from(is_id);
        let end = scanner.value(value)?;
        if is_id && ends_a_token(scanner.byte(end)) {
            id = text.get(value..end);
        }
        Some(end)
    });
    id.filter(|_| ids == 1)
}

/// A number that the text's end cuts off would read as another one.
fn ends_a_token(next: u8) -> bool {
    matches!(next, b' ' | b'\t' | b'\r' | b'\n' | b',' | b'}')
}
