//! The components of a Wassette, as a tape tells of them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::json;

use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{method, peek};
use crate::tape::{Component, EntryKind, Recorder};
use crate::wassette::{self, ComponentMap, ManagementTool};

/// So many are named of a tape as a whole; of all there are entries. A server may make up new ones for ever.
const COMPONENTS: usize = 1024;

/// What is known of the components behind a stack.
#[derive(Default)]
pub(super) struct Components(Mutex<Known>);

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
    permissions: Vec<String>,
}

/// A call that manages components, and what was known when it was sent.
pub(super) struct Managing {
    request: JsonRpcMessage,
    sent: u64,
}

impl Components {
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
                known.tell(uri.as_deref(), recorder);
            }
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// `uri`: where the one component that is new came from.
    fn tell(&mut self, uri: Option<&str>, recorder: &Recorder) {
        let now = self.now();
        let before = std::mem::replace(&mut self.told, now);
        for (id, told) in &self.told {
            let event = match before.get(id) {
                None => "component_init",
                Some(old) if old != told => "component_change",
                Some(_) => continue,
            };
            let uri = uri.filter(|_| event == "component_init");
            say(recorder, event, id, uri, Some(told));
            let (id, tools, uri) = (id.clone(), told.tools.clone(), uri.map(ToOwned::to_owned));
            recorder.update(move |tape| learn(&mut tape.components, &id, &tools, uri.as_deref()));
        }
        for id in before.keys().filter(|id| !self.told.contains_key(*id)) {
            say(recorder, "component_exit", id, None, None);
        }
    }

    fn now(&self) -> BTreeMap<String, Told> {
        let told = |id: &str, tools: &[wassette::Tool]| Told {
            tools: tools.iter().map(|tool| tool.name.clone()).collect(),
            permissions: self.map.permissions(id).iter().map(|held| held.details.clone()).collect(),
        };
        let component =
            |of: &wassette::Component| (of.id.as_str().to_owned(), told(of.id.as_str(), &of.tools));
        self.map.components().map(component).collect()
    }
}

/// What an entry of the kind [`EntryKind::Component`] says: one JSON object.
fn say(recorder: &Recorder, event: &str, id: &str, uri: Option<&str>, told: Option<&Told>) {
    let mut text = json!({"event": event, "component_id": id});
    if let Some(uri) = uri {
        text["uri"] = uri.into();
    }
    if let Some(told) = told {
        text["tools"] = told.tools.clone().into();
        text["capabilities"] = told.permissions.iter().map(|raw| capability(raw)).collect();
    }
    recorder.event(EntryKind::Component, text.to_string(), Some(id.into()));
}

fn capability(raw: &str) -> serde_json::Value {
    serde_json::from_str(raw).unwrap_or_else(|_| raw.into())
}

fn learn(components: &mut Vec<Component>, id: &str, tools: &[String], uri: Option<&str>) {
    let at = match components.iter().position(|known| &*known.id == id) {
        Some(at) => at,
        None if components.len() >= COMPONENTS => return,
        None => {
            components.push(Component::new(id));
            components.len() - 1
        }
    };
    let known = &mut components[at];
    known.tools = tools.iter().map(|tool| tool.as_str().into()).collect();
    if let Some(uri) = uri {
        known.uri = Some(uri.into());
    }
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

    #[test]
    fn a_server_that_makes_up_components_for_ever_makes_no_tape_grow_for_ever() {
        let mut components = Vec::new();
        for number in 0..2 * COMPONENTS {
            learn(&mut components, &number.to_string(), &[], None);
        }
        assert_eq!(components.len(), COMPONENTS);
        learn(&mut components, "7", &["read".to_owned()], None);
        assert_eq!((components.len(), &*components[7].tools[0]), (COMPONENTS, "read"));
    }
}
