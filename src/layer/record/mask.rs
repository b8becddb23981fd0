//! What of a message is not recorded.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use crate::message::{JsonRpcMessage, Pointer};
#[cfg(feature = "secret")]
use crate::secret::{Detector, Marker, Secrets, shared};

/// What stands in the place of what a path names.
const MASKED: &str = r#""[REDACTED:path]""#;

#[derive(Clone)]
pub(super) struct Mask {
    #[cfg(feature = "secret")]
    detector: Option<Arc<Detector>>,
    paths: Arc<[Pointer]>,
}

impl Default for Mask {
    fn default() -> Self {
        Self {
            #[cfg(feature = "secret")]
            detector: Some(shared().clone()),
            paths: Arc::default(),
        }
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
        let paths = self.paths.iter().map(|path| format!("path:{path}"));
        let parts: Vec<_> = secrets.into_iter().chain(paths).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// The message as it may be recorded; `None` where that cannot be said.
    pub(super) fn message<'m>(&self, message: &'m JsonRpcMessage) -> Option<Cow<'m, JsonRpcMessage>> {
        let mut masked = self.secrets(message)?;
        for path in &*self.paths {
            if path.find(masked.bytes()).ok()?.is_some() {
                masked = Cow::Owned(masked.into_owned().edit().set(path, MASKED).finish().ok()?);
            }
        }
        Some(masked)
    }

    /// What a layer beside this one has stripped of all that is looked for here is not searched again.
    #[cfg(feature = "secret")]
    fn secrets<'m>(&self, message: &'m JsonRpcMessage) -> Option<Cow<'m, JsonRpcMessage>> {
        let Some(detector) = &self.detector else { return Some(Cow::Borrowed(message)) };
        if message.is_stripped() && Arc::ptr_eq(detector, shared()) {
            return Some(Cow::Borrowed(message));
        }
        let secrets = Secrets::of(detector, message);
        if secrets.is_empty() {
            return Some(Cow::Borrowed(message));
        }
        secrets.masked(&Marker::default(), usize::MAX).ok().map(Cow::Owned)
    }

    #[cfg(not(feature = "secret"))]
    fn secrets<'m>(&self, message: &'m JsonRpcMessage) -> Option<Cow<'m, JsonRpcMessage>> {
        Some(Cow::Borrowed(message))
    }

    /// Text that is no message, or need not be text at all.
    #[cfg(feature = "secret")]
    pub(super) fn text<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        let Some(detector) = &self.detector else { return Cow::Borrowed(bytes) };
        let text = String::from_utf8_lossy(bytes);
        match detector.mask(&text, &Marker::default()) {
            Cow::Owned(masked) => Cow::Owned(masked.into_bytes()),
            Cow::Borrowed(_) => Cow::Borrowed(bytes),
        }
    }

    #[cfg(not(feature = "secret"))]
    pub(super) fn text<'t>(&self, bytes: &'t [u8]) -> Cow<'t, [u8]> {
        Cow::Borrowed(bytes)
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mask").field(&self.profile()).finish()
    }
}
