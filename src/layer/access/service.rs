use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use super::future::ResponseFuture;
use super::handle::Access;
use super::refusal;
use super::review::{Exchange, who, would_deny};
use super::stats::add;
use crate::layer::answers::Spare;
use crate::message::{Direction, JsonRpcMessage, Kind};
use crate::policy::{Decision, Decisions, Judged};
use crate::reply::{Reply, RpcService};
use crate::session::Party;

/// The middleware of [`AccessControlLayer`](super::AccessControlLayer).
#[derive(Clone)]
pub struct AccessControl<S> {
    inner: S,
    access: Access,
    spare: Arc<Spare<S>>,
}

/// What becomes of a client's message.
enum Verdict {
    Pass(Option<Decision>),
    Refuse(Reply),
}

impl<S> AccessControl<S> {
    pub(super) fn new(inner: S, access: Access) -> Self {
        Self { inner, access, spare: Arc::default() }
    }

    /// The service inside.
    pub fn get_ref(&self) -> &S {
        &self.inner
    }

    /// The service inside, to change.
    pub fn get_mut(&mut self) -> &mut S {
        // Answers to the server are sent through clones of the one that it becomes.
        self.spare = Arc::default();
        &mut self.inner
    }

    /// Gives the service inside back.
    pub fn into_inner(self) -> S {
        self.inner
    }

    fn judge(&self, message: &JsonRpcMessage) -> Verdict {
        let counts = &self.access.0.counts;
        // The front end's own listen is no message of anybody's; what comes on it is judged.
        if message.is_session_listen() {
            return Verdict::Pass(None);
        }
        let policy = self.access.current();
        if message.kind() == Kind::Response {
            if message.is_strict() || policy.is_dry_run() {
                return Verdict::Pass(None);
            }
            add(&counts.malformed);
            return Verdict::Refuse(Reply::empty());
        }
        let party = Party::of(message, None);
        let who = who(&policy, &party);
        let owners = |tool: &str| self.access.owner_of(tool);
        let (mut reply, decision) = match policy.judge(message, Direction::ToUpstream, &who, &owners) {
            Judged::Pass(decision) => {
                add(if would_deny(&decision) { &counts.would_deny } else { &counts.allowed });
                if would_deny(&decision) {
                    tracing::info!(%decision, "a message would be denied");
                }
                return Verdict::Pass(Some(decision));
            }
            Judged::Denied(decision, subject) => {
                add(&counts.denied);
                (refusal::denied(message, &subject), decision)
            }
            Judged::Malformed(decision, why) => {
                add(&counts.malformed);
                (refusal::malformed(message, why), decision)
            }
        };
        tracing::info!(%decision, "a message is denied");
        Decisions::add(&mut reply, decision);
        Verdict::Refuse(reply)
    }
}

impl<S: RpcService + Clone> Service<JsonRpcMessage> for AccessControl<S> {
    type Response = Reply;
    type Error = S::Error;
    type Future = ResponseFuture<S>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        let decision = match self.judge(&message) {
            Verdict::Refuse(reply) => return ResponseFuture::refused(reply),
            Verdict::Pass(decision) => decision,
        };
        self.spare.over(&self.inner);
        let request = (message.kind() == Kind::Request).then(|| message.clone());
        let exchange = Exchange { access: self.access.clone(), request };
        ResponseFuture::passed(self.inner.call(message), decision, exchange, self.spare.clone())
    }
}

impl<S: fmt::Debug> fmt::Debug for AccessControl<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessControl").field("inner", &self.inner).field("access", &self.access).finish()
    }
}
