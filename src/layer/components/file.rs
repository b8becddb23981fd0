//! The bytes of a file that is to be loaded.

use std::fs::{self, File};
use std::io;

use super::Control;
use crate::policy::wassette::{Digest, FileCheck, Refusal};

/// A larger file is not read.
const MOST: u64 = 256 << 20;

impl Control {
    /// Whether the file has one of the digests, now.
    pub(super) async fn check(&self, check: FileCheck) -> Result<(), Refusal> {
        let _turn = self.0.checks.acquire().await.map_err(|_| Refusal::UnreadableFile)?;
        let digest = tokio::task::spawn_blocking(move || Ok((digest(&check)?, check)));
        match digest.await {
            Ok(Ok((Some(digest), check))) if check.digests.contains(&digest) => Ok(()),
            Ok(Ok((Some(_), _))) => Err(Refusal::OtherDigest),
            Ok(Ok((None, _))) => Err(Refusal::UnreadableFile),
            Ok(Err(error)) => {
                let error: io::Error = error;
                tracing::warn!(%error, "a component's file cannot be read");
                Err(Refusal::UnreadableFile)
            }
            Err(_) => Err(Refusal::UnreadableFile),
        }
    }
}

/// None of what is no file or too large. A pipe is not opened: that may wait for ever.
fn digest(check: &FileCheck) -> io::Result<Option<Digest>> {
    match fs::metadata(&check.path)? {
        found if found.is_file() && found.len() <= MOST => Digest::of(File::open(&check.path)?, MOST),
        _ => Ok(None),
    }
}
