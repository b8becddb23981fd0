//! What rmcp asks of a server, answered as Wassette 0.2 does.

use std::path::Path;
use std::sync::Arc;

use rmcp_0_2::ServerHandler;
use rmcp_0_2::model::{
    CallToolRequestParam, CallToolResult, Content, ErrorData, ListPromptsRequest, ListPromptsResult,
    ListResourcesRequest, ListResourcesResult, ListToolsResult, PaginatedRequestParam, ServerCapabilities,
    ServerInfo, ToolsCapability,
};
use rmcp_0_2::service::{RequestContext, RoleServer};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tracing::{error, info};

use crate::components::Components;
use crate::manage::{self, Done};
use crate::{BoxError, functions, recorded};

/// One for all sessions.
#[derive(Clone, Debug)]
pub(crate) struct Server(Arc<Components>);

impl Server {
    pub(crate) fn open(plugin_dir: &Path) -> Result<Self, BoxError> {
        info!(target: "wassette", "Creating new LifecycleManager");
        let components = Components::open(plugin_dir)?;
        info!(target: "wassette", "LifecycleManager initialized successfully");
        Ok(Self(Arc::new(components)))
    }

    fn call(&self, request: &CallToolRequestParam) -> Result<Done, String> {
        let none = functions::Arguments::new();
        let arguments = match &request.arguments {
            Some(arguments) => arguments,
            None if request.name == "list-components" => &none,
            None => return Err("Parameters are not in expected object format".to_owned()),
        };
        if let Some(done) = manage::call(&self.0, &request.name, arguments) {
            return done;
        }
        let tool = &request.name;
        let id = self
            .0
            .with_tool(tool)
            .map_err(|error| format!("Failed to find component for tool '{tool}': {error}"))?;
        let text = functions::call(&self.0, &id, tool, arguments)?;
        Ok(Done { text, tools_changed: false })
    }

    fn tools(&self) -> Value {
        let loaded = self.0.loaded();
        let of_components =
            loaded.values().filter_map(|schema| schema["tools"].as_array()).flatten().cloned();
        json!({"tools": of_components.chain(recorded::management_tools()).collect::<Vec<_>>()})
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerInfo {
        let tools = Some(ToolsCapability { list_changed: Some(true) });
        ServerInfo {
            capabilities: ServerCapabilities { tools, ..Default::default() },
            instructions: Some(recorded::instructions()),
            ..Default::default()
        }
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParam,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ErrorData> {
        info!(target: "mcp_server::tools", method_name = %request.name, "Handling tool call");
        let done = match self.call(&request) {
            Ok(done) => done,
            Err(error) => {
                error!(target: "mcp_server::tools", %error, "Tool call failed");
                let content = vec![Content::text(format!("Error: {error}"))];
                return Ok(CallToolResult { content, is_error: Some(true) });
            }
        };
        if done.tools_changed {
            // Returns when it is written: the notification is ahead of the answer.
            let _ = context.peer.notify_tool_list_changed().await;
        }
        Ok(CallToolResult { content: vec![Content::text(done.text)], is_error: None })
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParam>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        parse(self.tools())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParam>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        parse::<ListPromptsRequest>(Value::Null).map(|_| ListPromptsResult::default())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParam>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        parse::<ListResourcesRequest>(Value::Null).map(|_| ListResourcesResult::default())
    }
}

/// Wassette parses a null where these two requests were: they never succeed, whatever their params.
fn parse<T: DeserializeOwned>(value: Value) -> Result<T, ErrorData> {
    serde_json::from_value(value).map_err(|error| ErrorData::parse_error(error.to_string(), None))
}
