//! One message through the chain.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::chain::Links;
use super::link::{Link, add};
use super::verdict::{self, Verdict};
use super::{Action, Block, Interception};
use crate::error::BoxError;
use crate::message::Code;

/// A message that the chain decides about.
pub(super) type Running = Pin<Box<dyn Future<Output = (Interception, Verdict)> + Send>>;

/// Why an interceptor gave no decision.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("it panicked")]
    Panicked,
    #[error("it took longer than it may")]
    Late,
    #[error(transparent)]
    Failed(BoxError),
}

/// Asks each interceptor that wants to see the message, until one has decided.
pub(super) async fn run(links: Links, mut seen: Interception) -> (Interception, Verdict) {
    for link in links.iter() {
        let kind = seen.message().kind();
        if !link.takes(seen.direction(), kind, seen.method()) {
            continue;
        }
        add(&link.counts.seen);
        let decided = ask(link, &mut seen).await;
        match carry_out(link, &mut seen, decided).await {
            Ok(None) => {}
            Ok(Some(verdict)) => return (seen, verdict),
            Err(failure) => {
                count(link, &failure);
                if let Some(verdict) = failed(link, &seen, &failure) {
                    return (seen, verdict);
                }
            }
        }
    }
    (seen, Verdict::Pass)
}

async fn ask(link: &Link, seen: &mut Interception) -> Result<Action, Failure> {
    match tokio::time::timeout(link.budget, Caught(link.interceptor.decide(seen))).await {
        Err(_) => Err(Failure::Late),
        Ok(None) => Err(Failure::Panicked),
        Ok(Some(decided)) => decided.map_err(Failure::Failed),
    }
}

/// `None`: the message goes on to the next interceptor.
async fn carry_out(
    link: &Link,
    seen: &mut Interception,
    decided: Result<Action, Failure>,
) -> Result<Option<Verdict>, Failure> {
    let mut action = decided?;
    loop {
        link.counts.count(&action);
        action = match action {
            Action::Continue => return Ok(None),
            Action::Modify(message) => {
                verdict::replace(seen, message).map_err(Failure::Failed)?;
                return Ok(None);
            }
            Action::Block(block) => return Ok(Some(verdict::block(seen, &block))),
            Action::Respond(reply) => {
                return verdict::respond(seen, reply).map(Some).map_err(Failure::Failed);
            }
            Action::Delay(delay) => {
                tokio::time::sleep(delay).await;
                return Ok(None);
            }
            Action::Drop => return Ok(Some(verdict::drop_it(seen))),
            Action::Lose => return Ok(Some(Verdict::Lose)),
            Action::Collect(most) => return Ok(Some(Verdict::Collect(most))),
            Action::Hold(held) => Caught(held.0).await.ok_or(Failure::Panicked)?,
        };
    }
}

fn count(link: &Link, failure: &Failure) {
    add(match failure {
        Failure::Panicked => &link.counts.panicked,
        Failure::Late => &link.counts.late,
        Failure::Failed(_) => &link.counts.failed,
    });
}

/// What becomes of the message; nothing, where the interceptor fails open. The peer is not told why.
fn failed(link: &Link, seen: &Interception, failure: &Failure) -> Option<Verdict> {
    let method = seen.method();
    if link.opens {
        tracing::warn!(interceptor = %link.name, method, %failure, "an interceptor failed; the message goes on");
        return None;
    }
    tracing::warn!(interceptor = %link.name, method, %failure, "an interceptor failed; the message is blocked");
    let why = "The message could not be checked and was not forwarded";
    Some(verdict::block(seen, &Block::error(Code::INTERNAL_ERROR, why)))
}

/// `None` where the future panics: then it is not polled again.
struct Caught<F>(F);

impl<F: Future + Unpin> Future for Caught<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| Pin::new(&mut self.0).poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Err(_) => Poll::Ready(None),
        }
    }
}
