//! The handshake of a legacy session, which the server has once (2025-11-25 basic/lifecycle).

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::oneshot;

use super::call::ResponseFuture;
use super::member::Member;
use super::pending::{After, Pending};
use super::state::Core;
use crate::connect::leaf::Leaf;
use crate::connect::rename::Caller;
use crate::error::Error;
use crate::message::{Code, JsonRpcMessage, Kind};
use crate::protocol::peek;
use crate::reply::Reply;

/// How far the server's handshake is.
pub(super) enum Init {
    New,
    Asking,
    Done(Box<Known>),
}

pub(super) struct Known {
    offer: Offer,
    /// What the server said it speaks.
    negotiated: Option<String>,
    answer: JsonRpcMessage,
}

/// What must be the same for two clients to share a server: it was told of one client.
#[derive(Clone, PartialEq)]
struct Offer {
    version: String,
    capabilities: Value,
}

impl Offer {
    fn of(message: &JsonRpcMessage) -> Option<Self> {
        let version = peek::protocol_version(message).ok()??.into_owned();
        let capabilities = peek::member(message.params()?, "capabilities").ok()??;
        let capabilities = serde_json::from_slice(capabilities).ok()?;
        message.is_strict().then_some(Self { version, capabilities })
    }
}

impl Known {
    /// The server would have answered this offer in the same way, and may do with this client what it may do
    /// with the first.
    fn suits(&self, offer: &Offer) -> bool {
        let is_same = self.offer.version == offer.version || self.negotiated.as_ref() == Some(&offer.version);
        is_same && self.offer.capabilities == offer.capabilities
    }
}

enum Begun {
    Answered(Reply),
    /// By us; the answer comes.
    Asked(oneshot::Receiver<Result<JsonRpcMessage, Error>>),
    /// By another client, just now.
    Wait,
}

pub(super) fn start<L: Leaf>(
    leaf: &mut L,
    member: &Arc<Member<L>>,
    message: JsonRpcMessage,
) -> ResponseFuture<L> {
    let (Some(offer), Some(id)) = (Offer::of(&message), message.owned_id()) else {
        let why = "protocolVersion and capabilities are needed";
        return ResponseFuture::now(Ok(Reply::refuse(&message, Code::INVALID_PARAMS, why)));
    };
    let begun = match begin(leaf, member.core(), &message, &offer) {
        Begun::Answered(reply) => return ResponseFuture::now(Ok(reply)),
        begun => begun,
    };
    let wire = member.core().lock().fresh_id();
    let call = Pending::new(member, wire, Caller { id, token: None }, true, None, After::Nothing);
    let (leaf, core) = (leaf.clone(), member.core().clone());
    ResponseFuture::initialize(finish(leaf, core, message, offer, begun), call)
}

fn begin<L: Leaf>(leaf: &mut L, core: &Arc<Core<L>>, message: &JsonRpcMessage, offer: &Offer) -> Begun {
    let mut state = core.lock();
    match &state.init {
        Init::Asking => Begun::Wait,
        Init::Done(known) if known.suits(offer) => {
            let id = message.owned_id();
            let answer = known.answer.clone();
            Begun::Answered(Reply::one(id.map_or(answer.clone(), |id| answer.with_id(id))))
        }
        Init::Done(_) => Begun::Answered(Reply::refuse(
            message,
            Code::INVALID_REQUEST,
            "The server is shared, and was opened with another protocolVersion or other capabilities",
        )),
        Init::New => {
            state.init = Init::Asking;
            let wire = state.fresh_id();
            let asked = leaf.call(message.clone().with_id(wire));
            drop(state);
            let (answer, answered) = oneshot::channel();
            tokio::spawn(settle(core.clone(), asked, offer.clone(), answer));
            Begun::Asked(answered)
        }
    }
}

async fn finish<L: Leaf>(
    mut leaf: L,
    core: Arc<Core<L>>,
    message: JsonRpcMessage,
    offer: Offer,
    mut begun: Begun,
) -> Result<Reply, Error> {
    loop {
        let outcome = core.initialized.notified();
        let mut outcome = pin!(outcome);
        outcome.as_mut().enable();
        if let Begun::Wait = begun {
            // It may have come before we listened.
            poll_fn(|cx| leaf.poll_ready(cx)).await?;
            begun = begin(&mut leaf, &core, &message, &offer);
        }
        match begun {
            Begun::Answered(reply) => return Ok(reply),
            Begun::Asked(answer) => {
                let answer =
                    answer.await.unwrap_or_else(|_| Err(Error::closed("nobody reads the answer")))?;
                let id = message.owned_id();
                return Ok(Reply::one(id.map_or(answer.clone(), |id| answer.with_id(id))));
            }
            Begun::Wait => outcome.await,
        }
    }
}

/// Reads the answer, whether or not the client that asked still waits: others may.
async fn settle<L: Leaf>(
    core: Arc<Core<L>>,
    asked: L::Future,
    offer: Offer,
    answer: oneshot::Sender<Result<JsonRpcMessage, Error>>,
) {
    let mut closed = core.closed.subscribe();
    let outcome = tokio::select! {
        outcome = read(&core, asked) => outcome,
        _ = closed.wait_for(|closed| *closed) => Err(Error::closed("every client is gone")),
    };
    let known = outcome.as_ref().ok().filter(|answer| answer.result().is_some()).map(|answer| {
        let negotiated = peek::protocol_version(answer).ok().flatten().map(|version| version.into_owned());
        Init::Done(Box::new(Known { offer, negotiated, answer: answer.clone().detach() }))
    });
    core.lock().init = known.unwrap_or(Init::New);
    core.initialized.notify_waiters();
    let _ = answer.send(outcome);
}

async fn read<L: Leaf>(core: &Core<L>, asked: L::Future) -> Result<JsonRpcMessage, Error> {
    let mut reply = asked.await?;
    while let Some(message) = poll_fn(|cx| reply.poll_message(cx)).await {
        let message = message?;
        match message.kind() {
            Kind::Response if message.id().is_some() => return Ok(message),
            Kind::Request => core.lock().refuse_or_pong(&message),
            _ => core.lock().drop_notification(&message),
        }
    }
    Err(Error::closed("the server did not answer"))
}
