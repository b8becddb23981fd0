//! What is loaded, as far as the traffic tells, and how to ask for the rest.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::gate::Gate;
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{Era, method, peek};
use crate::reply::{Event, Reply};
use crate::wassette::{ComponentMap, ManagementTool, Outcome};

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
    pub(super) async fn ask<S: Leaf>(&self, leaf: &mut S, gate: &Gate) -> Result<Arc<ComponentMap>, Error> {
        let seen = self.seen();
        if !seen.is_stale() {
            return Ok(seen);
        }
        let era = gate.era().ok_or_else(|| {
            Error::invalid(
                "wassette cannot be asked for its components before the client has opened a session",
            )
            .unsent()
        })?;
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let told = Telling { request: question(number, era)?, sent: seen.generation() };
        poll_fn(|cx| leaf.poll_ready(cx)).await?;
        let mut reply = leaf.call(told.request.clone()).await?;
        while let Some(message) = poll_fn(|cx| reply.poll_message(cx)).await {
            let message = message?;
            if message.kind() == Kind::Response {
                return match self.observe(&told, &message)? {
                    Some(Outcome::Failed(why)) => {
                        Err(Error::invalid(format_args!("wassette does not list its components: {why}")))
                    }
                    _ => Ok(self.seen()),
                };
            }
        }
        Err(Error::closed("wassette ended before it listed its components"))
    }

    fn lock(&self) -> MutexGuard<'_, Arc<ComponentMap>> {
        self.map.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn question(number: u64, era: Era) -> Result<JsonRpcMessage, Error> {
    let meta = match era {
        Era::Legacy => "",
        Era::Modern => {
            r#","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#
        }
    };
    let tool = ManagementTool::ListComponents.name();
    let params = format!(r#"{{"name":"{tool}","arguments":{{}}{meta}}}"#);
    JsonRpcMessage::request(&*format!("shadowcat/components/{number}"), method::TOOLS_CALL, params)
        .map_err(Error::invalid)
}
