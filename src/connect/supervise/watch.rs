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

/// How long a leaf that was told to end may take; a child process takes less, or is killed.
const LAST_MOMENTS: Duration = Duration::from_secs(30);

pub(super) struct Watch<L: Leaf> {
    pub(super) shared: Arc<Shared<L>>,
    pub(super) health: Option<HealthCheck>,
    pub(super) spawn_timeout: Duration,
    pub(super) reestablish: bool,
}

/// Why a leaf is attended no more.
enum Cause {
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
                end(leaf, Error::closed("the supervisor was stopped")).await;
                return None;
            }
        };
        let error = match opened {
            Ok(Ok(())) => return Some(Ok(leaf)),
            Ok(Err(error)) => error,
            Err(_) => Error::timeout(format_args!("no session within {limit:?}")),
        };
        end(leaf, Error::closed(&error)).await;
        Some(Err(error))
    }

    /// The session as it was, where there was one, and then the calls that waited.
    async fn open(&self, mut leaf: L) -> Result<(), Error> {
        let session = self.shared.lock().session.clone();
        let news = session.reestablish(&mut leaf).await?;
        if session.is_legacy() {
            let mut state = self.shared.lock();
            state.stats.reestablished += 1;
            state.news.clear();
            state.news.extend(news);
            tracing::warn!(
                "the session was re-established on a new leaf; the client is told that lists changed"
            );
        }
        let pid = leaf.pid();
        self.shared.lock().broken = None;
        self.shared.open(leaf).await?;
        self.shared.lock().stats.starts += 1;
        tracing::info!(pid, "the supervised leaf is running");
        self.tell(Status::Running);
        Ok(())
    }

    /// Who waited for this attempt fails.
    pub(super) fn start_failed(&self, error: &Error) {
        let mut state = self.shared.lock();
        state.session.abandon();
        state.stats.failed_starts += 1;
        drop(state);
        self.shared.fail_waiting(&Error::closed(format_args!("the server could not be started: {error}")));
    }

    /// Until the leaf is gone. `None`: nothing is to come after it.
    pub(super) async fn attend(&self, leaf: L) -> Option<Exit> {
        let ended = leaf.ended();
        tokio::pin!(ended);
        let cause = tokio::select! {
            exit = &mut ended => Cause::Ended(exit),
            order = self.ordered() => Cause::Ordered(order),
            why = self.sick(leaf.clone()) => Cause::Unhealthy(why),
        };
        self.shared.shut();
        let exit = match cause {
            Cause::Ended(exit) => exit,
            Cause::Ordered(order) => {
                self.obey(order, leaf).await;
                return None;
            }
            Cause::Unhealthy(why) => {
                tracing::warn!(pid = leaf.pid(), %why, "the supervised leaf is unhealthy; it is stopped");
                self.shared.lock().stats.unhealthy += 1;
                self.tell(Status::Unhealthy { why: why.clone() });
                leaf.stop(Error::closed(format_args!("it is unhealthy: {why}")));
                self.tell(Status::Stopping);
                let _ = timeout(LAST_MOMENTS, ended).await;
                Exit::new(None, why)
            }
        };
        self.settle_session();
        Some(exit)
    }

    /// What the client and the leaf had agreed on is kept for the next, or lost in so many words.
    fn settle_session(&self) {
        let mut state = self.shared.lock();
        state.session.abandon();
        if state.session.is_legacy() && !self.reestablish {
            state.session.lose();
            state.stats.lost_sessions += 1;
            tracing::warn!("the client's session is lost with its leaf");
            state.wake_listeners();
        }
    }

    /// Resolves when the leaf does not answer any more.
    async fn sick(&self, leaf: L) -> Error {
        tokio::select! {
            why = self.deaf_to_checks(leaf) => why,
            why = self.silent_at_first() => why,
            why = self.shared.until(|state| state.broken.take()) => why,
        }
    }

    async fn deaf_to_checks(&self, leaf: L) -> Error {
        let Some(health) = self.health else { return pending().await };
        let (mut number, mut failures) = (0, 0);
        loop {
            sleep(health.interval).await;
            number += 1;
            let session = self.shared.lock().session.clone();
            let Some(question) = HealthCheck::question(number, &session) else { continue };
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
    async fn silent_at_first(&self) -> Error {
        let limit = self.spawn_timeout;
        loop {
            self.shared.until(|state| state.session.is_opening().then_some(())).await;
            let answered = self.shared.until(|state| (!state.session.is_opening()).then_some(()));
            if timeout(limit, answered).await.is_err() {
                return Error::timeout(format_args!("no answer to initialize within {limit:?}"));
            }
        }
    }

    async fn obey(&self, order: Order, leaf: L) {
        self.tell(Status::Stopping);
        self.shared.close(&stopped());
        if order == Order::Release {
            // Whoever still has a call under way keeps the leaf until that is over.
            let ended = leaf.ended();
            drop(leaf);
            ended.await;
        } else {
            end(leaf, stopped()).await;
        }
    }

    /// Resolves when there is more to do than to watch.
    pub(super) async fn ordered(&self) -> Order {
        self.shared.until(|state| (state.order > Order::Watch).then_some(state.order)).await
    }

    pub(super) fn stopped(&self) {
        self.shared.close(&stopped());
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

fn stopped() -> Error {
    Error::closed("the supervisor was stopped")
}

/// Ends a leaf and waits until it has.
async fn end<L: Leaf>(leaf: L, why: Error) {
    leaf.stop(why);
    let (pid, ended) = (leaf.pid(), leaf.ended());
    drop(leaf);
    if timeout(LAST_MOMENTS, ended).await.is_err() {
        tracing::error!(pid, "a leaf does not end");
    }
}
