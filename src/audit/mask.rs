//! Names may hold secrets: a tool's, a URI's, a client's own.

use std::borrow::Cow;

#[cfg(feature = "secret")]
use crate::secret::{Detector, Marker};

/// Masks what looks like a secret, with the feature `secret`; else it masks nothing.
#[derive(Debug, Default)]
pub(super) struct Mask {
    #[cfg(feature = "secret")]
    with: Option<(Detector, Marker)>,
}

impl Mask {
    /// For records without names.
    pub(super) const NONE: Self = Self {
        #[cfg(feature = "secret")]
        with: None,
    };

    pub(super) fn new() -> Self {
        Self {
            #[cfg(feature = "secret")]
            with: Some((Detector::new(), Marker::default())),
        }
    }

    pub(super) fn text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        #[cfg(feature = "secret")]
        if let Some((detector, marker)) = &self.with {
            return detector.mask(text, marker);
        }
        text.into()
    }
}
