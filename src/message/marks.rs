//! What layers leave for each other on a message: cheaper than an extension, since most messages get one.

use super::JsonRpcMessage;

/// Never written to the wire.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Marks(u8);

const SYNTHETIC: Marks = Marks(1);
#[cfg(feature = "secret")]
const STRIPPED: Marks = Marks(2);
#[cfg(feature = "tape")]
const RECORDED: Marks = Marks(4);

impl Marks {
    fn has(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }

    /// What does not hold any more once the bytes are others.
    #[cfg(feature = "secret")]
    pub(super) fn of_other_bytes(self) -> Self {
        Self(self.0 & !STRIPPED.0)
    }

    #[cfg(not(feature = "secret"))]
    pub(super) fn of_other_bytes(self) -> Self {
        self
    }
}

impl JsonRpcMessage {
    /// Marks what no peer sent: a layer, or a person, put it there or answered with it. Recorders write it down.
    ///
    /// ```
    /// use shadowcat::JsonRpcMessage;
    ///
    /// let note = JsonRpcMessage::notification("notifications/message", r#"{"level":"info","data":"hello"}"#)?;
    /// assert!(!note.is_synthetic() && note.synthetic().is_synthetic());
    /// # Ok::<(), shadowcat::ParseError>(())
    /// ```
    pub fn synthetic(self) -> Self {
        self.marked(SYNTHETIC)
    }

    /// Whether a layer or a person made it: see [`synthetic`](Self::synthetic).
    pub fn is_synthetic(&self) -> bool {
        self.has(SYNTHETIC)
    }

    /// All that is known here of secrets was searched for in these bytes, and nothing is left.
    #[cfg(feature = "secret")]
    pub(crate) fn stripped(self) -> Self {
        self.marked(STRIPPED)
    }

    #[cfg(all(feature = "secret", feature = "tape"))]
    pub(crate) fn is_stripped(&self) -> bool {
        self.has(STRIPPED)
    }

    /// A layer above this one has recorded it.
    #[cfg(feature = "tape")]
    pub(crate) fn recorded(self) -> Self {
        self.marked(RECORDED)
    }

    #[cfg(all(feature = "secret", feature = "tape"))]
    pub(crate) fn is_recorded(&self) -> bool {
        self.has(RECORDED)
    }

    fn has(&self, mark: Marks) -> bool {
        self.inner.beside.marks.has(mark)
    }

    /// A message that is shared is copied for it, so one that has the mark is left alone.
    fn marked(mut self, mark: Marks) -> Self {
        if !self.has(mark) {
            self.inner_mut().beside.marks.0 |= mark.0;
        }
        self
    }
}
