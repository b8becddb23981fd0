//! What a front end refused before it became a message of the stack's.

use std::fmt;
use std::sync::Arc;

/// What a front end refused: bytes that are no message, a request whose head is wrong, a message that nobody takes.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct RefusedFrame<'a> {
    /// As they came. None where only a head was refused.
    pub bytes: &'a [u8],
    /// Why: in the words of the answer, or more exactly; on HTTP behind its status.
    pub why: &'a str,
    /// The session that it was sent in, if that is known: as its messages' [`Context`](crate::Context) names it.
    pub session: Option<&'a str>,
}

impl<'a> RefusedFrame<'a> {
    /// These bytes, for this reason.
    pub fn new(bytes: &'a [u8], why: &'a str) -> Self {
        Self { bytes, why, session: None }
    }

    /// The same, sent in that session.
    ///
    /// ```
    /// use shadowcat::message::RefusedFrame;
    ///
    /// assert_eq!(RefusedFrame::new(b"{", "it is no JSON").in_session("s-1").session, Some("s-1"));
    /// ```
    pub fn in_session(mut self, name: &'a str) -> Self {
        self.session = Some(name);
        self
    }
}

impl fmt::Debug for RefusedFrame<'_> {
    /// Never the bytes, which may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusedFrame")
            .field("bytes", &self.bytes.len())
            .field("why", &self.why)
            .field("session", &self.session)
            .finish()
    }
}

/// Who a front end tells, if anybody.
#[derive(Clone, Default)]
pub(crate) struct OnRefused(Option<Arc<Told>>);

type Told = dyn Fn(&RefusedFrame<'_>) + Send + Sync;

impl OnRefused {
    pub(crate) fn new(told: impl Fn(&RefusedFrame<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(told)))
    }

    pub(crate) fn tell(&self, session: Option<&str>, bytes: &[u8], why: impl fmt::Display) {
        if let Some(told) = &self.0 {
            told(&RefusedFrame { bytes, why: &why.to_string(), session });
        }
    }

    /// Somebody wants to know.
    #[cfg(feature = "http")]
    pub(crate) fn is_heard(&self) -> bool {
        self.0.is_some()
    }
}

impl fmt::Debug for OnRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnRefused").field(&self.0.is_some()).finish()
    }
}
