//! Which files of a tape are kept.

use std::fs::{self, Metadata};
use std::time::{Duration, Instant, SystemTime};

use super::parts::{self, Part};
use super::{PartFormat, Rotating};
use crate::tape::{json, open_with};

/// Between two looks for files that are too old, at least and at most.
const LOOKS: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(60)];

impl Rotating {
    /// Removes what is not to be kept any longer, with so many files to come; what cannot be removed is tried again
    /// with the next file.
    pub(super) fn forget(&self, to_come: usize) {
        self.forget_left();
        let parts = parts::find(&self.base).unwrap_or_default();
        let (mut files, mut bytes) = (to_come, 0);
        for part in parts.iter().rev() {
            let Some(facts) = facts(part) else { continue };
            (files, bytes) = (files + 1, bytes + facts.len());
            let is_old = part.number < self.part && self.rotate.forgets(age(&facts), files, bytes);
            if is_old
                && self.is_ours(part)
                && let Err(error) = self.format.remove(&part.path)
            {
                tracing::warn!(path = %part.path.display(), %error, "an old part of a tape cannot be removed");
            }
        }
    }

    /// Removes what a crash left of documents that were to replace others.
    fn forget_left(&self) {
        if !matches!(self.format, PartFormat::Json) {
            return;
        }
        for left in parts::beside(&self.base).unwrap_or_default() {
            if json::is_left(&left.path, &self.writer.tape().id, left.number)
                && let Err(error) = fs::remove_file(&left.path)
            {
                tracing::warn!(path = %left.path.display(), %error, "what a crash left cannot be removed");
            }
        }
    }

    /// Files grow old also while there is no new one.
    pub(super) fn forget_old(&mut self) {
        let Some(time) = self.rotate.keep_for else { return };
        if self.looked.elapsed() >= time.clamp(LOOKS[0], LOOKS[1]) {
            self.forget(0);
            self.looked = Instant::now();
        }
    }

    fn is_ours(&self, part: &Part) -> bool {
        let title = open_with(&part.path, &self.format.to_open());
        title.is_ok_and(|found| {
            found.tape().id == self.writer.tape().id && found.tape().part == Some(part.number)
        })
    }
}

/// Of a regular file.
pub(super) fn facts(part: &Part) -> Option<Metadata> {
    fs::symlink_metadata(&part.path).ok().filter(Metadata::is_file)
}

/// Since it was last written to.
fn age(facts: &Metadata) -> Option<Duration> {
    SystemTime::now().duration_since(facts.modified().ok()?).ok()
}
