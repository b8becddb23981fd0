//! What a client and a server agreed on, as far as it must be known to lose it honestly, or to agree on it again.

use std::collections::BTreeMap;
use std::future::poll_fn;

use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{Era, ProtocolVersion, method, peek};

/// Watched resources that are watched again. A client that watches more has to see to the rest itself.
const SUBSCRIPTIONS: usize = 1024;

/// The session of the one client that a supervised leaf serves at a time.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    opening: Opening,
    /// A modern request was seen: nothing is agreed on, so nothing can be lost.
    modern: bool,
    /// The legacy session is gone with its leaf: nothing but a new `initialize` goes through.
    lost: bool,
    /// The last level for logs that the client set.
    level: Option<JsonRpcMessage>,
    /// The requests that watch resources, by their URI.
    subscriptions: BTreeMap<String, JsonRpcMessage>,
}

/// How far a legacy session is.
#[derive(Clone, Debug, Default)]
enum Opening {
    #[default]
    NotYet,
    Asked(JsonRpcMessage),
    Answered(Agreed),
    Open(Agreed, JsonRpcMessage),
}

/// An `initialize` and the answer to it.
#[derive(Clone, Debug)]
struct Agreed {
    request: JsonRpcMessage,
    answer: JsonRpcMessage,
}

impl Session {
    /// Of the server; `None` until an exchange has told it, and while a legacy session is being opened.
    pub(super) fn era(&self) -> Option<Era> {
        match self.opening {
            Opening::Open(..) => Some(Era::Legacy),
            Opening::NotYet if self.modern => Some(Era::Modern),
            _ => None,
        }
    }

    /// An `initialize` is out and not answered.
    pub(super) fn is_opening(&self) -> bool {
        matches!(self.opening, Opening::Asked(_))
    }

    pub(super) fn is_lost(&self) -> bool {
        self.lost
    }

    /// Whether something was agreed on that a new process does not know of.
    pub(super) fn is_legacy(&self) -> bool {
        matches!(self.opening, Opening::Answered(_) | Opening::Open(..))
    }

    /// Its leaf is gone, and the session with it.
    pub(super) fn lose(&mut self) {
        *self = Self { lost: true, ..Self::default() };
    }

    /// Its leaf is gone before the session was open; the call that opens it has failed.
    pub(super) fn abandon(&mut self) {
        if self.is_opening() {
            self.opening = Opening::NotYet;
        }
    }

    /// Whether the message changes what is known here; the others need not be [admitted](Self::admit).
    pub(super) fn concerns(message: &JsonRpcMessage) -> bool {
        const METHODS: [&str; 5] = [
            method::INITIALIZE,
            method::INITIALIZED,
            method::SET_LEVEL,
            method::RESOURCES_SUBSCRIBE,
            method::RESOURCES_UNSUBSCRIBE,
        ];
        METHODS.iter().any(|name| message.is_method(name))
    }

    /// The era is known, so that no message has to be asked for it.
    pub(super) fn is_settled(&self) -> bool {
        self.modern || self.is_legacy()
    }

    /// A message is about to go to the server.
    ///
    /// # Errors
    ///
    /// It belongs to a session that the server does not know any more.
    pub(super) fn admit(&mut self, message: &JsonRpcMessage) -> Result<(), Error> {
        let opens = message.kind() == Kind::Request && message.is_method(method::INITIALIZE);
        if self.lost && !opens && !message.is_session_listen() {
            return Err(
                Error::session_lost("the server was restarted and does not know this session").unsent()
            );
        }
        self.see(message);
        Ok(())
    }

    fn see(&mut self, message: &JsonRpcMessage) {
        match message.method() {
            Some(method::INITIALIZE) if message.kind() == Kind::Request => {
                *self = Self { opening: Opening::Asked(message.clone().detach()), ..Self::default() };
            }
            Some(method::INITIALIZED) => self.open(message),
            Some(method::SET_LEVEL) => self.level = Some(message.clone().detach()),
            Some(method::RESOURCES_SUBSCRIBE) => self.subscribe(message),
            Some(method::RESOURCES_UNSUBSCRIBE) => {
                if let Ok(Some(uri)) = peek::resource_uri(message) {
                    self.subscriptions.remove(uri.as_ref());
                }
            }
            _ => {
                self.modern = self.modern
                    || matches!(peek::protocol_version(message), Ok(Some(version))
                        if version.parse().is_ok_and(|version: ProtocolVersion| version.era() == Era::Modern));
            }
        }
    }

    fn open(&mut self, initialized: &JsonRpcMessage) {
        self.opening = match std::mem::take(&mut self.opening) {
            Opening::Answered(agreed) => Opening::Open(agreed, initialized.clone().detach()),
            other => other,
        };
    }

    fn subscribe(&mut self, message: &JsonRpcMessage) {
        let Ok(Some(uri)) = peek::resource_uri(message) else { return };
        if self.subscriptions.len() < SUBSCRIPTIONS || self.subscriptions.contains_key(uri.as_ref()) {
            self.subscriptions.insert(uri.into_owned(), message.clone().detach());
        }
    }

    /// The answer to `initialize`.
    pub(super) fn hear(&mut self, answer: &JsonRpcMessage) {
        self.opening = match std::mem::take(&mut self.opening) {
            Opening::Asked(request) if answer.result().is_some() => {
                Opening::Answered(Agreed { request, answer: answer.clone().detach() })
            }
            Opening::Asked(_) => Opening::NotYet,
            other => other,
        };
    }

    /// Opens the same session on a new leaf: `initialize` as the client wrote it, `notifications/initialized`, the
    /// level of logs, the watched resources. The answers are consumed. Returns what the client is to be told.
    ///
    /// # Errors
    ///
    /// The leaf is gone, or agrees on something else than before.
    pub(super) async fn reestablish<L: Leaf>(&self, leaf: &mut L) -> Result<Vec<JsonRpcMessage>, Error> {
        let (agreed, initialized) = match &self.opening {
            Opening::Answered(agreed) => (agreed, None),
            Opening::Open(agreed, initialized) => (agreed, Some(initialized)),
            Opening::NotYet | Opening::Asked(_) => return Ok(Vec::new()),
        };
        let answer = ask(leaf, &agreed.request).await?;
        agreed.check(&answer)?;
        let Some(initialized) = initialized else { return Ok(Vec::new()) };
        poll_fn(|cx| leaf.poll_ready(cx)).await?;
        drop(leaf.call(initialized.clone()).await?);
        for request in self.level.iter().chain(self.subscriptions.values()) {
            let answer = ask(leaf, request).await?;
            if answer.error().is_some() {
                tracing::warn!(
                    method = request.method(),
                    "a re-established session was refused a part of its state"
                );
            }
        }
        Ok(changes(&answer))
    }
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

/// The answer; what comes before it is for nobody.
async fn ask<L: Leaf>(leaf: &mut L, request: &JsonRpcMessage) -> Result<JsonRpcMessage, Error> {
    poll_fn(|cx| leaf.poll_ready(cx)).await?;
    let mut reply = leaf.call(request.clone()).await?;
    while let Some(message) = poll_fn(|cx| reply.poll_message(cx)).await {
        let message = message?;
        if message.kind() == Kind::Response {
            return Ok(message);
        }
    }
    Err(Error::closed(format_args!("no answer to {}", request.method().unwrap_or_default())))
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
        .collect()
}
