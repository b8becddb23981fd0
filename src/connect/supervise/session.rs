//! What a client and a server agreed on, as far as it must be known to lose it honestly, or to agree on it again.

use std::collections::BTreeMap;
use std::future::poll_fn;

use crate::connect::leaf::{Leaf, Probe};
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{Era, ProtocolVersion, method, peek};

/// Bytes of the requests that are said again to a new leaf. A client that watches more resources has to see to the
/// rest itself.
const KEPT_BYTES: usize = 1 << 20;

/// The session of the one client that a supervised leaf serves at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    /// Whether it is to be opened again, so that it has to be known.
    keep: bool,
    agreed: Option<Agreed>,
    /// The `initialize` that is out, or waits.
    asked: Option<Asked>,
    /// A modern request was answered: nothing is agreed on, so nothing can be lost.
    modern: bool,
    /// The legacy session is gone with its leaf: nothing but a new `initialize` goes through.
    lost: bool,
    /// The last level for logs that the server took.
    level: Option<JsonRpcMessage>,
    /// The requests that watch resources, by their URI.
    subscriptions: BTreeMap<String, JsonRpcMessage>,
}

/// One `initialize`; the number tells it from others.
#[derive(Clone, Copy, Debug)]
struct Asked {
    attempt: Attempt,
    generation: u64,
}

/// Numbers an `initialize`, in the extensions of its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Attempt(pub(super) u64);

/// An `initialize`, the answer to it, and what opened the session then.
#[derive(Clone, Debug)]
struct Agreed {
    request: JsonRpcMessage,
    answer: JsonRpcMessage,
    initialized: Option<JsonRpcMessage>,
}

impl Session {
    pub(super) fn new(keep: bool) -> Self {
        Self { keep, ..Self::default() }
    }

    /// Of the server; `None` until an exchange has told it, and while a legacy session is being opened.
    pub(super) fn era(&self) -> Option<Era> {
        match &self.agreed {
            _ if self.asked.is_some() => None,
            Some(Agreed { initialized: Some(_), .. }) => Some(Era::Legacy),
            None if self.modern => Some(Era::Modern),
            _ => None,
        }
    }

