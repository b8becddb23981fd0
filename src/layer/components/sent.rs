//! Calls on their way.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Components;
use crate::message::JsonRpcMessage;
use crate::protocol::peek;
use crate::wassette::ManagementTool;

/// When a call was sent, and whether whose a tool is may change by it.
#[derive(Clone)]
pub(super) struct Sent {
    generation: u64,
    change: Option<Arc<Change>>,
}

/// A load or an unload; dropped before it is known how it ended, it leaves what is known in doubt.
struct Change {
    components: Components,
    has_ended: AtomicBool,
}

impl Sent {
    pub(super) fn new(components: &Components, request: &JsonRpcMessage) -> Self {
        let name = peek::tool_name(request).ok().flatten();
        let tool = name.as_deref().and_then(ManagementTool::from_name);
        let changes = matches!(tool, Some(ManagementTool::LoadComponent | ManagementTool::UnloadComponent));
        let change = changes.then(|| Arc::new(Change::begin(components)));
        Self { generation: components.generation(), change }
    }

    pub(super) fn answered(
        &self,
        components: &Components,
        request: &JsonRpcMessage,
        response: &JsonRpcMessage,
    ) {
        let is_known = components.answered(self.generation, request, response);
        if let Some(change) = &self.change {
            change.end(is_known);
        }
    }
}

impl Change {
    fn begin(components: &Components) -> Self {
        components.begins();
        Self { components: components.clone(), has_ended: AtomicBool::new(false) }
    }

    fn end(&self, is_known: bool) {
        if !self.has_ended.swap(true, Ordering::Relaxed) {
            self.components.ended(is_known);
        }
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        self.end(false);
    }
}
