//! What of a message is not recorded.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::message::{JsonRpcMessage, Pointer, is_json};
#[cfg(feature = "secret")]
use crate::secret::{Detector, Marker, Secrets, shared};
#[cfg(feature = "secret")]
use crate::tape::Redact;
use crate::tape::{Entry, places, profile};

/// What stands in the place of what a path names.
const MASKED: &str = "[REDACTED:path]";
/// Bytes of refused text that are recorded, and that are looked at behind them.
const TEXT: usize = 64 << 10;
const MARGIN: usize = 16 << 10;

#[derive(Clone)]
#[cfg_attr(not(feature = "secret"), derive(Default))]
pub(super) struct Mask {
    #[cfg(feature = "secret")]
    detector: Option<Arc<Detector>>,
    paths: Arc<[Pointer]>,
}

#[cfg(feature = "secret")]
impl Default for Mask {
    fn default() -> Self {
        Self { detector: Some(shared().clone()), paths: Arc::default() }
    }
}

impl Mask {
    #[cfg(feature = "secret")]
    pub(super) fn detector(&mut self, detector: Option<Arc<Detector>>) {
        self.detector = detector;
    }

    pub(super) fn path(&mut self, path: Pointer) {
        self.paths = self.paths.iter().cloned().chain([path]).collect();
    }

    /// What it is called on a tape; `None` where nothing is masked.
    pub(super) fn profile(&self) -> Option<String> {
        #[cfg(feature = "secret")]
        let secrets = self.detector.as_ref().map(|_| "secrets".to_owned());
        #[cfg(not(feature = "secret"))]
        let secrets = None;
        let paths = self.paths.iter().map(profile::path_word);
        let parts: Vec<_> = secrets.into_iter().chain(paths).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// The message as it may be recorded; `None` where that cannot be said.
    pub(super) fn message<'m>(&self, message: &'m JsonRpcMessage) -> Option<Cow<'m, JsonRpcMessage>> {
        let masked = self.secrets(message)?;
        if self.paths.is_empty() {
            return Some(masked);
        }
        match places::masked_once(masked.bytes(), &self.paths, MASKED).ok()? {
            Some(bytes) => masked.respelled(bytes).ok().map(Cow::Owned),
            None => Some(masked),
        }
    }

    /// What a layer beside this one has stripped of all that is looked for here, or found clean, is not searched again.
    #[cfg(feature = "secret")]
    fn secrets<'m>(&self, message: &'m JsonRpcMessage) -> Option<Cow<'m, JsonRpcMessage>> {
        let Some(detector) = &self.detector else { return Some(Cow::Borrowed(message)) };
        if message.is_stripped() && Arc::ptr_eq(detector, shared()) {
            return Some(Cow::Borrowed(message));
        }
        let secrets = Secrets::of(detector, message);
        if secrets.is_empty() {
            if Arc::ptr_eq(detector, shared()) {
                message.mark_stripped(); // the next layer need not look again
            }
            return Some(Cow::Borrowed(message));
        }
        secrets.masked(&Marker::default(), usize::MAX).ok().map(Cow::Owned)
    }

    #[cfg(not(feature = "secret"))]
    fn secrets<'m>(&self, message: &'m JsonRpcMessage) -> Option<Cow<'m, JsonRpcMessage>> {
        Some(Cow::Borrowed(message))
    }

    /// What a front end refused, as it may be recorded: JSON as a message is, or a batch of them, else as text. `None`
    /// where paths are to be masked and none can be followed, and of long JSON: what costs nothing to refuse is not to
    /// cost much to record.
    pub(super) fn refused(&self, bytes: &[u8]) -> Option<Bytes> {
        let is_long = bytes.len() > TEXT + MARGIN;
        if is_long && matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'[')) {
            return None;
        }
        if !is_long && is_json(bytes) {
            return Some(self.json(Bytes::copy_from_slice(bytes)));
        }
        if !self.paths.is_empty() && !bytes.is_empty() {
            return None;
        }
        let Some(beginning) = bytes.get(..TEXT + MARGIN) else { return Some(self.text(bytes)) };
        // What is cut in two by the end is not known as a secret: it is looked at, and not kept.
        let mut masked = self.text(beginning);
        masked.truncate(masked.len().saturating_sub(MARGIN));
        Some(masked)
    }

    /// State from outside, in which paths lead nowhere: they are those of messages.
    #[cfg(feature = "secret")]
    pub(super) fn snapshot(&self, entry: Entry) -> Entry {
        match &self.detector {
            Some(detector) => Redact::of(detector.clone(), &[]).entry(entry),
            None => entry,
        }
    }

    #[cfg(not(feature = "secret"))]
    pub(super) fn snapshot(&self, entry: Entry) -> Entry {
        entry
    }

    #[cfg(feature = "secret")]
    fn json(&self, json: Bytes) -> Bytes {
        match &self.detector {
            Some(detector) => Redact::of(detector.clone(), &self.paths).bytes(json),
            None => places::masked(json, &self.paths, MASKED),
        }
    }

    #[cfg(not(feature = "secret"))]
    fn json(&self, json: Bytes) -> Bytes {
        places::masked(json, &self.paths, MASKED)
    }

    /// Text that is no message, or need not be text at all.
    #[cfg(feature = "secret")]
    pub(super) fn text(&self, bytes: &[u8]) -> Bytes {
        let bytes = Bytes::copy_from_slice(bytes);
        match &self.detector {
            Some(detector) => Redact::of(detector.clone(), &[]).text(bytes),
            None => bytes,
        }
    }

    #[cfg(not(feature = "secret"))]
    pub(super) fn text(&self, bytes: &[u8]) -> Bytes {
        Bytes::copy_from_slice(bytes)
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mask").field(&self.profile()).finish()
    }
}

#[cfg(all(test, feature = "secret"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_clean_is_searched_once() {
        let mask = Mask::default();
        let clean = JsonRpcMessage::request(1, "x", r#"{"a":"b"}"#).unwrap();
        let sharer = clean.clone();
        assert!(matches!(mask.message(&clean), Some(Cow::Borrowed(_))));
        assert!(clean.is_stripped() && sharer.is_stripped());
        let changed = sharer.edit().params(r#"{"password":"hunter2"}"#).finish().unwrap();
        assert!(!changed.is_stripped());
        assert!(matches!(mask.message(&changed), Some(Cow::Owned(_))));
        assert!(!changed.is_stripped());
        let mut own = Mask::default();
        own.detector(Some(Arc::new(Detector::new())));
        let clean = JsonRpcMessage::request(2, "x", "{}").unwrap();
        assert!(own.message(&clean).is_some() && !clean.is_stripped(), "it may look for less");
    }
}
