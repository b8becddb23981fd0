//! Looking at what passes, for layers that never change it.

mod future;

pub(super) use crate::queue::{Receiver, Sender, Taken, queue};
pub(super) use future::{Ending, Exchange, Tapped};
