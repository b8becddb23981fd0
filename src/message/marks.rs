//! What layers leave for each other on a message: cheaper than an extension, since most messages get one.

use std::sync::atomic::{AtomicU8, Ordering};

use super::JsonRpcMessage;

/// Never written to the wire.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    bits: AtomicU8,
    /// Who has recorded it last, and as which of its calls; by nobody, if that is 0.
    #[cfg(feature = "tape")]
    recorder: u32,
    #[cfg(feature = "tape")]
    call: u64,
}

const SYNTHETIC: u8 = 1;
#[cfg(feature = "secret")]
const STRIPPED: u8 = 2;
#[cfg(feature = "tape")]
const RECORDED: u8 = 4;

impl Marks {
    fn has(&self, mark: u8) -> bool {
        self.bits.load(Ordering::Relaxed) & mark != 0
    }

    /// What does not hold any more once the bytes are others.
    #[cfg(feature = "secret")]
    pub(super) fn of_other_bytes(mut self) -> Self {
        *self.bits.get_mut() &= !STRIPPED;
        self
    }

    #[cfg(not(feature = "secret"))]
    pub(super) fn of_other_bytes(self) -> Self {
        self
    }
}

impl Clone for Marks {
    fn clone(&self) -> Self {
        Self {
            bits: AtomicU8::new(self.bits.load(Ordering::Relaxed)),
            #[cfg(feature = "tape")]
            recorder: self.recorder,
            #[cfg(feature = "tape")]
            call: self.call,
        }
    }
}

impl JsonRpcMessage {
    /// Marks what no peer sent: a layer, or a person, put it there or answered with it. Recorders write it down, and what is
    /// marked is not played again by `verify`. The layers of this crate mark what they say in somebody's place; one of
    /// your own does it by this, or answers by `Reply::refuse`. What a layer changes on its way, as stripping and rewriting
    /// do, is still its sender's; what a person has changed is marked.
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
        self.mark_stripped();
        self
    }

    /// The same, for whoever only looks: it holds for all who share the message.
    #[cfg(feature = "secret")]
    pub(crate) fn mark_stripped(&self) {
        self.inner.beside.marks.bits.fetch_or(STRIPPED, Ordering::Relaxed);
    }

    #[cfg(all(feature = "secret", feature = "tape"))]
    pub(crate) fn is_stripped(&self) -> bool {
        self.has(STRIPPED)
    }

    /// A layer above those that are next has recorded it: as this call of this recorder, 0 if it is no call.
    #[cfg(feature = "tape")]
    pub(crate) fn recorded(self, call: (u32, u64)) -> Self {
        self.marked(RECORDED).of_recorder(call)
    }

    /// The same, of a recorder that does not record it.
    #[cfg(feature = "tape")]
    pub(crate) fn of_recorder(self, call: (u32, u64)) -> Self {
        let mut message = self;
        let marks = &message.inner.beside.marks;
        if call != (marks.recorder, marks.call) {
            let marks = &mut message.inner_mut().beside.marks;
            (marks.recorder, marks.call) = call;
        }
        message
    }

    /// Which recorder has it on its tape, by its number; 0 if none.
    #[cfg(feature = "tape")]
    pub(crate) fn recorder(&self) -> u32 {
        self.inner.beside.marks.recorder
    }

    /// The number that this recorder has given it already: at another edge of the stack, or before it was tried again.
    #[cfg(feature = "tape")]
    pub(crate) fn recorded_call(&self, recorder: u32) -> Option<u64> {
        let marks = &self.inner.beside.marks;
        (marks.recorder == recorder && marks.call != 0).then_some(marks.call)
    }

    #[cfg(all(feature = "secret", feature = "tape"))]
    pub(crate) fn is_recorded(&self) -> bool {
        self.has(RECORDED)
    }

    fn has(&self, mark: u8) -> bool {
        self.inner.beside.marks.has(mark)
    }

    /// A message that is shared is copied for it, so one that has the mark is left alone.
    fn marked(mut self, mark: u8) -> Self {
        if !self.has(mark) {
            *self.inner_mut().beside.marks.bits.get_mut() |= mark;
        }
        self
    }
}
