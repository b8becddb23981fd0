//! What a child prints and how it was started, without secrets.

use std::borrow::Cow;
use std::ffi::OsString;
#[cfg(feature = "secret")]
use std::sync::Arc;

#[cfg(feature = "secret")]
use crate::secret::{Detector, Marker, MaskLines};

/// What masks; without the feature `secret`, nothing does.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "secret"), derive(Default))]
pub(super) struct Mask {
    #[cfg(feature = "secret")]
    detector: Arc<Detector>,
}

#[cfg(feature = "secret")]
impl Default for Mask {
    fn default() -> Self {
        Self { detector: crate::secret::shared().clone() }
    }
}

/// The same for one output.
pub(super) struct MaskedOutput {
    #[cfg(feature = "secret")]
    lines: MaskLines,
}

#[cfg(feature = "secret")]
impl Mask {
    pub(super) fn new(detector: Arc<Detector>) -> Self {
        Self { detector }
    }

    pub(super) fn output(&self) -> MaskedOutput {
        MaskedOutput { lines: MaskLines::new(self.detector.clone()) }
    }

    /// The words of a command line. What follows a word like `--password` is a secret, too.
    pub(super) fn words<'w>(&self, words: impl Iterator<Item = &'w OsString>) -> Vec<Cow<'w, str>> {
        let (mut all, mut name) = (Vec::new(), String::new());
        for word in words {
            let word = word.to_string_lossy();
            let masked = self.detector.mask_member(&name, &word, &Marker::default()).into_owned();
            name =
                if word.starts_with('-') { word.trim_start_matches('-').to_owned() } else { String::new() };
            all.push(if masked == word { word } else { Cow::Owned(masked) });
        }
        all
    }

    /// Whether a variable is one, by its name or its value.
    pub(super) fn is_secret(&self, name: &str, value: &str) -> bool {
        self.detector.is_secret_member(name, value) || !self.detector.find(value).is_empty()
    }
}

#[cfg(not(feature = "secret"))]
impl Mask {
    pub(super) fn output(&self) -> MaskedOutput {
        MaskedOutput {}
    }

    pub(super) fn words<'w>(&self, words: impl Iterator<Item = &'w OsString>) -> Vec<Cow<'w, str>> {
        words.map(|word| word.to_string_lossy()).collect()
    }
}

impl MaskedOutput {
    /// The next line, or what was read of it.
    pub(super) fn line<'l>(&mut self, line: &'l str, is_cut: bool) -> Cow<'l, str> {
        #[cfg(feature = "secret")]
        return if is_cut { self.lines.mask_cut(line) } else { self.lines.mask(line) };
        #[cfg(not(feature = "secret"))]
        {
            let _ = is_cut;
            Cow::Borrowed(line)
        }
    }
}
