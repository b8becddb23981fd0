//! Which arguments of which tools a modern server wants mirrored, as its lists of tools said.

use std::collections::HashMap;
use std::sync::Arc;

use crate::message::JsonRpcMessage;
use crate::protocol::peek;
use crate::wire::http::ParamHeaders;

/// Tools that are remembered; calls of others are sent without such headers.
const MOST: usize = 4096;

/// Learned from what passes, never asked for. A tool that mirrors nothing is not in it.
#[derive(Debug, Default)]
pub(super) struct Tools(HashMap<String, Arc<ParamHeaders>>);

impl Tools {
    /// Reads the answer to a `tools/list`.
    pub(super) fn learn(&mut self, list: &JsonRpcMessage) {
        for (name, mirrored) in ParamHeaders::of_tools(list).unwrap_or_default() {
            match mirrored {
                Ok(mirrored) if mirrored == ParamHeaders::default() => _ = self.0.remove(&name),
                Ok(mirrored) if self.0.len() < MOST || self.0.contains_key(&name) => {
                    self.0.insert(name, Arc::new(mirrored));
                }
                // The server refuses the call, where it minds.
                Ok(_) | Err(_) => _ = self.0.remove(&name),
            }
        }
    }

    /// What the call of a tool mirrors.
    pub(super) fn mirrored(&self, message: &JsonRpcMessage) -> Option<Arc<ParamHeaders>> {
        if self.0.is_empty() {
            return None;
        }
        self.0.get(&*peek::tool_name(message).ok()??).cloned()
    }
}
