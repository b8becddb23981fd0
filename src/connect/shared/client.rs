//! One client of a shared leaf.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::watch;
use tower_service::Service;

use super::Handle;
use super::call::{self, ResponseFuture};
use super::member::Member;
use super::state::ClientId;
use crate::connect::leaf::{Exit, Leaf};
use crate::error::Error;
use crate::message::JsonRpcMessage;
use crate::reply::Reply;

/// One client of a [`Shared`](super::Shared) leaf; its clones are the same client.
///
/// It is gone once every clone, pending call and open reply is, or when it is [stopped](Leaf::stop): then its
/// calls are cancelled, its subscriptions withdrawn, and what the server asked it is refused. The leaf goes on.
#[derive(Clone)]
pub struct Client<L: Leaf> {
    leaf: L,
    member: Arc<Member<L>>,
}

impl<L: Leaf> Client<L> {
    pub(super) fn new(leaf: L, id: ClientId, handle: Arc<Handle<L>>) -> Self {
        Self { leaf, member: Arc::new(Member::new(id, handle)) }
    }
}

impl<L: Leaf> Service<JsonRpcMessage> for Client<L> {
    type Response = Reply;
    type Error = Error;
    type Future = ResponseFuture<L>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.leaf.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> ResponseFuture<L> {
        call::start(&mut self.leaf, &self.member, message)
    }
}

impl<L: Leaf> Leaf for Client<L> {
    fn ended(&self) -> impl Future<Output = Exit> + Send + 'static {
        let stop = self.member.end.subscribe();
        let leaf = self.leaf.ended();
        async move {
            tokio::select! {
                why = stopped(stop) => Exit::new(None, why),
                exit = leaf => exit,
            }
        }
    }

    fn closed(&self) -> impl Future<Output = Error> + Send + 'static {
        let stop = self.member.end.subscribe();
        let leaf = self.leaf.closed();
        async move {
            tokio::select! {
                why = stopped(stop) => why,
                why = leaf => why,
            }
        }
    }

    fn stop(&self, why: Error) {
        self.member.stop(&why);
    }

    fn pid(&self) -> Option<u32> {
        self.leaf.pid()
    }
}

async fn stopped(mut stop: watch::Receiver<Option<Error>>) -> Error {
    let why = stop.wait_for(Option::is_some).await.ok().and_then(|why| why.clone());
    why.unwrap_or_else(|| Error::closed("the client is gone"))
}

impl<L: Leaf> fmt::Debug for Client<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("id", &self.member.id).finish_non_exhaustive()
    }
}
