use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tower_service::Service;

use super::beat::Beat;
use super::chain::{View, is_wanted};
use super::fixed::Fixed;
use super::future::ResponseFuture;
use super::interception::Exchange;
use super::items::Silence;
use super::questions::Questions;
use super::run::{Running, run};
use super::tail::Tail;
use super::verdict::Verdict;
use super::{Chain, Interception};
use crate::message::{Direction, JsonRpcMessage, Kind};
use crate::reply::{Reply, RpcService};

/// The middleware of [`InterceptLayer`](super::InterceptLayer).
#[derive(Clone)]
pub struct Intercept<S> {
    inner: S,
    view: View,
    fixed: Arc<Fixed<S>>,
}

impl<S> Intercept<S> {
    pub(super) fn new(inner: S, chain: &Chain, progress: Option<Duration>) -> Self {
        let fixed = Fixed::new(chain.clone(), Questions::default(), progress);
        Self { inner, view: chain.view(), fixed }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside, to change.
    pub fn get_mut(&mut self) -> &mut S {
        // Calls are made through clones of the one that it becomes.
        let Fixed { chain, questions, progress, .. } = &*self.fixed;
        self.fixed = Fixed::new(chain.clone(), questions.clone(), *progress);
        &mut self.inner
    }

    /// Gives the service inside back.
    pub fn into_inner(self) -> S {
        self.inner
    }
}

impl<S: RpcService + Clone> Service<JsonRpcMessage> for Intercept<S> {
    type Response = Reply;
    type Error = S::Error;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        let links = self.view.now();
        let question =
            (message.kind() == Kind::Response).then(|| self.fixed.questions.answered(&message)).flatten();
        // The front end's own listen is no message of anybody's; what comes on it is.
        let own = message.is_session_listen();
        if own || !is_wanted(links, Direction::ToUpstream, &message, question.as_ref()) {
            let exchange = Exchange::new(is_request(&message));
            let tail = self.tail(exchange);
            return ResponseFuture::passing(self.inner.call(message), tail);
        }
        let links = links.clone();
        let request = is_request(&message);
        let seen = Interception::new(message, Direction::ToUpstream, Exchange::new(question));
        let mut running = Box::pin(run(links, seen));
        // What is decided at once goes on in the order in which it came.
        match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready((seen, verdict)) => self.decided(seen, verdict),
            Poll::Pending => self.undecided(running, Beat::new(request.as_ref(), self.fixed.progress)),
        }
    }
}

impl<S: RpcService + Clone> Intercept<S> {
    fn decided(&mut self, seen: Interception, verdict: Verdict) -> ResponseFuture<S> {
        let (message, kind) = (seen.message().clone(), seen.message().kind());
        let mut exchange = seen.into_parts().1;
        match (verdict, kind) {
            (Verdict::Lose, Kind::Request) => ResponseFuture::done(Reply::stream(Silence)),
            (Verdict::Lose, _) => ResponseFuture::done(Reply::empty()),
            (Verdict::Pass | Verdict::Collect(_), _) => {
                exchange.request = is_request(&message);
                ResponseFuture::passing(self.inner.call(message), self.tail(exchange))
            }
            // The server waits for it.
            (Verdict::Answer(reply), Kind::Response) => match reply.as_one() {
                Some(answer) => ResponseFuture::passing(self.inner.call(answer.clone()), self.tail(exchange)),
                None => ResponseFuture::done(Reply::empty()),
            },
            (Verdict::Answer(reply), _) => ResponseFuture::done(reply),
        }
    }

    /// Later, the service may not be ready any more: a clone is asked for that then.
    fn undecided(&self, running: Running, beat: Option<Beat>) -> ResponseFuture<S> {
        let mut clone = self.clone();
        let shared = beat.as_ref().map(Beat::shared);
        let decided = Box::pin(async move {
            let (mut seen, verdict) = running.await;
            seen.exchange.said = shared.map(|(said, over)| {
                over.decided();
                said
            });
            poll_fn(|cx| clone.inner.poll_ready(cx)).await?;
            clone.decided(seen, verdict).await
        });
        ResponseFuture::deciding(decided, beat)
    }

    /// What the message's reply needs. Little, where nobody can want to see it as the chain stands.
    fn tail(&mut self, mut exchange: Exchange) -> Tail<S> {
        self.fixed.over(&self.inner);
        let view = self.view.now().may_want_replies().then(|| self.view.clone());
        if view.is_some() {
            exchange.begin();
        }
        Tail { fixed: self.fixed.clone(), version: self.view.version(), view, exchange }
    }
}

fn is_request(message: &JsonRpcMessage) -> Option<JsonRpcMessage> {
    (message.kind() == Kind::Request).then(|| message.clone())
}

impl<S: fmt::Debug> fmt::Debug for Intercept<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intercept").field("inner", &self.inner).field("chain", self.view.chain()).finish()
    }
}
