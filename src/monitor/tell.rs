//! Who else is told what the stream shows.

use std::fmt::Debug;

use super::invocations::{Step, Tool};
use super::samples::Lost;
use super::usage::Usage;
use crate::wassette::log::LogLine;

/// It must not block: it is told while the stream is polled.
pub(super) trait Tell: Debug + Send {
    fn usage(&mut self, usage: &Usage);
    /// `step` is what the line told of a call, and of which tool if that is counted one by one.
    fn line(&mut self, line: &LogLine, step: Option<&(Step, Option<Tool>)>);
    /// All that was lost so far.
    fn lost(&mut self, lost: Lost);
    fn ended(&mut self);
}
