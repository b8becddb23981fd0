//! The components of a Wassette, as a tape tells of them.

mod digest;
mod policy;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{method, peek};
use crate::tape::{Component, EntryKind, Recorder};
use crate::wassette::{self, ComponentMap, ManagementTool, Permission};

/// So many are named of a tape as a whole; of all there are entries. A server may make up new ones for ever.
const COMPONENTS: usize = 1024;
/// And so many bytes, with what is known of each.
const WEIGHT: usize = 1 << 20;
/// What is longer names none: every format takes this.
const LONGEST: usize = 4096;

/// What is known of the components behind a stack.
pub(super) struct Components {
    known: Mutex<Known>,
    /// What the application says of them.
    given: Arc<[Component]>,
    /// Whether digests are taken of their files.
    digests: bool,
}

#[derive(Default)]
struct Known {
    map: ComponentMap,
    /// As the tape tells of them.
    told: BTreeMap<String, Told>,
}

/// What is told of one: its tools, and what it may do.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    tools: Vec<String>,
    permissions: Vec<Permission>,
    /// It may do nothing else.
    is_all: bool,
    /// It has been granted something, or is known to have nothing.
    has_policy: bool,
}

/// A call that manages components, and what was known when it was sent.
pub(super) struct Managing {
    request: JsonRpcMessage,
    sent: u64,
}

impl Components {
    pub(super) fn new(given: &Arc<[Component]>, digests: bool) -> Self {
        Self { known: Mutex::default(), given: given.clone(), digests }
    }

    /// Whose tool a request calls, or what is to be learned from it. Both are shown what is masked, since it is written.
    pub(super) fn asked(&self, request: &JsonRpcMessage) -> (Option<Arc<str>>, Option<Managing>) {
        let Some(tool) = peek::tool_name(request).ok().flatten() else { return (None, None) };
        let known = self.lock();
        if ManagementTool::from_name(&tool).is_some() {
            let managing = Managing { request: request.clone().detach(), sent: known.map.generation() };
            return (None, Some(managing));
        }
        let owner = known.map.owner(&tool).ok().flatten();
        (owner.map(|id| id.as_str().into()), None)
    }

