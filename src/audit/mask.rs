//! Names may hold secrets: a tool's, a URI's, a client's own.

use std::borrow::Cow;
#[cfg(feature = "secret")]
use std::sync::LazyLock;

#[cfg(feature = "secret")]
use crate::secret::{Detector, Marker};

/// Made once: it takes milliseconds.
#[cfg(feature = "secret")]
static WITH: LazyLock<(Detector, Marker)> = LazyLock::new(|| (Detector::new(), Marker::default()));

/// Masks what looks like a secret, with the feature `secret`; else it masks nothing.
pub(super) fn mask(text: &str) -> Cow<'_, str> {
    #[cfg(feature = "secret")]
    return WITH.0.mask(text, &WITH.1);
    #[cfg(not(feature = "secret"))]
    text.into()
}
