//! What is loaded, as far as the traffic tells, and how to ask for the rest.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::gate::{EMPTIES, Gate};
use crate::connect::leaf::{Leaf, Probe, own_meta};
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind, OwnedId};
use crate::protocol::{Era, method, peek};
use crate::reply::{Event, Reply};
use crate::wassette::{ComponentMap, ComponentUri, ManagementTool, Outcome};

/// Shared by the clones of a connector.
#[derive(Debug, Default)]
pub(super) struct Components {
    map: Mutex<Arc<ComponentMap>>,
    asked: AtomicU64,
}

/// A call whose answer tells something.
#[derive(Debug)]
pub(super) struct Telling {
    request: JsonRpcMessage,
    /// The generation of the map when it was sent.
    sent: u64,
}

impl Components {
    pub(super) fn seen(&self) -> Arc<ComponentMap> {
        self.lock().clone()
    }

    /// What to learn from the answer to a message that is about to be sent.
    pub(super) fn expect(&self, message: &JsonRpcMessage) -> Option<Telling> {
        if !message.is_method(method::TOOLS_CALL) {
            return None;
        }
        let name = peek::tool_name(message).ok().flatten()?;
        ManagementTool::from_name(&name)?;
        Some(Telling { sent: self.lock().generation(), request: message.clone().detach() })
    }

    /// Learns from the answer when it passes.
    pub(super) fn learn(self: Arc<Self>, told: Telling, reply: Reply) -> Reply {
        reply.inspect(move |event| {
            if let Event::Message(message) = event
                && message.kind() == Kind::Response
                && let Err(why) = self.observe(&told, message)
            {
                tracing::warn!(%why, "a management tool of wassette answered in an unknown form");
            }
        })
    }

    /// Learns from what the server says unasked.
    pub(super) fn overhear(self: Arc<Self>, listen: Reply) -> Reply {
        listen.inspect(move |event| {
            if let Event::Message(message) = event
                && message.is_method(method::TOOLS_LIST_CHANGED)
            {
                Arc::make_mut(&mut *self.lock()).observe_notification(message);
            }
        })
    }

    fn observe(&self, told: &Telling, response: &JsonRpcMessage) -> Result<Option<Outcome>, Error> {
        let mut map = self.lock();
        let learned = Arc::make_mut(&mut *map).observe_since(told.sent, &told.request, response);
        learned.map_err(|why| Error::invalid(format_args!("wassette's answer: {why}")))
    }

    /// The map as it is now, asked for if it is stale.
    pub(super) async fn ask<S: Leaf>(&self, leaf: S, gate: &Gate) -> Result<Arc<ComponentMap>, Error> {
        let seen = self.seen();
        if !seen.is_stale() {
            return Ok(seen);
        }
        let outcome = self.manage(leaf, gate, ManagementTool::ListComponents, "{}").await;
        match outcome?.finish().await? {
            Outcome::Failed(why) => Err(Error::invalid(format_args!("wassette lists no components: {why}"))),
            _ => Ok(self.seen()),
        }
    }

    /// Asks for a component to be loaded.
    pub(super) async fn load<S: Leaf>(
        &self,
        leaf: S,
        gate: &Gate,
        uri: &ComponentUri,
    ) -> Result<Managing<'_, S>, Error> {
        let arguments = format!(r#"{{"path":{}}}"#, OwnedId::from(uri.as_str()).as_str());
        self.manage(leaf, gate, ManagementTool::LoadComponent, &arguments).await
    }

    /// Sends a request of our own.
    async fn manage<S: Leaf>(
        &self,
        mut leaf: S,
        gate: &Gate,
        tool: ManagementTool,
        arguments: &str,
    ) -> Result<Managing<'_, S>, Error> {
        let era = gate.era().ok_or_else(|| {
            Error::invalid("wassette can be asked for nothing before the client has opened a session")
                .unsent()
        })?;
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let told =
            Telling { request: question(number, era, tool, arguments)?, sent: self.lock().generation() };
        if gate.empties(&told.request) {
            return Err(Error::invalid(EMPTIES).unsent());
        }
        poll_fn(|cx| leaf.poll_ready(cx)).await?;
        let answer = leaf.call(told.request.clone());
        Ok(Managing { components: self, told, answer: Box::pin(answer) })
    }

    fn lock(&self) -> MutexGuard<'_, Arc<ComponentMap>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A request of our own under way.
pub(super) struct Managing<'a, S: Leaf> {
    components: &'a Components,
    told: Telling,
    answer: Pin<Box<S::Future>>,
}

impl<S: Leaf> Managing<'_, S> {
    /// What it did.
    pub(super) async fn finish(self) -> Result<Outcome, Error> {
        let mut reply = self.answer.await?;
        while let Some(message) = poll_fn(|cx| reply.poll_message(cx)).await {
            let message = message?;
            if message.kind() == Kind::Response
                && let Some(outcome) = self.components.observe(&self.told, &message)?
            {
                return Ok(outcome);
            }
        }
        Err(Error::closed("wassette ended before it answered"))
    }
}

fn question(number: u64, era: Era, tool: ManagementTool, arguments: &str) -> Result<JsonRpcMessage, Error> {
    let meta = match era {
        Era::Legacy => String::new(),
        Era::Modern => format!(",{}", own_meta()),
    };
    let params = format!(r#"{{"name":"{}","arguments":{arguments}{meta}}}"#, tool.name());
    let id = format!("shadowcat/components/{number}");
    let mut question = JsonRpcMessage::request(&*id, method::TOOLS_CALL, params).map_err(Error::invalid)?;
    // What the server says meanwhile is not about this.
    question.extensions_mut().insert(Probe);
    Ok(question.synthetic())
}
