//! Text of peers without the secrets in it.

use std::borrow::Cow;

#[cfg(feature = "secret")]
use crate::secret::{Marker, shared};

/// What of a text is looked at beyond what has room, in bytes: a secret may begin in one and end in the other.
#[cfg(feature = "secret")]
const BEYOND: usize = 4 << 10;

/// As much of a text as may be shown in `room` bytes, masked, and how many bytes of it were not looked at.
#[cfg(feature = "secret")]
pub(crate) fn masked(text: &str, room: usize) -> (Cow<'_, str>, usize) {
    masked_member("", text, room)
}

/// The same for the value of a member.
#[cfg(feature = "secret")]
pub(crate) fn masked_member<'t>(name: &str, text: &'t str, room: usize) -> (Cow<'t, str>, usize) {
    let most = text.len().min(room.saturating_add(BEYOND));
    let end = (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    (shared().mask_member(name, &text[..end], &Marker::default()), text.len() - end)
}

#[cfg(not(feature = "secret"))]
pub(crate) fn masked(text: &str, _: usize) -> (Cow<'_, str>, usize) {
    (Cow::Borrowed(text), 0)
}

#[cfg(not(feature = "secret"))]
pub(crate) fn masked_member<'t>(_: &str, text: &'t str, _: usize) -> (Cow<'t, str>, usize) {
    (Cow::Borrowed(text), 0)
}
