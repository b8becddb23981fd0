//! What the server's tools mirror, as its own list says.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::watch::Watch;
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage};
use crate::protocol::peek;
use crate::reply::{Reply, RpcService, failure};
use crate::wire::http::{Mirrored, MirroredTools, Refusal, ToolsReader};

/// How long a list may take in all.
const LONGEST: Duration = Duration::from_secs(10);
/// A list that is younger is not read again only because a call does not agree with it.
const YOUNG: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Schemas {
    state: Mutex<State>,
    /// Whoever reads the list; who needs it waits.
    reading: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    tools: Option<Tools>,
    watch: Watch,
    /// When the list could not be read, and why.
    failed: Option<(Instant, Error)>,
}

/// A whole list.
#[derive(Clone, Debug)]
pub(super) struct Tools {
    mirrored: Arc<MirroredTools>,
    read: Instant,
}

impl Tools {
    /// A tool that is not in the list is for the server to refuse.
    pub(super) fn check(&self, mirrored: &Mirrored, call: &JsonRpcMessage) -> Result<(), Refusal> {
        let name = peek::tool_name(call).ok().flatten();
        match name.and_then(|name| self.mirrored.get(&*name)) {
            Some(params) => mirrored.check(params),
            None => Ok(()),
        }
    }
}

impl Schemas {
    /// What is known, and has not changed as far as the server has said.
    pub(super) fn current(&self) -> Option<Tools> {
        let mut state = self.lock();
        if state.watch.has_changed() || state.watch.is_lost() {
            state.tools = None;
        }
        state.tools.clone()
    }

    /// The refusal of a call whose head lies, by a list that is not older than the call, or hardly. A call that
    /// cannot be judged does not pass.
    pub(super) async fn judge<S>(
        &self,
        mut inner: S,
        call: &JsonRpcMessage,
    ) -> Result<Option<Reply>, S::Error>
    where
        S: RpcService,
    {
        let Some(mirrored) = Mirrored::of(call) else { return Ok(None) };
        let came = Instant::now();
        let _turn = self.reading.lock().await;
        let known = self.current();
        if let Some(tools) = &known {
            match tools.check(mirrored, call) {
                Ok(()) => return Ok(None),
                Err(refusal) if tools.read + YOUNG >= came => return Ok(Some(refuse(&refusal))),
                Err(_) => {}
            }
        }
        let failed = self.lock().failed.clone().filter(|(at, _)| *at > came);
        if let Some((_, error)) = failed {
            return Ok(Some(unjudged(call, error))); // nobody waits twice
        }
        let late = || Failure::Other(Error::timeout("the list of tools takes too long"));
        match timeout(LONGEST, self.read(&mut inner, call)).await.unwrap_or_else(|_| Err(late())) {
            Ok(tools) => Ok(tools.check(mirrored, call).err().map(|refusal| refuse(&refusal))),
            Err(Failure::Below(error)) => Err(error),
            Err(Failure::Other(error)) => {
                self.lock().failed = Some((Instant::now(), error.clone()));
                Ok(Some(unjudged(call, error)))
            }
        }
    }

    /// Reads every page before it is used.
    async fn read<S: RpcService>(
        &self,
        inner: &mut S,
        call: &JsonRpcMessage,
    ) -> Result<Tools, Failure<S::Error>> {
        let mut reader = ToolsReader::for_call(call);
        ready(inner).await?;
        self.lock().watch.open(inner, &reader);
        let began = Instant::now();
        loop {
            ready(inner).await?;
            let page = inner.call(reader.request()?).await.map_err(Failure::Below)?;
            let page = page.collect(reader.room()).await?.pop();
            let page = page.ok_or_else(|| Error::closed("the server's answer ended without a response"))?;
            if reader.is_new() && has_no_tools(&page) {
                tracing::debug!("the server lists no tools: nothing is known to be mirrored");
                break;
            }
            if !reader.take(&page)? {
                break;
            }
        }
        let tools = Tools { mirrored: Arc::new(reader.finish()), read: began };
        // What changes meanwhile, the watch says at the next look.
        self.lock().tools = Some(tools.clone());
        Ok(tools)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a list could not be read.
enum Failure<E> {
    /// The channel below is broken; the call would fail like this.
    Below(E),
    Other(Error),
}

impl<E> From<Error> for Failure<E> {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

async fn ready<S: RpcService>(inner: &mut S) -> Result<(), Failure<S::Error>> {
    poll_fn(|cx| inner.poll_ready(cx)).await.map_err(Failure::Below)
}

/// It does not know the question.
fn has_no_tools(page: &JsonRpcMessage) -> bool {
    let code = page.error().and_then(|error| peek::member(error, "code").ok().flatten());
    code.and_then(|code| std::str::from_utf8(code).ok()?.parse().ok()).map(Code)
        == Some(Code::METHOD_NOT_FOUND)
}

fn refuse(refusal: &Refusal) -> Reply {
    tracing::debug!(%refusal, "a call was refused");
    Reply::one(refusal.to_message())
}

/// Nothing tells whether the head lies.
fn unjudged(call: &JsonRpcMessage, why: Error) -> Reply {
    failure(&call.responder(), &why.within("reading the list of tools").into())
        .map_or_else(Reply::empty, Reply::one)
}
