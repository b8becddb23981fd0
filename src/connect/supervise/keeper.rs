//! The task that makes a leaf, has it watched, and makes it again.

use std::future::poll_fn;
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::policy::{Decision, History};
use super::status::Status;
use super::watch::Watch;
use crate::connect::leaf::{Exit, MakeLeaf};
use crate::error::Error;

pub(super) struct Keeper<M: MakeLeaf> {
    pub(super) make: M,
    pub(super) history: History,
    pub(super) watch: Watch<M::Leaf>,
}

/// Nothing is to come any more.
struct Ordered;

impl<M: MakeLeaf> Keeper<M> {
    pub(super) async fn run(mut self) {
        // Dropped with the task, however it ends.
        while let Ok((exit, ran)) = self.run_once().await {
            match self.history.decide(&exit, ran, Instant::now()) {
                Decision::RestartAfter(wait) => {
                    tracing::warn!(why = %exit, ?wait, "the supervised leaf will be made again");
                    self.watch.tell(Status::Starting { after: Some(exit.error().clone()) });
                    tokio::select! {
                        () = sleep(wait) => {}
                        _ = self.watch.ordered() => break,
                    }
                }
                Decision::Stop => return self.watch.stopped(Some(exit.error().clone())),
                Decision::GiveUp(why) => return self.watch.gave_up(why),
            }
        }
        self.watch.stopped(None);
    }

    /// One leaf, from its start to its end, and how long it ran.
    async fn run_once(&mut self) -> Result<(Exit, Duration), Ordered> {
        let error = match self.make().await? {
            Ok(leaf) => match self.watch.begin(leaf).await {
                Some(Ok(leaf)) => {
                    let started = Instant::now();
                    let exit = self.watch.attend(leaf).await.ok_or(Ordered)?;
                    return Ok((exit, started.elapsed()));
                }
                Some(Err(error)) => error,
                None => return Err(Ordered),
            },
            Err(error) => error,
        };
        self.watch.start_failed(&error);
        Ok((Exit::new(None, error), Duration::ZERO))
    }

    async fn make(&mut self) -> Result<Result<M::Leaf, Error>, Ordered> {
        let limit = self.watch.spawn_timeout;
        let made = tokio::select! {
            made = timeout(limit, make(&mut self.make)) => made,
            _ = self.watch.ordered() => return Err(Ordered),
        };
        Ok(made.unwrap_or_else(|_| Err(Error::timeout(format_args!("it was not made within {limit:?}")))))
    }
}

impl<M: MakeLeaf> Drop for Keeper<M> {
    /// The task panicked, in the maker perhaps, or the runtime is gone: nobody else tells those who wait.
    fn drop(&mut self) {
        if !self.watch.is_over() {
            self.watch.gave_up(Error::closed("the task that supervises the leaf is gone"));
        }
    }
}

async fn make<M: MakeLeaf>(maker: &mut M) -> Result<M::Leaf, Error> {
    let ready = poll_fn(|cx| maker.poll_ready(cx)).await;
    ready.map_err(|error| Error::from(error.into()))?;
    maker.make().await.map_err(|error| Error::from(error.into()))
}