    /// An `initialize` is out to the leaf of this generation and not answered.
    pub(super) fn is_opening(&self, generation: u64) -> bool {
        self.asked.is_some_and(|asked| asked.generation == generation)
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether something was agreed on that a new process does not know of.
    pub(super) fn is_legacy(&self) -> bool {
        self.agreed.is_some()
    }

    /// The era is known, so that no message has to be asked for it.
    pub(super) fn is_settled(&self) -> bool {
        self.modern || self.is_legacy()
    }

    /// Its leaf is gone, and the session with it.
    pub(super) fn lose(&mut self) {
        *self = Self { keep: self.keep, asked: self.asked, lost: true, ..Self::default() };
    }

    /// Whether what becomes of this request is to be [heard](Self::hear).
    pub(super) fn concerns(&self, message: &JsonRpcMessage) -> bool {
        match message.method() {
            _ if message.kind() != Kind::Request => false,
            Some(method::INITIALIZE) => true,
            Some(method::SET_LEVEL | method::RESOURCES_SUBSCRIBE | method::RESOURCES_UNSUBSCRIBE) => {
                self.keep
            }
            _ => !self.is_settled() && is_modern(message),
        }
    }

    /// A message is about to go to the leaf of this generation.
    ///
    /// # Errors
    ///
    /// It belongs to a session that the server does not know any more.
    pub(super) fn admit(&mut self, message: &JsonRpcMessage, generation: u64) -> Result<(), Error> {
        match message.extensions().get::<Attempt>() {
            Some(attempt) => self.asked = Some(Asked { attempt: *attempt, generation }),
            None if self.lost => {
                let why = "the server was restarted and does not know this session";
                return Err(Error::session_lost(why).unsent());
            }
            None => {}
        }
        if message.kind() == Kind::Notification
            && message.is_method(method::INITIALIZED)
            && let Some(agreed) = &mut self.agreed
        {
            agreed.initialized = Some(message.clone().detach());
        }
        Ok(())
    }

    /// The answer to a request that [concerns](Self::concerns) it. `open` is the generation of the leaf that calls go
    /// to now, if there is one.
    pub(super) fn hear(&mut self, request: &JsonRpcMessage, answer: &JsonRpcMessage, open: Option<u64>) {
        let accepted = answer.result().is_some();
        if let Some(attempt) = request.extensions().get::<Attempt>() {
            let Some(asked) = self.asked.filter(|asked| asked.attempt == *attempt) else { return };
            self.asked = None;
            match accepted {
                true if open == Some(asked.generation) => self.agree(request, answer),
                true => self.lose(),
                false => {}
            }
            return;
        }
        match request.method() {
            Some(method::SET_LEVEL) if accepted => self.level = Some(request.clone().detach()),
            Some(method::RESOURCES_SUBSCRIBE) if accepted => self.subscribe(request),
            Some(method::RESOURCES_UNSUBSCRIBE) if accepted => {
                if let Ok(Some(uri)) = peek::resource_uri(request) {
                    self.subscriptions.remove(uri.as_ref());
                }
            }
            _ => self.modern |= accepted && is_modern(request),
        }
    }

    fn agree(&mut self, request: &JsonRpcMessage, answer: &JsonRpcMessage) {
        let agreed =
            Agreed { request: request.clone().detach(), answer: answer.clone().detach(), initialized: None };
        *self = Self { keep: self.keep, agreed: Some(agreed), ..Self::default() };
    }

    fn subscribe(&mut self, request: &JsonRpcMessage) {
        let Ok(Some(uri)) = peek::resource_uri(request) else { return };
        let kept: usize = self.subscriptions.values().map(|kept| kept.bytes().len()).sum();
        if kept + request.bytes().len() <= KEPT_BYTES {
            self.subscriptions.insert(uri.into_owned(), request.clone().detach());
        } else {
            tracing::warn!("a watched resource will not be watched again after a restart: too many are");
        }
    }

    /// An `initialize` that will have no answer. Tells whether it was this one that was out.
    pub(super) fn give_up(&mut self, attempt: Attempt) -> bool {
        let was_out = self.asked.is_some_and(|asked| asked.attempt == attempt);
        if was_out {
            self.asked = None;
        }
        was_out
    }

    /// Opens the same session on a new leaf: `initialize` as the client wrote it, `notifications/initialized`, the
    /// level of logs, the watched resources. The answers are consumed. Returns what the client is to be told.
    ///
    /// # Errors
    ///
    /// The leaf is gone, or agrees on something else than before.
    pub(super) async fn reestablish<L: Leaf>(&self, leaf: &mut L) -> Result<Vec<JsonRpcMessage>, Error> {
        let Some(agreed) = &self.agreed else { return Ok(Vec::new()) };
        let answer = ask(leaf, &agreed.request).await?;
        agreed.check(&answer)?;
        let Some(initialized) = &agreed.initialized else { return Ok(Vec::new()) };
        poll_fn(|cx| leaf.poll_ready(cx)).await?;
        drop(leaf.call(initialized.clone().synthetic()).await?);
        let mut news = changes(&answer);
        for request in self.level.iter().chain(self.subscriptions.values()) {
            if ask(leaf, request).await?.error().is_some() {
                let method = request.method();
                tracing::warn!(method, "a re-established session was refused a part of its state");
            } else {
                news.extend(update(request));
            }
        }
        Ok(news)
    }
}

/// Whether a message says of itself that it is of the modern era.
fn is_modern(message: &JsonRpcMessage) -> bool {
    let version = message.meta().and_then(|_| peek::protocol_version(message).ok().flatten());
    version.is_some_and(|version| {
        version.parse().is_ok_and(|version: ProtocolVersion| version.era() == Era::Modern)
    })
}

impl Agreed {
    /// The client goes on by what it was told, so that the revision must be the same.
    fn check(&self, answer: &JsonRpcMessage) -> Result<(), Error> {
        let version =
            |answer| peek::protocol_version(answer).ok().flatten().map(|version| version.into_owned());
        let (before, now) = (version(&self.answer), version(answer));
        if answer.result().is_none() {
            return Err(Error::invalid("the server refused the `initialize` that it accepted before"));
        }
        if before != now {
            let shown = |version: Option<String>| version.unwrap_or_else(|| "none".to_owned());
            return Err(Error::invalid(format_args!(
                "the server answered revision {} to the `initialize` that it answered {} before",
                shown(now),
                shown(before)
            )));
        }
        Ok(())
    }
}

/// The answer. As a probe it is never the call that the server speaks about, so that what else is said goes to the
/// client.
async fn ask<L: Leaf>(leaf: &mut L, request: &JsonRpcMessage) -> Result<JsonRpcMessage, Error> {
    let mut request = request.clone().synthetic();
    request.extensions_mut().insert(Probe);
    let method = request.method().unwrap_or_default().to_owned();
    poll_fn(|cx| leaf.poll_ready(cx)).await?;
    let mut reply = leaf.call(request).await?;
    while let Some(message) = poll_fn(|cx| reply.poll_message(cx)).await {
        let message = message?;
        if message.kind() == Kind::Response {
            return Ok(message);
        }
    }
    Err(Error::closed(format_args!("no answer to {method}")))
}

/// A watched resource may have changed while nobody told.
fn update(watch: &JsonRpcMessage) -> Option<JsonRpcMessage> {
    let is_watch = watch.is_method(method::RESOURCES_SUBSCRIBE);
    let uri = peek::member(watch.params().filter(|_| is_watch)?, "uri").ok()??;
    let params = [b"{\"uri\":", uri, b"}"].concat();
    JsonRpcMessage::notification(method::RESOURCES_UPDATED, params).ok().map(JsonRpcMessage::synthetic)
}

/// The lists that the server said may change: on a new process they may have.
fn changes(answer: &JsonRpcMessage) -> Vec<JsonRpcMessage> {
    let capabilities = peek::member(answer.result().unwrap_or_default(), "capabilities").ok().flatten();
    ["tools", "prompts", "resources"]
        .iter()
        .filter(|list| {
            let list = peek::member(capabilities.unwrap_or_default(), list).ok().flatten();
            peek::member(list.unwrap_or_default(), "listChanged").ok().flatten() == Some(b"true")
        })
        .filter_map(|list| {
            JsonRpcMessage::notification(&format!("notifications/{list}/list_changed"), "").ok()
        })
        .map(JsonRpcMessage::synthetic)
        .collect()
}
