//! Components: their names, their tools, and which tool belongs to which.

mod id;
mod map;
mod permissions;

pub use id::{BadComponentId, ComponentId};
pub use map::{Ambiguous, ComponentMap};

/// A loaded component and what it exports.
///
/// ```
/// use shadowcat::{JsonRpcMessage, wassette::{ManagementTool, Outcome}};
///
/// let response = JsonRpcMessage::parse(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":
///     "{\"components\":[{\"id\":\"fs\",\"tools_count\":1,\"schema\":{\"tools\":[{\"name\":\"read\"}]}}],\"total\":1}"}]}}"#)?;
/// let Outcome::Components(components) = Outcome::read(ManagementTool::ListComponents, &response)? else { panic!() };
/// assert_eq!(components[0].id.as_str(), "fs");
/// assert_eq!(components[0].tools[0].name, "read");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Component {
    /// Its id.
    pub id: ComponentId,
    /// How many tools it says that it has.
    pub tools_count: u64,
    /// Its tools.
    pub tools: Vec<Tool>,
}

/// A function of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tool {
    /// Its name as a tool; functions of other components may have it too.
    pub name: String,
    /// What `list-components` says of it, raw JSON: `name`, `description`, `inputSchema`, `outputSchema`. A load
    /// gives only names.
    pub schema: Option<String>,
}
