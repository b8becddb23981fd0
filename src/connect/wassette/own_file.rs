//! A component that is loaded from where it would be copied to.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::message::JsonRpcMessage;
use crate::protocol::peek;
use crate::wassette::ManagementTool;

/// Whether the message loads a file of the component directory itself: it would be copied onto itself, which empties
/// it, and no later start would get past it.
pub(super) fn is_loaded(message: &JsonRpcMessage, component_dir: &Path) -> bool {
    let tool = peek::tool_name(message).ok().flatten();
    if tool.as_deref().and_then(ManagementTool::from_name) != Some(ManagementTool::LoadComponent) {
        return false;
    }
    let arguments = peek::member(message.params().unwrap_or_default(), "arguments").ok().flatten();
    let path = peek::text(arguments.unwrap_or_default(), "path").ok().flatten();
    // It trims what it is given.
    let Some(path) = path.as_deref().and_then(|path| path.trim().strip_prefix("file://")) else {
        return false;
    };
    let Some(name) = Path::new(path).file_name() else { return false };
    match (fs::metadata(path), fs::metadata(component_dir.join(name))) {
        (Ok(from), Ok(to)) => (from.dev(), from.ino()) == (to.dev(), to.ino()),
        _ => false,
    }
}
