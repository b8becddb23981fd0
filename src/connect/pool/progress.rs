//! Waiting until a pool is full, or empty.

use std::pin::pin;

use super::state::Shared;
use crate::connect::leaf::Leaf;
use crate::error::Error;

impl<L: Leaf> Shared<L> {
    /// The spares are there, or one could not be made.
    pub(super) async fn warmed(&self) -> Result<(), Error> {
        let before = self.lock().troubles;
        loop {
            let progress = self.progress.notified();
            let mut progress = pin!(progress);
            progress.as_mut().enable();
            {
                let state = self.lock();
                if let Some(why) = &state.closed {
                    return Err(why.clone());
                }
                if state.idle.len() >= state.settings.ahead() {
                    return Ok(());
                }
                if let (true, Some(error)) = (state.troubles > before, &state.last_error) {
                    return Err(error.clone());
                }
            }
            progress.await;
        }
    }

    /// No leaf is left, and none is being made.
    pub(super) async fn drained(&self) {
        loop {
            let progress = self.progress.notified();
            let mut progress = pin!(progress);
            progress.as_mut().enable();
            {
                let state = self.lock();
                if state.alive + state.making == 0 {
                    return;
                }
            }
            progress.await;
        }
    }
}
