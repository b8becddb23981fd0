//! What was loaded, by its bytes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::policy::wassette::Digest;
use crate::tape::Recorder;

/// So many files are read at a time; what is loaded meanwhile has no digest.
const MAX_READING: usize = 4;

static READING: AtomicUsize = AtomicUsize::new(0);

/// Puts the digest of a component's file onto the tape, when it is read: on a thread of its own, since files may be slow.
pub(super) fn take(id: String, uri: String, recorder: Recorder) {
    if !uri.starts_with("file:") {
        return;
    }
    let one = Reading;
    if READING.fetch_add(1, Ordering::Relaxed) >= MAX_READING {
        tracing::debug!(id, "too many components are loaded at the same time to take the digests of all");
        return;
    }
    let read = move || {
        let _one = one;
        match Digest::of_file(&uri) {
            Ok(digest) => put(id, uri, digest, &recorder),
            Err(error) => tracing::debug!(%error, id, "a component's file was not read"),
        }
    };
    if let Err(error) = thread::Builder::new().name("shadowcat-digest".to_owned()).spawn(read) {
        tracing::debug!(%error, "a component's file was not read");
    }
}

fn put(id: String, uri: String, digest: Digest, recorder: &Recorder) {
    recorder.update(move |tape| {
        let is_it = |uri_then: Option<&str>, id_then: &str| id_then == id && uri_then == Some(&*uri);
        let mut components = tape.components.iter_mut();
        if let Some(component) = components.find(|known| is_it(known.uri.as_deref(), &known.id)) {
            component.digest.get_or_insert_with(|| digest.to_string().into());
        }
    });
}

/// Counted down also where no thread was started.
struct Reading;

impl Drop for Reading {
    fn drop(&mut self) {
        READING.fetch_sub(1, Ordering::Relaxed);
    }
}
