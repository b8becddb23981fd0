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

/// What callers were shown: a server may show each other tools. It tells them apart by what they sent, where that goes
/// on; here they are by their principal, and where there is none, by that credential.
#[derive(Debug)]
pub(super) struct Lists {
    anybody: Tools,
    /// By a hash that is of no use elsewhere.
    of: HashMap<u64, Tools>,
    /// How often one was begun, or all were forgotten.
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
        self.shown(call)?.mirrored(call)
    }

    /// Whether it is known what the call of a tool mirrors.
    pub(super) fn knows(&self, call: &JsonRpcMessage) -> bool {
        self.shown(call).is_some_and(|tools| tools.knows(call))
    }

    /// Of what the caller of this was shown, or would begin with.
    pub(super) fn version(&self, call: &JsonRpcMessage) -> u64 {
        self.shown(call).map_or(self.next_version(), |tools| tools.version)
    }

    /// A list for the caller of this could not be read, and is not asked for before that.
    pub(super) fn not_before(&self, call: &JsonRpcMessage) -> Option<Instant> {
        self.shown(call)?.not_before
    }

    /// What the caller of this was shown. A new one has none, and gets a place only once the server has answered it.
    fn shown(&self, call: &JsonRpcMessage) -> Option<&Tools> {
        match self.key(call.context().map(Arc::as_ref), call.extensions().get()) {
            None => Some(&self.anybody),
            Some(key) => self.of.get(&key),
        }
    }

    /// For what the server has answered the caller of this.
    pub(super) fn answered(&mut self, call: &JsonRpcMessage) -> &mut Tools {
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
        let version = self.next_version();
        self.of.entry(key).or_insert_with(|| {
            self.begun += 1;
            Tools { version, ..Tools::default() }
        })
    }

    /// No version of one that was here before is taken for one of the next.
    fn next_version(&self) -> u64 {
        (self.begun + 1) << 32
    }

    /// The server says that its tools changed.
    pub(super) fn forget(&mut self) {
        self.begun += 1;
        self.anybody.forget();
        self.of.values_mut().for_each(Tools::forget);
    }

    fn key(&self, context: Option<&Context>, sent: Option<&ClientAuthorization>) -> Option<u64> {
        if !self.by_credential {
            return None;
        }
        let principal = context.and_then(|context| context.shared().get::<Principal>());
        match principal {
            Some(principal) => Some(self.of.hasher().hash_one(principal)),
            None => sent?.value().map(|value| self.of.hasher().hash_one(value.as_bytes())),
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

    /// Whether it is known what the call of a tool mirrors.
    fn knows(&self, call: &JsonRpcMessage) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Direction;

    fn call_of(caller: &str) -> JsonRpcMessage {
        let mut context = Context::new(Direction::ToUpstream);
        context.shared_mut().insert(Principal::new(caller));
        let call = JsonRpcMessage::request(1, method::TOOLS_CALL, r#"{"name":"t"}"#).unwrap();
        call.with_context(Arc::new(context))
    }

    #[test]
    fn a_caller_has_a_place_once_the_server_has_answered_it() {
        let mut lists = Lists::new(true);
        for caller in 0..2 * CALLERS {
            let call = call_of(&caller.to_string());
            assert!(
                !lists.knows(&call) && lists.mirrored(&call).is_none() && lists.not_before(&call).is_none()
            );
        }
        assert!(lists.of.is_empty());
        let (ann, bob) = (call_of("ann"), call_of("bob"));
        let (of_ann, of_bob) = (lists.version(&ann), lists.version(&bob));
        lists.answered(&ann).replace(MirroredTools::default(), of_ann);
        assert!(lists.knows(&ann) && !lists.knows(&bob) && lists.version(&ann) != of_ann);
        // Whether the list was of before or after that, nobody can say.
        lists.forget();
        lists.answered(&bob).replace(MirroredTools::default(), of_bob);
        assert!(!lists.knows(&ann) && !lists.knows(&bob));
        for caller in 0..2 * CALLERS {
            lists.answered(&call_of(&caller.to_string()));
            assert!(lists.of.len() <= CALLERS);
        }
    }

    #[test]
    fn who_sends_nothing_of_its_own_is_shown_what_all_are() {
        let mut lists = Lists::new(false);
        let began = lists.version(&call_of("ann"));
        lists.answered(&call_of("ann")).replace(MirroredTools::default(), began);
        assert!(lists.knows(&call_of("bob")) && lists.of.is_empty());
    }
}
