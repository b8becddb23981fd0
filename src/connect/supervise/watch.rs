//! One leaf, from its first call to its end.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::health::HealthCheck;
use super::state::{Order, Shared};
use super::status::Status;
use crate::connect::leaf::{Exit, Leaf};
use crate::error::Error;

pub(super) struct Watch<L: Leaf> {
    pub(super) shared: Arc<Shared<L>>,
    pub(super) health: Option<HealthCheck>,
    pub(super) spawn_timeout: Duration,
    pub(super) reestablish: bool,
}

/// Why a leaf is attended no more.
enum Cause {
    /// It takes no more calls, and will end.
    Closed,
    Ended(Exit),
    /// It is to be stopped for this.
    Unhealthy(Error),
    Ordered(Order),
}

impl<L: Leaf> Watch<L> {
    /// Lets calls go to a new leaf. `None`: it was ordered to stop meanwhile.
    pub(super) async fn begin(&self, leaf: L) -> Option<Result<L, Error>> {
        let limit = self.spawn_timeout;
        let opened = tokio::select! {
            opened = timeout(limit, self.open(leaf.clone())) => opened,
            _ = self.ordered() => {
                end(leaf, self.reason()).await;
                return None;
            }
        };
        let error = match opened {
            Ok(Ok(())) => return Some(Ok(leaf)),
            Ok(Err(error)) => error,
            Err(_) => Error::timeout(format_args!("no session within {limit:?}")),
        };
        let generation = self.shared.lock().generation;
        self.shared.shut(generation);
        end(leaf, Error::closed(&error)).await;
        Some(Err(error))
    }

    /// The session as it was, where there was one, and then the calls that waited.
    async fn open(&self, mut leaf: L) -> Result<(), Error> {
        let session = {
            let state = self.shared.lock();
            state.session.is_legacy().then(|| state.session.clone())
        };
        if let Some(session) = session {
            let news = session.reestablish(&mut leaf).await?;
            let mut state = self.shared.lock();
            state.stats.reestablished += 1;
            state.news = news.into();
            tracing::warn!(
                "the session was re-established on a new leaf; the client is told that lists changed"
            );
        }
        let pid = leaf.pid();
        self.shared.open(leaf).await?;
        self.shared.lock().stats.starts += 1;
        tracing::info!(pid, "the supervised leaf is running");
        self.tell(Status::Running);
        Ok(())
    }

    /// Who waited for this attempt fails.
    pub(super) fn start_failed(&self, error: &Error) {
        self.shared.lock().stats.failed_starts += 1;
        self.shared.fail_waiting(&Error::closed(format_args!("the server could not be started: {error}")));
    }

    /// Until the leaf is gone. `None`: nothing is to come after it.
    pub(super) async fn attend(&self, leaf: L) -> Option<Exit> {
        let generation = self.shared.lock().generation;
        let (closed, ended) = (leaf.closed(), leaf.ended());
        tokio::pin!(closed, ended);
        let cause = tokio::select! {
            // Nothing goes through any more, though its process may not have ended yet.
            _ = &mut closed => Cause::Closed,
            exit = &mut ended => Cause::Ended(exit),
            order = self.ordered() => Cause::Ordered(order),
            why = self.sick(leaf.clone(), generation) => Cause::Unhealthy(why),
        };
        self.shared.shut(generation);
        let exit = match cause {
            Cause::Closed => ended.await,
            Cause::Ended(exit) => exit,
            Cause::Ordered(order) => {
                let exit = self.obey(order, leaf).await;
                self.shared.lock().exit = Some(exit);
                return None;
            }
            Cause::Unhealthy(why) => {
                tracing::warn!(pid = leaf.pid(), %why, "the supervised leaf is unhealthy; it is stopped");
                self.shared.lock().stats.unhealthy += 1;
                self.tell(Status::Unhealthy { why: why.clone() });
                leaf.stop(Error::closed(format_args!("it is unhealthy: {why}")));
                self.tell(Status::Stopping);
                let status = ended.await.status();
                Exit::failed(status, why)
            }
        };
        self.shared.lock().exit = Some(exit.clone());
        Some(exit)
    }

    /// Another leaf will come: what the client and the last had agreed on is kept for it, or lost.
    pub(super) fn settle_session(&self) {
        if !self.reestablish && self.shared.lock().session.is_legacy() {
            self.shared.lose_session();
        }
    }

    /// Resolves when the leaf does not answer any more.
    async fn sick(&self, leaf: L, generation: u64) -> Error {
        tokio::select! {
            why = self.deaf_to_checks(leaf) => why,
            why = self.silent_at_first(generation) => why,
            why = self.shared.until(|state| state.broken.take()) => why,
        }
    }

    async fn deaf_to_checks(&self, leaf: L) -> Error {
        let Some(health) = self.health else { return pending().await };
        let (mut number, mut failures) = (0, 0);
        loop {
            sleep(health.interval).await;
            number += 1;
            let era = self.shared.lock().session.era();
            let Some(question) = HealthCheck::question(number, era) else { continue };
            match health.ask(leaf.clone(), question).await {
                Ok(()) => failures = 0,
                Err(why) => {
                    failures += 1;
                    self.shared.lock().stats.failed_checks += 1;
                    tracing::debug!(%why, failures, "a health check failed");
                    if failures >= health.failures {
                        return why;
                    }
                }
            }
        }
    }

    /// The answer to `initialize` is the first sign of life.
    async fn silent_at_first(&self, generation: u64) -> Error {
        let limit = self.spawn_timeout;
        loop {
            self.shared.until(|state| state.session.is_opening(generation).then_some(())).await;
            let answered = self.shared.until(|state| (!state.session.is_opening(generation)).then_some(()));
            if timeout(limit, answered).await.is_err() {
                return Error::timeout(format_args!("no answer to initialize within {limit:?}"));
            }
        }
    }

    async fn obey(&self, order: Order, leaf: L) -> Exit {
        let why = self.reason();
        self.tell(Status::Stopping);
        self.shared.close(&why);
        let ended = leaf.ended();
        if order == Order::Stop {
            leaf.stop(why);
        }
        // Without an order to stop, whoever still has a call under way keeps the leaf until that is over.
        drop(leaf);
        ended.await
    }

    fn reason(&self) -> Error {
        let reason = self.shared.lock().reason.clone();
        reason.unwrap_or_else(|| Error::closed("the supervisor was stopped"))
    }

    /// Resolves when there is more to do than to watch.
    pub(super) async fn ordered(&self) -> Order {
        self.shared.until(|state| (state.order > Order::Watch).then_some(state.order)).await
    }

    /// It ended, and nothing comes after it; `why` where it ended by itself.
    pub(super) fn stopped(&self, why: Option<Error>) {
        self.shared.close(&why.unwrap_or_else(|| self.reason()));
        tracing::info!("the supervised leaf has ended");
        self.tell(Status::Stopped);
    }

    pub(super) fn gave_up(&self, why: Error) {
        tracing::error!(%why, "the supervised leaf failed and is not made again");
        self.shared.close(&why);
        self.tell(Status::Failed { why });
    }

    pub(super) fn is_over(&self) -> bool {
        self.shared.status.borrow().is_final()
    }

    pub(super) fn tell(&self, status: Status) {
        self.shared.tell(status);
    }
}

/// Ends a leaf and waits until it has.
async fn end<L: Leaf>(leaf: L, why: Error) {
    let ended = leaf.ended();
    leaf.stop(why);
    drop(leaf);
    ended.await;
}
