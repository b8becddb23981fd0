//! A server that is told things through a chain of interceptors.

#![allow(dead_code, reason = "no test file uses all of it")]

use std::sync::{Arc, Mutex};

use shadowcat::layer::hold::{Breakpoint, HoldLayer, Holds, Options};
use shadowcat::layer::intercept::{Action, Chain, Intercept, InterceptLayer, Interception, Interest, on};
use shadowcat::{Direction, Error, JsonRpcMessage, Kind, Pointer, Reply};
use tokio::task::JoinHandle;
use tower::{Layer, Service, ServiceExt};

use crate::support::{msg, rest, soon, text};

pub(crate) const CALL: &str =
    r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t","arguments":{"n":1}}}"#;
pub(crate) const OTHER: &str = r#"{"jsonrpc":"2.0","id":2,"method":"resources/read","params":{"uri":"x:"}}"#;
pub(crate) const NOTE: &str = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;
pub(crate) const ANSWER: &str = r#"{"jsonrpc":"2.0","id":"q","result":{"roots":[]}}"#;
pub(crate) const RESULT: &str = r#"{"jsonrpc":"2.0","id":"a","result":{"content":[]}}"#;
pub(crate) const PROGRESS: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#;
pub(crate) const QUESTION: &str = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;

/// A server that says the same to every request, and keeps what it was told.
#[derive(Clone, Default)]
pub(crate) struct Server {
    pub(crate) told: Arc<Mutex<Vec<String>>>,
    pub(crate) says: Arc<[&'static str]>,
}

impl Server {
    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

impl Service<JsonRpcMessage> for Server {
    type Response = Reply;
    type Error = Error;
    type Future = std::future::Ready<Result<Reply, Error>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        self.told.lock().unwrap().push(text(&message));
        let says: Vec<_> = self.says.iter().map(msg).collect();
        std::future::ready(Ok(match (message.kind(), says.len()) {
            (Kind::Request, 1) => Reply::one(says[0].clone()),
            (Kind::Request, _) => Reply::stream(futures::stream::iter(says.into_iter().map(Ok))),
            _ => Reply::empty(),
        }))
    }
}

pub(crate) fn stack(chain: &Chain, says: &[&'static str]) -> (Intercept<Server>, Server) {
    let server = Server { told: Arc::default(), says: says.into() };
    (InterceptLayer::new(chain.clone()).layer(server.clone()), server)
}

/// What the client gets for `sent`, and what the server was told.
pub(crate) async fn through(chain: &Chain, sent: &str, says: &[&'static str]) -> (Vec<String>, Vec<String>) {
    let (mut stack, server) = stack(chain, says);
    let reply = stack.ready().await.unwrap().call(msg(sent)).await.unwrap();
    (rest(reply).await, server.told())
}

/// A chain of one that decides so about what it is interested in.
pub(crate) fn deciding(
    interest: Interest,
    decide: impl Fn(&mut Interception) -> Action + Send + Sync + 'static,
) -> Chain {
    let chain = Chain::new();
    chain.add("one", on(interest, decide)).unwrap();
    chain
}

pub(crate) fn only(direction: Direction, kind: Kind) -> Interest {
    Interest::everything().direction(direction).kind(kind)
}

pub(crate) fn with(message: &JsonRpcMessage, place: &str, json: &str) -> Action {
    Action::Modify(message.clone().edit().set(&place.parse::<Pointer>().unwrap(), json).finish().unwrap())
}

pub(crate) fn error(id: &str, code: i64, why: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":"{why}"}}}}"#)
}

pub(crate) const TOOL_ERROR: &str =
    r#"{"jsonrpc":"2.0","id":"a","result":{"content":[{"text":"no","type":"text"}],"isError":true}}"#;
pub(crate) const DROPPED: &str = "The message was dropped on its way";
pub(crate) const UNCHECKED: &str = "The message could not be checked and was not forwarded";

/// Holds everything of interest.
pub(crate) fn holding(options: Options, interest: Interest) -> Holds {
    let holds = Holds::new(options);
    holds.set(Breakpoint::new("here", interest)).unwrap();
    holds
}

pub(crate) fn hold_stack(holds: &Holds, says: &[&'static str]) -> (Intercept<Server>, Server) {
    let server = Server { told: Arc::default(), says: says.into() };
    (HoldLayer::new(holds).layer(server.clone()), server)
}

type Sent = JoinHandle<Result<Vec<String>, Error>>;

/// Sends a message and reads the whole reply, in a task of its own.
pub(crate) fn send(stack: &mut Intercept<Server>, sent: impl AsRef<str>) -> Sent {
    let calling = stack.call(msg(sent));
    tokio::spawn(async move { Ok(rest(calling.await?).await) })
}

pub(crate) async fn got(sent: Sent) -> Vec<String> {
    soon(sent).await.unwrap().unwrap()
}
