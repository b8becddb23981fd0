//! What is done with a reply.

use std::sync::Arc;

use super::beat::Beat;

use super::Interception;
use super::chain::{Chain, Links, View, is_wanted};
use super::fixed::Fixed;
use super::future::BoxFuture;
use super::interception::Exchange;
use super::items::{Items, Silence};
use super::run::run;
use super::verdict::Verdict;
use crate::message::{Direction, JsonRpcMessage, Kind};
use crate::reply::{Reply, RpcService};

/// All that is needed when the reply comes.
pub(super) struct Tail<S> {
    pub(super) fixed: Arc<Fixed<S>>,
    /// Of the chain when the request came.
    pub(super) version: u64,
    /// None while nobody can want to see the reply, as the chain stood then.
    pub(super) view: Option<View>,
    pub(super) exchange: Exchange,
}

/// The chain now, as far as it was not known.
pub(super) fn look<'a>(view: &'a mut Option<View>, chain: &Chain) -> &'a Links {
    view.get_or_insert_with(|| chain.view()).now()
}

/// A reply as the chain leaves it.
pub(super) enum Reviewed {
    Now(Reply),
    /// And what the client is told meanwhile.
    Later((BoxFuture<Reply>, Option<Beat>)),
}

impl<S: RpcService + Clone> Tail<S> {
    /// Whether there is nothing to be done: nobody can want to see the reply, and no question is in it.
    pub(super) fn is_idle(&self, reply: &Reply) -> bool {
        let is_plain = match reply.as_one() {
            Some(message) => message.kind() != Kind::Request,
            None => reply.is_end(),
        };
        is_plain && self.view.is_none() && self.fixed.chain.version() == self.version
    }

    /// A single message that nobody wants to see is given on as it is; a stream is watched item by item.
    pub(super) fn review(mut self, reply: Reply) -> Reviewed {
        let Some(message) = reply.as_one() else {
            return Reviewed::Now(if reply.is_end() { reply } else { self.watch(reply) });
        };
        let request = self.exchange.request.as_ref();
        let links = look(&mut self.view, &self.fixed.chain);
        match (is_wanted(links, Direction::ToClient, message, request), message.kind()) {
            (true, Kind::Response) => {}
            (true, _) => return Reviewed::Now(self.watch(reply)),
            (false, Kind::Request) => {
                self.fixed.questions.asked(self.exchange.session_id(), message);
                return Reviewed::Now(reply);
            }
            (false, _) => return Reviewed::Now(reply),
        }
        let (links, message) = (links.clone(), message.clone());
        Reviewed::Later(self.decide(links, message, reply))
    }

    /// The chain decides about a single response.
    fn decide(
        mut self,
        links: Links,
        message: JsonRpcMessage,
        reply: Reply,
    ) -> (BoxFuture<Reply>, Option<Beat>) {
        let beat = Beat::of_reply(&self.exchange, self.fixed.progress);
        self.exchange.transport = reply.extensions().clone();
        let seen = Interception::new(message, Direction::ToClient, self.exchange);
        let running: BoxFuture<_> = Box::pin(async move {
            let (seen, verdict) = run(links, seen).await;
            match verdict {
                Verdict::Lose => reply.over(|_| Silence),
                Verdict::Pass | Verdict::Collect(_) => reply.map(move |_| seen.message().clone()),
                Verdict::Answer(answer) => match answer.as_one().cloned() {
                    Some(answer) => reply.map(move |_| answer.clone()),
                    None => Reply::empty(),
                },
            }
        });
        (running, beat)
    }

    fn watch(mut self, reply: Reply) -> Reply {
        self.exchange.transport = reply.extensions().clone();
        reply.over(|inner| Items::new(inner, self))
    }
}
