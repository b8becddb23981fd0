//! What a part of a tape is to the whole.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::key::Hash;
use crate::protocol::peek;
use crate::tape::object::Object;
use crate::tape::{Sink, Tape, TapeError, time};

const FRAMES: &str = "frames_before";
const AT: &str = "timestamp_ms_before";

/// The number of a last frame, at most, that is gone on from: no recorder comes so far, and in SQLite
/// there is room for as many behind it.
const MAX_FRAME: u64 = 1 << 39;

/// What the parts before have come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::tape) struct Before {
    /// Their frames.
    pub(in crate::tape) frames: u64,
    /// When the last of them was said.
    pub(in crate::tape) at: Option<Duration>,
    /// The last MAC of their chain.
    pub(in crate::tape) tip: Option<Hash>,
}

impl Before {
    /// Something can follow it.
    pub(in crate::tape) fn checked(self, path: &Path) -> Result<Self, TapeError> {
        let Self { frames, .. } = self;
        if frames > MAX_FRAME {
            let why = format!("no recorder gives a frame the number {frames}");
            return Err(TapeError::damaged(path.display(), why));
        }
        Ok(self)
    }

    /// As members beside what is known of the tape; where there is nothing before, as none. The chain is told by its own.
    pub(in crate::tape) fn write(&self, object: &mut Object<'_>) {
        if self.frames > 0 {
            object.number(FRAMES, self.frames);
        }
        if let Some(at) = self.at {
            object.token(AT, &time::millis(at));
        }
    }

    /// From those members.
    pub(in crate::tape) fn read(json: &[u8]) -> Self {
        let member = |name| peek::member(json, name).ok().flatten();
        let frames = member(FRAMES).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        Self { frames: frames.unwrap_or(0), at: member(AT).and_then(time::from_millis), tip: None }
    }
}

/// Writes one part.
pub(in crate::tape) trait PartWriter: Sink + fmt::Debug {
    fn tape(&self) -> &Tape;

    /// Of the file, with what still waits in memory.
    fn bytes(&self) -> u64;

    /// It has no frame of its own yet.
    fn is_empty(&self) -> bool;

    /// What a part after it begins with.
    fn reached(&self) -> Before;

    /// Whether a commit waits for the disk.
    fn set_durable(&mut self, durable: bool) -> Result<(), TapeError>;

    /// Commits, with an end where something can stand behind it: another part is to follow, if it can be made. The disk
    /// is waited for only where commits do.
    fn end(&mut self) -> Result<(), TapeError>;

    /// Another part follows it: the last that is done with it.
    fn close(&mut self) -> Result<(), TapeError> {
        Ok(())
    }
}
