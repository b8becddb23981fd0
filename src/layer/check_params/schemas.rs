//! What the server's tools mirror, as its own list says.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::watch::Watch;
use crate::error::{BoxError, Error};
use crate::message::{Code, JsonRpcMessage};
use crate::protocol::peek;
use crate::reply::{Reply, RpcService};
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
    /// When the list could not be read.
    failed: Option<Instant>,
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

    /// The refusal of a call whose head lies, by a list that is not older than the call, or hardly.
    pub(super) async fn judge<S: RpcService>(&self, mut inner: S, call: &JsonRpcMessage) -> Option<Reply> {
        let (mirrored, came) = (Mirrored::of(call)?, Instant::now());
        let _turn = self.reading.lock().await;
        let known = self.current();
        if let Some(tools) = &known {
            match tools.check(mirrored, call) {
                Ok(()) => return None,
                Err(refusal) if tools.read + YOUNG >= came => return Some(refuse(&refusal)),
                Err(_) => {}
            }
        }
        if self.lock().failed.is_some_and(|at| at >= came) {
            return Some(unjudged(call)); // nobody waits twice
        }
        let read = timeout(LONGEST, self.read(&mut inner, call)).await;
        match read.unwrap_or_else(|_| Err(Error::timeout("the list of tools takes too long"))) {
            Ok(tools) => tools.check(mirrored, call).err().map(|refusal| refuse(&refusal)),
            // The call will fail, too, and says it better.
            Err(error) if error.is_closed() => None,
            Err(error) => {
                tracing::warn!(%error, "a call could not be judged: the list of tools could not be read");
                self.lock().failed = Some(Instant::now());
                Some(unjudged(call))
            }
        }
    }

    /// Reads every page before it is used.
    async fn read<S: RpcService>(&self, inner: &mut S, call: &JsonRpcMessage) -> Result<Tools, Error> {
        let mut reader = ToolsReader::for_call(call);
        ready(inner).await?;
        self.lock().watch.open(inner, &reader);
        let began = Instant::now();
        loop {
            ready(inner).await?;
            let page = inner.call(reader.request()?).await.map_err(|error| Error::from(error.into()))?;
            let page = page.collect(reader.room()).await?.pop();
            let page = page.ok_or_else(|| Error::closed("the server's answer ended without a response"))?;
            if page.error().is_some() {
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

async fn ready<S: RpcService>(inner: &mut S) -> Result<(), Error> {
    let ready = poll_fn(|cx| inner.poll_ready(cx)).await;
    ready.map_err(|error| Error::from(Into::<BoxError>::into(error)))
}

fn refuse(refusal: &Refusal) -> Reply {
    tracing::debug!(%refusal, "a call was refused");
    Reply::one(refusal.to_message())
}

fn unjudged(call: &JsonRpcMessage) -> Reply {
    Reply::refuse(call, Code::INTERNAL_ERROR, "The call's headers could not be checked")
}