    /// Learns from a message of the server, and tells the tape what is new.
    pub(super) fn heard(&self, managing: Option<&Managing>, message: &JsonRpcMessage, recorder: &Recorder) {
        // Nearly every message of a server tells nothing: the lock is not for those.
        match (message.kind(), managing) {
            (Kind::Notification, _) if message.is_method(method::TOOLS_LIST_CHANGED) => {
                self.lock().map.observe_notification(message);
            }
            (Kind::Response, Some(Managing { request, sent })) => {
                let mut known = self.lock();
                if let Err(error) = known.map.observe_since(*sent, request, message) {
                    tracing::debug!(%error, "a component's change is not understood");
                    return;
                }
                let uri = loaded_from(request);
                let new = known.tell(uri.as_deref(), &self.given, recorder);
                drop(known);
                if let (Some(id), Some(uri), true) = (new, uri, self.digests) {
                    digest::take(id, uri.into_owned(), recorder.clone());
                }
            }
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// `uri`: where the one component that is new came from; it is given back.
    fn tell(&mut self, uri: Option<&str>, given: &[Component], recorder: &Recorder) -> Option<String> {
        let now = self.now();
        let before = std::mem::replace(&mut self.told, now);
        let mut new = None;
        for (id, told) in &self.told {
            let old = before.get(id);
            if old == Some(told) {
                continue;
            }
            let uri = uri.filter(|_| old.is_none());
            new = new.or_else(|| uri.map(|_| id.clone()));
            match old {
                None => say(recorder, "component_init", id, uri, Some(told)),
                Some(old) if told.differs(old) => say(recorder, "component_change", id, None, Some(told)),
                Some(_) => {}
            }
            let has_policy = given.iter().any(|given| *given.id == **id && given.policy.is_some());
            let (id, told, uri) = (id.clone(), told.clone(), uri.map(ToOwned::to_owned));
            recorder.update(move |tape| told.learn(&mut tape.components, &id, uri.as_deref(), has_policy));
        }
        for id in before.keys().filter(|id| !self.told.contains_key(*id)) {
            say(recorder, "component_exit", id, None, None);
        }
        new
    }

    fn now(&self) -> BTreeMap<String, Told> {
        let told = |of: &wassette::Component| {
            let id = of.id.as_str();
            let (permissions, is_all) = (self.map.permissions(id).to_vec(), self.map.knows_permissions(id));
            let had_policy = self.told.get(id).is_some_and(|told| told.has_policy);
            let has_policy = had_policy || is_all || !permissions.is_empty();
            let tools = of.tools.iter().map(|tool| tool.name.clone()).collect();
            (id.to_owned(), Told { tools, permissions, is_all, has_policy })
        };
        self.map.components().map(told).collect()
    }
}

impl Told {
    /// In what an entry tells.
    fn differs(&self, old: &Self) -> bool {
        (&self.tools, &self.permissions) != (&old.tools, &old.permissions)
    }

    /// Where it came from at first stays, and so does the policy that the application named.
    fn learn(self, components: &mut Vec<Component>, id: &str, uri: Option<&str>, keeps_policy: bool) {
        let at = components.iter().position(|known| &*known.id == id);
        if at.is_none() && (components.len() >= COMPONENTS || id.len() > LONGEST) {
            return;
        }
        let mut known = at.map_or_else(|| Component::new(id), |at| components[at].clone());
        if !self.tools.is_empty() {
            // 0.2 loads without telling them.
            known.tools = self.tools.iter().map(|tool| tool.as_str().into()).collect();
        }
        known.uri = known.uri.take().or_else(|| uri.map(Into::into));
        if self.has_policy && !keeps_policy {
            known.policy = Some(policy::of(&self.permissions, self.is_all).into());
        }
        let others = components.iter().filter(|other| other.id != known.id).map(weight).sum::<usize>();
        if others + weight(&known) > WEIGHT {
            return;
        }
        match at {
            Some(at) => components[at] = known,
            None => components.push(known),
        }
    }
}

/// Its bytes.
fn weight(component: &Component) -> usize {
    let names = component.tools.iter().map(|tool| size_of_val(tool) + tool.len()).sum::<usize>();
    let texts =
        [&component.uri, &component.policy].into_iter().flatten().map(|text| text.len()).sum::<usize>();
    component.id.len() + names + texts
}

/// What an entry of the kind [`EntryKind::Component`] says: one JSON object.
fn say(recorder: &Recorder, event: &str, id: &str, uri: Option<&str>, told: Option<&Told>) {
    let mut text = json!({"event": event, "component_id": id});
    if let Some(uri) = uri {
        text["uri"] = uri.into();
    }
    if let Some(told) = told {
        text["tools"] = told.tools.clone().into();
        text["capabilities"] = told.permissions.iter().map(|held| capability(&held.details)).collect();
    }
    recorder.event(EntryKind::Component, text.to_string(), Some(id.into()));
}

fn capability(raw: &str) -> serde_json::Value {
    serde_json::from_str(raw).unwrap_or_else(|_| raw.into())
}

/// What a `load-component` loads.
fn loaded_from(request: &JsonRpcMessage) -> Option<Cow<'_, str>> {
    let tool = peek::tool_name(request).ok()??;
    if ManagementTool::from_name(&tool) != Some(ManagementTool::LoadComponent) {
        return None;
    }
    let arguments = peek::member(request.params()?, "arguments").ok()??;
    peek::text(arguments, "path").ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(tools: &[&str]) -> Told {
        let tools = tools.iter().map(|tool| (*tool).to_owned()).collect();
        Told { tools, permissions: Vec::new(), is_all: false, has_policy: false }
    }

    #[test]
    fn a_server_that_makes_up_components_for_ever_makes_no_tape_grow_for_ever() {
        let mut components = Vec::new();
        for number in 0..2 * COMPONENTS {
            with(&[]).learn(&mut components, &number.to_string(), None, false);
        }
        assert_eq!(components.len(), COMPONENTS);
        with(&["read"]).learn(&mut components, "7", None, false);
        assert_eq!((components.len(), &*components[7].tools[0]), (COMPONENTS, "read"));
        let large = "x".repeat(WEIGHT / 3);
        for number in 0..10 {
            with(&[&large]).learn(&mut components, &number.to_string(), None, false);
        }
        assert!(components.iter().map(weight).sum::<usize>() <= WEIGHT);
        with(&[]).learn(&mut Vec::new(), &"x".repeat(LONGEST + 1), None, false);
    }
}
