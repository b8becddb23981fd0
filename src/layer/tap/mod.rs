//! Looking at what passes, for layers that never change it.

mod future;
mod queue;

pub(super) use future::{Ending, Exchange, Tapped};
pub(super) use queue::{Receiver, Sender, Taken, queue};
