//! Results of tools, and the map that they fill; the real ones first.

use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::JsonRpcMessage;
use shadowcat::wassette::{
    ComponentId, ComponentMap, ManagementTool, Outcome, OutcomeError, PermissionKind, ToolResult,
};

fn call(name: &str) -> JsonRpcMessage {
    let params = json!({ "name": name, "arguments": {} }).to_string();
    JsonRpcMessage::request(1, "tools/call", params).unwrap()
}

fn text(text: &str) -> JsonRpcMessage {
    let result = json!({ "content": [{ "type": "text", "text": text }] }).to_string();
    JsonRpcMessage::response(1, result).unwrap()
}

fn said(value: Value) -> JsonRpcMessage {
    text(&value.to_string())
}

fn list(components: &[(&str, &[&str])]) -> JsonRpcMessage {
    let component = |(id, tools): &(&str, &[&str])| {
        let tools: Vec<_> = tools.iter().map(|name| json!({ "name": name })).collect();
        json!({ "id": id, "tools_count": tools.len(), "schema": { "tools": tools } })
    };
    let components: Vec<_> = components.iter().map(component).collect();
    said(json!({ "components": components, "total": components.len() }))
}

fn read(tool: &str, response: &JsonRpcMessage) -> Result<Outcome, OutcomeError> {
    Outcome::read(ManagementTool::from_name(tool).unwrap(), response)
}

/// What both sides said on stdio.
fn transcript(name: &str) -> Vec<(bool, JsonRpcMessage)> {
    let lines = std::fs::read_to_string(format!("tests/wassette/transcripts/{name}.jsonl")).unwrap();
    let said = lines.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        let message = JsonRpcMessage::parse(line["line"].as_str()?.to_owned()).ok()?;
        Some((line["dir"] == "server_to_client", message))
    });
    said.collect()
}

/// Feeds a transcript to a map; what it saw of each call, in order.
fn replay(name: &str, map: &mut ComponentMap, mut after: impl FnMut(&Outcome, &ComponentMap)) {
    let said = transcript(name);
    for (from_server, message) in &said {
        if !from_server {
            continue;
        }
        map.observe_notification(message);
        let asked = |other: &&(bool, JsonRpcMessage)| !other.0 && other.1.owned_id() == message.owned_id();
        if let Some((_, request)) = message.owned_id().and_then(|_| said.iter().find(asked))
            && let Some(outcome) = map.observe(request, message).unwrap()
        {
            after(&outcome, map);
        }
    }
}

#[test]
fn a_real_session_is_followed_from_load_to_unload() {
    let mut map = ComponentMap::new();
    let mut seen = Vec::new();
    replay("stdio-components", &mut map, |outcome, map| match outcome {
        Outcome::Loaded { id, tools, reloaded } => {
            assert_eq!((id.as_str(), tools, *reloaded), ("filesystem", &None, false));
            assert!(map.is_stale(), "0.2 does not tell the tools");
            seen.push("loaded");
        }
        Outcome::Components(components) => {
            assert_eq!(components[0].tools.len(), 4);
            assert_eq!(components[0].tools_count, 4);
            let schema = components[0].tools[0].schema.as_ref().unwrap();
            assert!(serde_json::from_str::<Value>(schema).unwrap()["inputSchema"].is_object());
            assert_eq!(map.owner("read-file").unwrap().unwrap().as_str(), "filesystem");
            assert!(!map.is_stale());
            seen.push("listed");
        }
        Outcome::NoPolicy { component } => {
            assert_eq!(component.as_str(), "filesystem");
            seen.push("no policy");
        }
        Outcome::Granted(permission) => {
            assert_eq!(permission.kind, PermissionKind::Storage);
            assert_eq!(permission.subject, "fs:///usr/share/doc");
            assert_eq!(map.permissions("filesystem"), std::slice::from_ref(permission));
            seen.push("granted");
        }
        Outcome::Policy(info) => {
            assert_eq!(info.policy_id, "filesystem-policy");
            assert_eq!(info.created_at, 1_795_214_500);
            seen.push("policy");
        }
        Outcome::Unloaded { id } => {
            assert_eq!(id.as_str(), "filesystem");
            seen.push("unloaded");
        }
        other => panic!("{other:?}"),
    });
    assert_eq!(seen, ["loaded", "listed", "no policy", "granted", "policy", "unloaded"]);
    assert_eq!(map.components().count(), 0);
    assert!(map.permissions("filesystem").is_empty() && map.owner("read-file").unwrap().is_none());
}

