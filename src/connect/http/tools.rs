//! Which arguments of which tools a modern server wants mirrored, as its lists of tools said.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use tokio::time::Instant;

use super::call::Call;
use crate::message::{Context, JsonRpcMessage, Kind};
use crate::protocol::{method, peek};
use crate::session::Principal;
use crate::wire::http::{
    ClientAuthorization, Mirrored, MirroredTools, ParamHeaders, learn, without_invalid_tools,
};

/// Of so many callers it is known which tools they see; of one more, another's are read again.
const CALLERS: usize = 256;

/// What callers were shown: a server may show each other tools. They are told apart by their principal, and where
/// there is none, by the credential that goes on.
#[derive(Debug)]
pub(super) struct Lists {
    anybody: Tools,
    /// By a hash that is of no use elsewhere.
    of: HashMap<u64, Tools>,
    /// How many were begun.
    begun: u64,
    by_credential: bool,
}

impl Lists {
    /// `by_credential`: what a client sent goes on.
    pub(super) fn new(by_credential: bool) -> Self {
        Self { anybody: Tools::default(), of: HashMap::new(), begun: 0, by_credential }
    }

    /// What the call of a tool mirrors, as far as its caller was told.
    pub(super) fn mirrored(&self, call: &JsonRpcMessage) -> Option<Arc<ParamHeaders>> {
        if self.of.is_empty() && self.anybody.known.is_empty() {
            return None;
        }
        let shown = match self.key(call.context().map(Arc::as_ref), call.extensions().get()) {
            None => &self.anybody,
            Some(key) => self.of.get(&key)?,
        };
        shown.mirrored(call)
    }

    /// What the caller of this was shown.
    pub(super) fn shown(&mut self, call: &JsonRpcMessage) -> &mut Tools {
        self.shown_to(call.context().map(Arc::as_ref), call.extensions().get())
    }

    fn shown_to(&mut self, context: Option<&Context>, sent: Option<&ClientAuthorization>) -> &mut Tools {
        let Some(key) = self.key(context, sent) else { return &mut self.anybody };
        if self.of.len() >= CALLERS
            && !self.of.contains_key(&key)
            && let Some(other) = self.of.keys().next().copied()
        {
            self.of.remove(&other);
        }
        self.of.entry(key).or_insert_with(|| {
            self.begun += 1;
            // No version of one that was here before is taken for one of this.
            Tools { version: self.begun << 32, ..Tools::default() }
        })
    }

    /// The server says that its tools changed.
    pub(super) fn forget(&mut self) {
        self.anybody.forget();
        self.of.values_mut().for_each(Tools::forget);
    }

    fn key(&self, context: Option<&Context>, sent: Option<&ClientAuthorization>) -> Option<u64> {
        let principal = context.and_then(|context| context.shared().get::<Principal>());
        let credential = || sent.filter(|_| self.by_credential)?.value();
        match principal {
            Some(principal) => Some(self.of.hasher().hash_one(principal)),
            None => credential().map(|value| self.of.hasher().hash_one(value.as_bytes())),
        }
    }
}

/// Learned from the lists that pass, and from one of our own where a call needs it.
#[derive(Debug, Default)]
pub(super) struct Tools {
    known: MirroredTools,
    /// Every tool that mirrors something is known.
    is_whole: bool,
    /// Counts what made the rest of the state another.
    version: u64,
    /// A list of our own could not be read, and is not asked for before that.
    pub(super) not_before: Option<Instant>,
}

/// Where a list begins that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    First,
    Later,
}

impl Page {
    /// Of a `tools/list`.
    pub(super) fn of(request: &JsonRpcMessage) -> Option<Self> {
        let is_list = request.kind() == Kind::Request && request.is_method(method::TOOLS_LIST);
        is_list.then(|| if peek::cursor(request) == Ok(None) { Self::First } else { Self::Later })
    }
}

impl Tools {
    /// Reads an answer to a `tools/list` that passes. The only page is the whole list; pages of several may be of
    /// two lists.
    pub(super) fn learn(&mut self, list: &JsonRpcMessage, page: Page) {
        if list.result().is_none() {
            return;
        }
        let is_whole = page == Page::First && peek::next_cursor(list) == Ok(None);
        if is_whole {
            self.known.clear();
        }
        let is_read = learn(&mut self.known, list).is_ok();
        if is_whole {
            (self.is_whole, self.version) = (is_read, self.version + 1);
        }
    }

    /// A list of our own was read to its end. It began when the state was of this version: if the server has since
    /// said that its tools changed, that may be of the list before.
    pub(super) fn replace(&mut self, read: MirroredTools, began: u64) {
        self.is_whole = self.version == began;
        self.known = read;
        self.version += 1;
        self.not_before = None;
    }

    /// The server says that its tools changed.
    fn forget(&mut self) {
        *self = Self { version: self.version + 1, ..Self::default() };
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// Whether it is known what the call of a tool mirrors.
    pub(super) fn knows(&self, call: &JsonRpcMessage) -> bool {
        self.is_whole || self.mirrored(call).is_some()
    }

    /// What the call of a tool mirrors.
    fn mirrored(&self, call: &JsonRpcMessage) -> Option<Arc<ParamHeaders>> {
        if self.known.is_empty() {
            return None;
        }
        self.known.get(&*peek::tool_name(call).ok()??).cloned()
    }
}

impl Call {
    /// A list of tools passes: learned from, and rid of what must not be called over HTTP.
    pub(super) fn listed(&self, list: JsonRpcMessage, page: Page) -> JsonRpcMessage {
        let shared = self.shared();
        let (context, sent) = (self.context.as_deref(), self.credential.as_deref());
        shared.lock().tools.shown_to(context, sent).learn(&list, page);
        if !shared.options.drop_invalid_tools {
            return list;
        }
        let (list, dropped) = without_invalid_tools(list);
        for (tool, why) in &dropped {
            tracing::warn!(tool, %why, "a tool that cannot be called over HTTP was left out of the list");
        }
        shared.lock().stats.dropped_tools += dropped.len() as u64;
        list
    }
}

/// The headers that came with a call and are as true as they were: they go on as they are, and the server judges them.
pub(super) fn sent_with(call: &JsonRpcMessage) -> Option<&Mirrored> {
    Mirrored::of(call).filter(|mirrored| mirrored.holds_for(call))
}
