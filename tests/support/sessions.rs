//! Sessions whose leaves' peers the test holds.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;
use std::time::Duration;

use shadowcat::connect::{MakeLeaf, Multiplex, PerSession};
use shadowcat::{Context, Direction, Error, JsonRpcMessage};
use tokio::sync::Semaphore;
use tower::service_fn;

use crate::made::Made;
use crate::support;

pub(crate) const LIMIT: Duration = Duration::from_secs(1600);

pub(crate) fn servers() -> (Made, PerSession<impl MakeLeaf<Leaf = Multiplex>>) {
    let made = Made::default();
    let maker = made.clone();
    let make = service_fn(move |()| std::future::ready(Ok::<_, Error>(maker.leaf())));
    (made, PerSession::new(make).idle_timeout(LIMIT))
}

/// The same, where each leaf needs a permit to be made.
pub(crate) fn gated() -> (Made, Arc<Semaphore>, PerSession<impl MakeLeaf<Leaf = Multiplex>>) {
    let (made, gate) = (Made::default(), Arc::new(Semaphore::new(0)));
    let (maker, open) = (made.clone(), gate.clone());
    let make = service_fn(move |()| {
        let (maker, open) = (maker.clone(), open.clone());
        async move {
            open.acquire().await.unwrap().forget();
            Ok::<_, Error>(maker.leaf())
        }
    });
    (made, gate, PerSession::new(make))
}

pub(crate) fn of(session: &str, message: JsonRpcMessage) -> JsonRpcMessage {
    message.with_context(Arc::new(Context::new(Direction::ToUpstream).session(session)))
}

pub(crate) fn listen_of(session: &str) -> JsonRpcMessage {
    let context = Context::new(Direction::ToUpstream).session(session).session_listen();
    support::session_listen().with_context(Arc::new(context))
}
