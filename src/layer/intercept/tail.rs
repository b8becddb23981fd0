//! What is done with a reply.

use std::time::Duration;

use super::beat::Beat;

use super::Interception;
use super::chain::{Links, View, is_wanted};
use super::future::BoxFuture;
use super::interception::Exchange;
use super::items::Items;
use super::questions::Questions;
use super::run::run;
use super::verdict::Verdict;
use crate::message::{Direction, JsonRpcMessage, Kind};
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
    Later((BoxFuture<Reply>, Option<Beat>)),
}

impl<S: RpcService + Clone> Tail<S> {
    /// A single message that nobody wants to see is given on as it is; a stream is watched item by item.
    pub(super) fn review(mut self, reply: Reply) -> Reviewed {
        let Some(message) = reply.as_one() else {
            return Reviewed::Now(if reply.is_end() { reply } else { self.watch(reply) });
        };
        let request = self.exchange.request.as_ref();
        let method = message.method().or_else(|| request?.method());
        let links = self.view.now();
        match (is_wanted(links, Direction::ToClient, message.kind(), method), message.kind()) {
            (true, Kind::Response) => {}
            (true, _) => return Reviewed::Now(self.watch(reply)),
            (false, Kind::Request) => {
                self.questions.asked(self.exchange.session_id(), message);
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
        let beat = Beat::of_reply(&self.exchange, self.progress);
        self.exchange.transport = reply.extensions().clone();
        let seen = Interception::new(message, Direction::ToClient, self.exchange);
        let running: BoxFuture<_> = Box::pin(async move {
            let (seen, verdict) = run(links, seen).await;
            match verdict {
                Verdict::Pass => reply.map(move |_| seen.message().clone()),
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