#[test]
fn real_failures_say_why() {
    let mut failures = Vec::new();
    replay("stdio-errors", &mut ComponentMap::new(), |outcome, _| {
        if let Outcome::Failed(why) = outcome {
            failures.push(why.clone());
        }
    });
    assert!(failures.contains(&"Missing required argument: 'path'".to_owned()), "{failures:?}");
    assert!(failures.iter().any(|why| why.ends_with("Component not found: nope")));
}

#[test]
fn a_component_that_says_no_is_no_failed_call() {
    let result = |response: &JsonRpcMessage| ToolResult::read(response).unwrap();
    assert_eq!(result(&text(r#"{"err":"no"}"#)), ToolResult::Err(r#""no""#.to_owned()));
    assert_eq!(result(&text(r#"{ "ok" : [1, 2] }"#)), ToolResult::Ok("[1, 2]".to_owned()));
    for other in [r#"{"ok":1,"err":2}"#, r#"{"ok":1,"ok":2}"#, "12", "plain", r#"{"err":"#, ""] {
        assert_eq!(result(&text(other)), ToolResult::Value(other.to_owned()));
    }
    let failed = json!({ "content": [{ "type": "text", "text": "Error: trapped" }], "isError": true });
    let failed = JsonRpcMessage::response(1, failed.to_string()).unwrap();
    assert_eq!(result(&failed), ToolResult::Failed("trapped".to_owned()));
}

#[test]
fn later_versions_are_read_too() {
    let loaded = json!({ "status": "component reloaded successfully", "id": "a", "tools": ["x", "y"] });
    let tools = Some(vec!["x".to_owned(), "y".to_owned()]);
    let id = || "a".parse::<ComponentId>().unwrap();
    let outcome = read("load-component", &said(loaded)).unwrap();
    assert_eq!(outcome, Outcome::Loaded { id: id(), tools, reloaded: true });
    let reset = said(json!({ "status": "permissions reset", "component_id": "a" }));
    assert_eq!(read("reset-permission", &reset), Ok(Outcome::Reset { component: id() }));
    let granted = json!({ "status": "permission granted successfully", "component_id": "a",
        "permission_type": "environment variable", "details": { "key": "K" } });
    let Outcome::Granted(granted) = read("grant-environment-variable-permission", &said(granted)).unwrap()
    else {
        panic!()
    };
    assert_eq!((granted.kind, granted.subject.as_str()), (PermissionKind::Environment, "K"));
    let revoked = json!({ "status": "permission revoked successfully", "component_id": "a", "uri": "fs:///x", "message": "m" });
    let Outcome::Revoked(revoked) = read("revoke-storage-permission", &said(revoked)).unwrap() else {
        panic!()
    };
    assert_eq!((revoked.kind, revoked.subject.as_str()), (PermissionKind::Storage, "fs:///x"));
    let error = said(json!({ "status": "error", "message": "Failed to unload component: x", "id": "a" }));
    let failed = Outcome::Failed("Failed to unload component: x".to_owned());
    assert_eq!(read("unload-component", &error), Ok(failed));
    let rpc =
        JsonRpcMessage::parse(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}"#).unwrap();
    assert_eq!(read("load-component", &rpc), Ok(Outcome::Failed("no".to_owned())));
}

#[test]
fn a_response_of_another_form_is_an_error_that_names_the_member() {
    let error = |tool: &str, response: &JsonRpcMessage| read(tool, response).unwrap_err().to_string();
    assert_eq!(error("load-component", &said(json!({ "status": "component loaded" }))), "`id`: is missing");
    let twice = text(r#"{"status":"component loaded","id":"a","id":"b"}"#);
    assert_eq!(error("load-component", &twice), "the result's text: duplicate key at byte 38");
    let other = said(json!({ "status": "component loaded", "id": "a" }));
    let status = "unload-component ended with the unknown status \"component loaded\"";
    assert_eq!(error("unload-component", &other), status);
    let escaping = said(json!({ "status": "component loaded", "id": "../a" }));
    assert_eq!(
        error("load-component", &escaping),
        "a component's id has no empty parts, no `.` and `..`, and no drive"
    );
    assert_eq!(
        error("load-component", &text("loaded")),
        "the result's text: not JSON: expected a value at byte 0"
    );
    assert_eq!(read("get-policy", &call("x")), Err(OutcomeError::NotAResponse));
    for result in ["{}", r#"{"content":[]}"#, r#"{"content":1}"#, r#"{"content":[{"type":"image"}]}"#] {
        assert!(read("get-policy", &JsonRpcMessage::response(1, result).unwrap()).is_err(), "{result}");
    }
}

#[test]
fn tools_of_one_name_belong_to_all_their_components() {
    let mut map = ComponentMap::new();
    map.observe(&call("list-components"), &list(&[("b", &["read"]), ("a", &["read", "write"])])).unwrap();
    assert_eq!(map.owners("read").map(ComponentId::as_str).collect::<Vec<_>>(), ["a", "b"]);
    let error = map.owner("read").unwrap_err();
    assert_eq!(error.to_string(), "several components export the tool: a, b");
    let gone = said(json!({ "status": "component unloaded successfully", "id": "a" }));
    map.observe(&call("unload-component"), &gone).unwrap();
    assert_eq!(map.owner("read").unwrap().unwrap().as_str(), "b");
    assert_eq!(map.owner("write").unwrap(), None);
}

#[test]
fn permissions_come_and_go_with_what_is_seen() {
    let mut map = ComponentMap::new();
    let change = |status: &str, kind: &str, details: Value| {
        said(json!({ "status": status, "component_id": "a", "permission_type": kind, "details": details }))
    };
    let host = json!({ "host": "example.com" });
    map.observe(&call("grant-network-permission"), &change("permission granted", "network", host.clone()))
        .unwrap();
    let file = |access: &str| json!({ "uri": "fs:///x", "access": [access] });
    for access in ["read", "write", "read"] {
        let granted = change("permission granted", "storage", file(access));
        map.observe(&call("grant-storage-permission"), &granted).unwrap();
    }
    assert_eq!(map.permissions("a").len(), 3);
    let revoked = change("permission revoked", "storage", json!({ "uri": "fs:///x" }));
    map.observe(&call("revoke-storage-permission"), &revoked).unwrap();
    assert_eq!(map.permissions("a").len(), 1);
    let failed =
        JsonRpcMessage::parse(r#"{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no"}}"#).unwrap();
    let before = map.generation();
    map.observe(&call("reset-permission"), &failed).unwrap();
    assert_eq!((map.permissions("a").len(), map.generation()), (1, before), "a failure changes nothing");
    map.observe(&call("list-components"), &list(&[])).unwrap();
    assert!(map.permissions("a").is_empty());
}

#[test]
fn a_list_asked_for_before_a_change_leaves_the_map_stale() {
    let mut map = ComponentMap::new();
    let sent = map.generation();
    map.observe_notification(&JsonRpcMessage::notification("notifications/tools/list_changed", "").unwrap());
    map.observe_since(sent, &call("list-components"), &list(&[("a", &["x"])])).unwrap();
    assert!(map.is_stale() && map.owner("x").unwrap().is_some());
    map.observe(&call("list-components"), &list(&[("a", &["x"])])).unwrap();
    assert!(!map.is_stale());
}

#[test]
fn a_hostile_server_cannot_make_the_map_grow_without_end() {
    let ids: Vec<String> = (0..ComponentMap::MAX_COMPONENTS + 10).map(|at| format!("c{at}")).collect();
    let names: Vec<String> = (0..20).map(|at| format!("t{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let many: Vec<(&str, &[&str])> = ids.iter().map(|id| (id.as_str(), names.as_slice())).collect();
    let mut map = ComponentMap::new();
    map.observe(&call("list-components"), &list(&many)).unwrap();
    assert!(map.is_truncated());
    assert_eq!(map.components().count(), ComponentMap::MAX_COMPONENTS);
    assert!(
        map.components().map(|component| component.tools.len()).sum::<usize>() <= ComponentMap::MAX_TOOLS
    );
    for at in 0..1_000 {
        let granted = json!({ "status": "permission granted", "component_id": "c0", "permission_type": "network", "details": { "host": at.to_string() } });
        map.observe(&call("grant-network-permission"), &said(granted)).unwrap();
    }
    assert_eq!(map.permissions("c0").len(), 256);
    map.observe(&call("list-components"), &list(&[])).unwrap();
    assert!(!map.is_truncated() && map.components().count() == 0);
}

proptest! {
    #[test]
    fn no_text_panics(said in "(?s).{0,120}", tool in 0..ManagementTool::ALL.len()) {
        let _ = Outcome::read(ManagementTool::ALL[tool], &text(&said));
        let _ = ToolResult::read(&text(&said));
    }

    #[test]
    fn no_json_panics(key in "status|id|tools|components|component_id|details|schema", value in "[\\[\\]{}\",:a1 ]{0,30}", tool in 0..ManagementTool::ALL.len()) {
        let _ = Outcome::read(ManagementTool::ALL[tool], &text(&format!("{{\"status\":\"component loaded\",\"{key}\":{value}}}")));
    }

    #[test]
    fn an_id_stays_inside_the_directory(id in "([./:a\\\\]|(?s).){0,20}") {
        if let Ok(id) = id.parse::<ComponentId>() {
            let path = std::path::Path::new("/components").join(format!("{id}.wasm"));
            prop_assert!(path.starts_with("/components") && !path.components().any(|part| part.as_os_str() == ".."));
        }
    }
}
