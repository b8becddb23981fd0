//! What is done with a reply.

use std::time::Duration;

use super::beat::Beat;

use super::Interception;
use super::chain::{View, is_wanted};
use super::future::BoxFuture;
use super::interception::Exchange;
use super::items::Items;
use super::questions::Questions;
use super::run::run;
use super::verdict::Verdict;
use crate::message::{Direction, Kind};
use crate::reply::{Reply, RpcService};

/// All that is needed when the reply comes.
pub(super) struct Tail<S> {
    /// Without a reservation: answers to the server's questions go through it.
    pub(super) service: S,
    pub(super) view: View,
    pub(super) questions: Questions,
    pub(super) exchange: Exchange,
    pub(super) progress: Option<Duration>,
}

/// A reply as the chain leaves it.
pub(super) enum Reviewed {
    Now(Reply),
    /// And what the client is told meanwhile.
    Later(BoxFuture<Reply>, Option<Beat>),
}

impl<S: RpcService + Clone> Tail<S> {
    /// A single response that nobody wants to see is given on as it is; a stream is watched item by item.
    pub(super) fn review(mut self, reply: Reply) -> Reviewed {
        let Some(message) = reply.as_one().filter(|message| message.kind() == Kind::Response) else {
            return Reviewed::Now(if reply.is_end() { reply } else { self.watch(reply) });
        };
        let method = self.exchange.request.as_ref().and_then(|request| request.method());
        let links = self.view.now();
        if !is_wanted(links, Direction::ToClient, Kind::Response, method) {
            return Reviewed::Now(reply);
        }
        let links = links.clone();
        let beat = Beat::new(self.exchange.request.as_ref(), self.progress);
        self.exchange.transport = reply.extensions().clone();
        let seen = Interception::new(message.clone(), Direction::ToClient, self.exchange);
        let running = Box::pin(async move {
            let (seen, verdict) = run(links, seen).await;
            match verdict {
                Verdict::Pass => reply.map(move |_| seen.message().clone()),
                Verdict::Answer(answer) => match answer.as_one().cloned() {
                    Some(answer) => reply.map(move |_| answer.clone()),
                    None => Reply::empty(),
                },
            }
        });
        Reviewed::Later(running, beat)
    }

    fn watch(mut self, reply: Reply) -> Reply {
        self.exchange.transport = reply.extensions().clone();
        reply.over(|inner| Items::new(inner, self))
    }
}
