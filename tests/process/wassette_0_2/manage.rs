//! The tools that manage rather than work.

use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::components::Components;
use crate::functions::Arguments;

/// A tool's result text, and whether the list of tools has changed with it.
pub(crate) struct Done {
    pub(crate) text: String,
    pub(crate) tools_changed: bool,
}

impl Done {
    fn unchanged(status: &Value) -> Self {
        Self { text: status.to_string(), tools_changed: false }
    }

    fn changed(status: &Value) -> Self {
        Self { text: status.to_string(), tools_changed: true }
    }
}

/// `None`: this is no tool that manages.
pub(crate) fn call(
    components: &Components,
    tool: &str,
    arguments: &Arguments,
) -> Option<Result<Done, String>> {
    Some(match tool {
        "load-component" => load(components, arguments),
        "unload-component" => unload(components, arguments),
        "list-components" => Ok(list(components)),
        "get-policy" => policy(components, arguments),
        _ => {
            let kind = tool.strip_prefix("grant-")?.strip_suffix("-permission")?;
            let (kind, named) = match kind {
                "storage" | "network" => (kind, kind),
                "environment-variable" => ("environment", "environment variable"),
                _ => return None,
            };
            grant(components, kind, named, arguments)
        }
    })
}

fn load(components: &Components, arguments: &Arguments) -> Result<Done, String> {
    let uri = required(arguments, "path")?;
    let id =
        components.load(uri).map_err(|error| format!("Failed to load component: {uri}. Error: {error}"))?;
    Ok(Done::changed(&json!({"status": "component loaded", "id": id})))
}

fn unload(components: &Components, arguments: &Arguments) -> Result<Done, String> {
    let id = arguments.get("id").and_then(Value::as_str).ok_or("Missing 'id' in arguments")?;
    components.unload(id)?;
    Ok(Done::changed(&json!({"status": "component unloaded successfully", "id": id})))
}

fn list(components: &Components) -> Done {
    let loaded = components.loaded();
    let about = |(id, schema): (&String, &Value)| {
        let count = schema["tools"].as_array().map_or(0, Vec::len);
        json!({"id": id, "tools_count": count, "schema": schema})
    };
    let listed: Vec<_> = loaded.iter().map(about).collect();
    Done::unchanged(&json!({"total": listed.len(), "components": listed}))
}

fn policy(components: &Components, arguments: &Arguments) -> Result<Done, String> {
    let id = required(arguments, "component_id")?;
    let path = components.policy_path(id);
    if !path.exists() {
        return Ok(Done::unchanged(&json!({"status": "no policy found", "component_id": id})));
    }
    Ok(Done::unchanged(&json!({
        "status": "policy found",
        "component_id": id,
        "policy_info": {
            "policy_id": format!("{id}-policy"),
            "source_uri": format!("file://{}", path.display()),
            "local_path": path,
            "created_at": created(&path),
        }
    })))
}

/// Seconds since 1970.
fn created(path: &Path) -> u64 {
    let created = fs::metadata(path).and_then(|data| data.created()).unwrap_or_else(|_| SystemTime::now());
    created.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn grant(components: &Components, kind: &str, named: &str, arguments: &Arguments) -> Result<Done, String> {
    let id = required(arguments, "component_id")?;
    let details = arguments.get("details").ok_or("Missing required argument: 'details'")?;
    components
        .grant(id, kind, details)
        .map_err(|error| format!("Failed to grant {named} permission to component {id}: {error}"))?;
    Ok(Done::unchanged(&json!({
        "status": "permission granted",
        "component_id": id,
        "permission_type": kind,
        "details": details,
    })))
}

fn required<'a>(arguments: &'a Arguments, name: &str) -> Result<&'a str, String> {
    let missing = || format!("Missing required argument: '{name}'");
    arguments.get(name).and_then(Value::as_str).ok_or_else(missing)
}
