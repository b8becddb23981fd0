//! The one allocation of a message, used again.
//!
//! A proxy makes and drops messages in bursts that overflow the allocator's own caches. Each thread keeps the
//! allocations of a burst for the next one; a message that somebody still shares is simply let go.

use std::cell::RefCell;
use std::ops::Deref;
use std::sync::Arc;

use bytes::Bytes;
use http::Extensions;

use super::Context;
use super::envelope::Envelope;
use super::marks::Marks;

/// The parts of a message.
#[derive(Clone)]
pub(super) struct Inner {
    pub(super) bytes: Bytes,
    pub(super) envelope: Envelope,
    /// The method's text, where it was written with escapes.
    pub(super) decoded_method: Option<Arc<str>>,
    pub(super) beside: Beside,
}

impl Inner {
    /// Lets go of everything but the allocation.
    fn release(&mut self) {
        self.bytes = Bytes::new();
        self.decoded_method = None;
        self.beside = Beside::default();
    }
}

/// What rides beside the bytes.
#[derive(Clone, Default)]
pub(crate) struct Beside {
    pub(crate) context: Option<Arc<Context>>,
    /// The order in which a connector read it; 0 where none did.
    pub(crate) sequence: u64,
    pub(crate) marks: Marks,
    pub(crate) extensions: Extensions,
}

/// How many allocations a thread keeps: about 20 KiB.
const SPARE: usize = 128;

thread_local! {
    static SPARES: RefCell<Vec<Arc<Inner>>> = const { RefCell::new(Vec::new()) };
}

/// An `Arc` whose allocation goes back to the thread's spares.
#[derive(Clone)]
pub(super) struct Shared(Option<Arc<Inner>>);

impl Shared {
    pub(super) fn new(inner: Inner) -> Self {
        let spare = SPARES.try_with(|spares| spares.borrow_mut().pop()).ok().flatten();
        let Some(mut spare) = spare else { return Self(Some(Arc::new(inner))) };
        match Arc::get_mut(&mut spare) {
            Some(place) => *place = inner,
            None => spare = Arc::new(inner),
        }
        Self(Some(spare))
    }

    /// The parts, to change: copied first where they are shared.
    pub(super) fn make_mut(&mut self) -> &mut Inner {
        Arc::make_mut(self.0.as_mut().expect("it is there until it is dropped"))
    }
}

impl Deref for Shared {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        self.0.as_ref().expect("it is there until it is dropped")
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let Some(mut inner) = self.0.take() else { return };
        // Whoever shares it drops it later; what it holds must not wait for the next message.
        let Some(unshared) = Arc::get_mut(&mut inner) else { return };
        unshared.release();
        let _ = SPARES.try_with(|spares| {
            let mut spares = spares.borrow_mut();
            if spares.len() < SPARE {
                spares.push(inner);
            }
        });
    }
}
