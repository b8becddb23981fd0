use std::collections::{BTreeMap, BTreeSet};

use super::permissions::Permissions;
use super::{Component, ComponentId, Tool};
use crate::message::{JsonRpcMessage, Kind};
use crate::protocol::{method, peek};
use crate::wassette::{ManagementTool, Outcome, OutcomeError, Permission};

/// Which tool belongs to which component, and what each was granted; learned from what passes by.
///
/// `list-components` tells everything; loads and unloads change it. `notifications/tools/list_changed` makes it
/// [stale](Self::is_stale) until the next list: 0.2 does not tell the tools of a component that it loads. Permissions
/// are those that were seen being granted; what a policy file says is not known here.
///
/// A name may belong to several components; none is called by one that [Wassette always has](ManagementTool::is_in_every_version).
///
/// A server cannot make it grow without end: it keeps [`MAX_COMPONENTS`](Self::MAX_COMPONENTS),
/// [`MAX_TOOLS`](Self::MAX_TOOLS), 8 MiB of schemas, 256 permissions of a component and 1 MiB of permissions in all,
/// none of them with more than 16 KiB of details. What is beyond is left out, and
/// [`is_truncated`](Self::is_truncated) says so.
///
/// ```
/// use shadowcat::{JsonRpcMessage, wassette::ComponentMap};
///
/// let mut map = ComponentMap::new();
/// let request = JsonRpcMessage::request(1, "tools/call", r#"{"name":"list-components","arguments":{}}"#)?;
/// let response = JsonRpcMessage::parse(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":
///     "{\"components\":[{\"id\":\"fs\",\"tools_count\":1,\"schema\":{\"tools\":[{\"name\":\"read\"}]}}],\"total\":1}"}]}}"#)?;
/// map.observe(&request, &response)?;
/// assert_eq!(map.owner("read")?.unwrap().as_str(), "fs");
///
/// map.observe_notification(&JsonRpcMessage::notification("notifications/tools/list_changed", "")?);
/// assert!(map.is_stale());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ComponentMap {
    components: BTreeMap<ComponentId, Component>,
    permissions: BTreeMap<ComponentId, Permissions>,
    /// Those of which every permission was seen, from none on.
    whole: BTreeSet<ComponentId>,
    owners: BTreeMap<String, BTreeSet<ComponentId>>,
    bytes: usize,
    generation: u64,
    /// Nothing changed since the last list.
    fresh: bool,
    truncated: bool,
    /// A permission was left out. No list tells of it, so a list does not change this.
    ungranted: bool,
}

/// Several components export the tool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("several components export the tool: {}", .components.iter().map(ComponentId::as_str).collect::<Vec<_>>().join(", "))]
#[non_exhaustive]
pub struct Ambiguous {
    /// All of them, by id.
    pub components: Vec<ComponentId>,
}

impl ComponentMap {
    /// At most so many components are kept.
    pub const MAX_COMPONENTS: usize = 1_024;
    /// At most so many pairs of component and tool are kept.
    pub const MAX_TOOLS: usize = 16_384;
    /// At most so many bytes of names and schemas are kept.
    const MAX_BYTES: usize = 8 << 20;
    /// At most so many bytes of permissions are kept, those of all components together.
    const MAX_PERMISSIONS: usize = 1 << 20;

    /// An empty map, stale because nothing was seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The components, by id.
    pub fn components(&self) -> impl Iterator<Item = &Component> {
        self.components.values()
    }

    /// One component.
    pub fn component(&self, id: &str) -> Option<&Component> {
        self.components.get(id)
    }

    /// Every component that exports a tool of this name, by id.
    pub fn owners(&self, tool: &str) -> impl Iterator<Item = &ComponentId> {
        self.owners.get(tool).into_iter().flatten()
    }

    /// The only component that exports a tool of this name.
    ///
    /// # Errors
    ///
    /// There are more.
    pub fn owner(&self, tool: &str) -> Result<Option<&ComponentId>, Ambiguous> {
        let mut owners = self.owners(tool);
        match (owners.next(), owners.next()) {
            (only, None) => Ok(only),
            _ => Err(Ambiguous { components: self.owners(tool).cloned().collect() }),
        }
    }

    /// What was granted to a component and not taken back, as far as it was seen.
    pub fn permissions(&self, id: &str) -> &[Permission] {
        self.permissions.get(id).map_or(&[], Permissions::as_slice)
    }

    /// Whether these are all: the component was seen without a policy, or was reset, and everything since then was
    /// seen and kept. What others change beside this connection is never seen.
    pub fn knows_permissions(&self, id: &str) -> bool {
        self.whole.contains(id)
    }

    /// Something changed that only `list-components` can tell.
    pub fn is_stale(&self) -> bool {
        !self.fresh
    }

    /// Something was left out because there was no room: what is not found here may be there.
    pub fn is_truncated(&self) -> bool {
        self.truncated || self.ungranted
    }

    /// Counts changes, and announcements of changes.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Learns from a call and its response, if the call was of a management tool.
    ///
    /// # Errors
    ///
    /// The response is not of the form that Wassette writes; nothing was changed.
    pub fn observe(
        &mut self,
        request: &JsonRpcMessage,
        response: &JsonRpcMessage,
    ) -> Result<Option<Outcome>, OutcomeError> {
        self.observe_since(self.generation, request, response)
    }

