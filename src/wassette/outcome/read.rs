use std::borrow::Cow;

use serde_json::value::RawValue;

use super::content::{member, member_or_none, mistyped, text};
use super::{Outcome, OutcomeError, Permission, PermissionKind, PolicyInfo};
use crate::wassette::{Component, ComponentId, ManagementTool, Tool, json};

/// What a failed tool said: later versions give JSON for some failures.
pub(super) fn reason(said: Cow<'_, str>) -> String {
    if let Ok(document) = json::scan(said.as_ref())
        && let Ok(message) = text(document.bytes(), "message")
    {
        return message.into_owned();
    }
    said.strip_prefix("Error: ").unwrap_or(&said).to_owned()
}

pub(super) fn outcome(tool: ManagementTool, said: &str) -> Result<Outcome, OutcomeError> {
    let document = json::scan(said).map_err(OutcomeError::Json)?;
    let json = document.bytes();
    match tool {
        ManagementTool::ListComponents => return components(json),
        ManagementTool::SearchComponents => return Ok(Outcome::Known(said.to_owned())),
        _ => {}
    }
    let status = text(json, "status")?;
    match (tool, status.as_ref()) {
        (_, "error") => Ok(Outcome::Failed(text(json, "message")?.into_owned())),
        (ManagementTool::LoadComponent, "component loaded" | "component loaded successfully") => {
            loaded(json, false)
        }
        (ManagementTool::LoadComponent, "component reloaded successfully") => loaded(json, true),
        (ManagementTool::UnloadComponent, "component unloaded successfully") => {
            Ok(Outcome::Unloaded { id: id(json, "id")? })
        }
        (ManagementTool::GetPolicy, "no policy found") => {
            Ok(Outcome::NoPolicy { component: id(json, "component_id")? })
        }
        (ManagementTool::GetPolicy, "policy found") => policy(json),
        (ManagementTool::ResetPermission, "permissions reset" | "permissions reset successfully") => {
            Ok(Outcome::Reset { component: id(json, "component_id")? })
        }
        (tool, status) => change(tool, status, json),
    }
}

fn change(tool: ManagementTool, status: &str, json: &[u8]) -> Result<Outcome, OutcomeError> {
    use ManagementTool::{
        GrantEnvironment, GrantMemory, GrantNetwork, GrantStorage, RevokeEnvironment, RevokeNetwork,
        RevokeStorage,
    };
    let kind = tool.permission().unwrap_or(PermissionKind::Environment);
    match (tool, status) {
        (
            GrantStorage | GrantNetwork | GrantEnvironment | GrantMemory,
            "permission granted" | "permission granted successfully",
        ) => permission(kind, json).map(Outcome::Granted),
        // Later versions take back all of a URI and give no details.
        (RevokeStorage, "permission revoked successfully") => Ok(Outcome::Revoked(Permission {
            component: id(json, "component_id")?,
            kind,
            subject: text(json, "uri")?.into_owned(),
            details: String::new(),
        })),
        (RevokeStorage | RevokeNetwork | RevokeEnvironment, "permission revoked") => {
            permission(kind, json).map(Outcome::Revoked)
        }
        _ => Err(OutcomeError::Status { tool: tool.name(), status: status.to_owned() }),
    }
}

fn loaded(json: &[u8], reloaded: bool) -> Result<Outcome, OutcomeError> {
    let names = |tools| {
        let tools = json::items(tools).ok_or(mistyped("tools"))?;
        let name = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).map_err(|_| mistyped("tools"));
        tools.into_iter().map(name).collect()
    };
    let tools = member_or_none(json, "tools")?.map(names).transpose()?;
    Ok(Outcome::Loaded { id: id(json, "id")?, tools, reloaded })
}

fn permission(kind: PermissionKind, json: &[u8]) -> Result<Permission, OutcomeError> {
    let details = member(json, "details")?;
    if !details.starts_with(b"{") {
        return Err(mistyped("details"));
    }
    let mut subject = String::new();
    for name in ["uri", "host", "cidr", "key"] {
        if member_or_none(details, name)?.is_some() {
            subject = text(details, name)?.into_owned();
        }
    }
    Ok(Permission { component: id(json, "component_id")?, kind, subject, details: raw(details) })
}

fn policy(json: &[u8]) -> Result<Outcome, OutcomeError> {
    let info = member(json, "policy_info")?;
    Ok(Outcome::Policy(PolicyInfo {
        component: id(json, "component_id")?,
        policy_id: text(info, "policy_id")?.into_owned(),
        source_uri: text(info, "source_uri")?.into_owned(),
        local_path: text(info, "local_path")?.into_owned(),
        created_at: count(info, "created_at")?,
    }))
}

fn components(json: &[u8]) -> Result<Outcome, OutcomeError> {
    let entries = json::items(member(json, "components")?).ok_or(mistyped("components"))?;
    let components = entries.into_iter().map(|entry| component(entry.get().as_bytes()));
    components.collect::<Result<_, _>>().map(Outcome::Components)
}

fn component(json: &[u8]) -> Result<Component, OutcomeError> {
    let tools = match member_or_none(json, "schema")? {
        None | Some(b"null") => Vec::new(),
        Some(schema) => {
            let tools = json::items(member(schema, "tools")?).ok_or(mistyped("tools"))?;
            tools.into_iter().map(tool).collect::<Result<_, _>>()?
        }
    };
    Ok(Component { id: id(json, "id")?, tools_count: count(json, "tools_count")?, tools })
}

fn tool(raw: &RawValue) -> Result<Tool, OutcomeError> {
    let name = text(raw.get().as_bytes(), "name")?.into_owned();
    Ok(Tool { name, schema: Some(raw.get().to_owned()) })
}

fn id(json: &[u8], name: &'static str) -> Result<ComponentId, OutcomeError> {
    Ok(text(json, name)?.parse()?)
}

fn count(json: &[u8], name: &'static str) -> Result<u64, OutcomeError> {
    serde_json::from_slice(member(json, name)?).map_err(|_| mistyped(name))
}

fn raw(json: &[u8]) -> String {
    String::from_utf8_lossy(json).into_owned()
}