    /// The same, for a request that was sent when the [generation](Self::generation) was `sent`: a list that was
    /// asked for before the last change leaves the map stale.
    ///
    /// # Errors
    ///
    /// As [`observe`](Self::observe).
    pub fn observe_since(
        &mut self,
        sent: u64,
        request: &JsonRpcMessage,
        response: &JsonRpcMessage,
    ) -> Result<Option<Outcome>, OutcomeError> {
        let name = peek::tool_name(request).ok().flatten();
        let Some(tool) = name.as_deref().and_then(ManagementTool::from_name) else { return Ok(None) };
        let current = sent == self.generation;
        let outcome = Outcome::read(tool, response)?;
        self.apply(&outcome, current);
        Ok(Some(outcome))
    }

    /// Learns from a notification.
    pub fn observe_notification(&mut self, message: &JsonRpcMessage) {
        if message.kind() == Kind::Notification && message.is_method(method::TOOLS_LIST_CHANGED) {
            self.doubt();
        }
    }

    /// Something may have changed, and only a list that is asked for from now on can tell.
    pub(crate) fn doubt(&mut self) {
        self.fresh = false;
        self.generation += 1;
    }

    fn apply(&mut self, outcome: &Outcome, current: bool) {
        match outcome {
            Outcome::Components(components) => {
                self.replace(components);
                self.fresh = current;
            }
            Outcome::Loaded { id, tools, .. } => self.load(id, tools.as_deref()),
            Outcome::Unloaded { id } => {
                self.remove(id);
                self.permissions.remove(id);
                self.whole.remove(id);
            }
            Outcome::Granted(permission) => self.grant(permission),
            Outcome::Revoked(Permission { component, kind, subject, .. }) => {
                if let Some(held) = self.permissions.get_mut(component) {
                    held.revoke(*kind, subject);
                }
            }
            Outcome::Reset { component } => self.clear(component),
            Outcome::NoPolicy { component } => return self.clear(component),
            // If nothing was granted, somebody else made it.
            Outcome::Policy(found) if self.permissions(found.component.as_str()).is_empty() => {
                self.whole.remove(&found.component);
                return;
            }
            Outcome::Policy(_) | Outcome::Known(_) | Outcome::Failed(_) => return,
        }
        self.generation += 1;
    }

    /// Permissions of components that stay are kept.
    fn replace(&mut self, components: &[Component]) {
        let before = std::mem::take(self);
        (self.generation, self.permissions, self.whole) =
            (before.generation, before.permissions, before.whole);
        for component in components {
            self.insert(component.clone());
        }
        let components = &self.components;
        self.permissions.retain(|id, _| components.contains_key(id));
        self.whole.retain(|id| components.contains_key(id));
        self.ungranted = before.ungranted && !components.is_empty();
    }

    fn load(&mut self, id: &ComponentId, names: Option<&[String]>) {
        self.fresh &= names.is_some();
        // It may bring a policy of its own.
        self.whole.remove(id);
        let tool = |name: &String| Tool { name: name.clone(), schema: None };
        let tools: Vec<Tool> = names.unwrap_or_default().iter().map(tool).collect();
        self.insert(Component { id: id.clone(), tools_count: tools.len() as u64, tools });
    }

    fn insert(&mut self, mut component: Component) {
        self.remove(&component.id);
        if self.components.len() >= Self::MAX_COMPONENTS {
            self.truncated = true;
            return;
        }
        let mut count: usize = self.components().map(|known| known.tools.len()).sum();
        for (at, tool) in component.tools.iter().enumerate() {
            let bytes = size(tool);
            if count >= Self::MAX_TOOLS || self.bytes + bytes > Self::MAX_BYTES {
                self.truncated = true;
                component.tools.truncate(at);
                break;
            }
            (count, self.bytes) = (count + 1, self.bytes + bytes);
            self.owners.entry(tool.name.clone()).or_default().insert(component.id.clone());
        }
        self.components.insert(component.id.clone(), component);
    }

    fn remove(&mut self, id: &ComponentId) {
        let Some(component) = self.components.remove(id) else { return };
        for tool in &component.tools {
            self.bytes -= size(tool);
            if let Some(owners) = self.owners.get_mut(&tool.name) {
                owners.remove(id);
                if owners.is_empty() {
                    self.owners.remove(&tool.name);
                }
            }
        }
    }

    fn grant(&mut self, permission: &Permission) {
        let id = &permission.component;
        if self.permissions.len() >= Self::MAX_COMPONENTS && !self.permissions.contains_key(id) {
            self.ungranted = true;
            self.whole.remove(id);
            return;
        }
        let taken: usize = self.permissions.values().map(Permissions::bytes).sum();
        let held = self.permissions.entry(id.clone()).or_default();
        let is_kept = held.grant(permission, Self::MAX_PERMISSIONS.saturating_sub(taken));
        self.ungranted |= !is_kept;
        if !is_kept {
            self.whole.remove(id);
        }
    }

    /// It may do nothing, and that is known.
    fn clear(&mut self, id: &ComponentId) {
        self.permissions.remove(id);
        if self.whole.len() < Self::MAX_COMPONENTS {
            self.whole.insert(id.clone());
        }
    }
}

fn size(tool: &Tool) -> usize {
    tool.name.len() + tool.schema.as_ref().map_or(0, String::len)
}
