//! Components are loaded, called, granted and unloaded, by a client that is told of each change before the answer.

use std::fs;

use serde_json::json;

use crate::session::Session;
use crate::world::Kind;

async fn a_component_is_loaded_called_granted_and_unloaded(mut session: Session) {
    session.open().await;
    let listed = |text: String| serde_json::from_str::<serde_json::Value>(&text).unwrap()["total"].clone();
    for (name, arguments, said) in [
        ("echo", json!({"s": "a \"b\" é\n"}), "a \"b\" é\n"),
        ("add", json!({"a": 2, "b": 3}), "5"),
        ("fail", json!({}), r#"{"err":"it fails, as asked"}"#),
    ] {
        session.load(name).await;
        assert_eq!(listed(session.call("list-components", json!({})).await), 1, "{name}");
        assert_eq!(session.call(name, arguments).await, said);
        let unloaded = session.call_that_changes("unload-component", json!({"id": name})).await;
        assert_eq!(unloaded, format!(r#"{{"id":"{name}","status":"component unloaded successfully"}}"#));
    }
    session.is_the_first_and_answers().await;
    session.end().await;
}

async fn what_is_unloaded_is_gone(mut session: Session) {
    session.open().await;
    for name in ["echo", "add"] {
        session.load(name).await;
    }
    session.call_that_changes("unload-component", json!({"id": "echo"})).await;
    let said = session.call("echo", json!({"s": "x"})).await;
    assert_eq!(said, "Error: Failed to find component for tool 'echo': Tool not found");
    assert_eq!(session.call("add", json!({"a": 1, "b": 1})).await, "2");
    session.call_that_changes("unload-component", json!({"id": "add"})).await;
    let none = session.call("list-components", json!({})).await;
    assert_eq!(serde_json::from_str::<serde_json::Value>(&none).unwrap()["total"], 0);
    session.end().await;
}

async fn a_grant_is_written_and_a_policy_found(mut session: Session) {
    session.open().await;
    session.load("echo").await;
    let none = session.call("get-policy", json!({"component_id": "echo"})).await;
    assert_eq!(none, r#"{"component_id":"echo","status":"no policy found"}"#);
    let details = json!({"uri": "fs:///tmp", "access": ["read"]});
    let said =
        session.call("grant-storage-permission", json!({"component_id": "echo", "details": details})).await;
    assert!(said.contains("permission granted"), "{said}");
    let policy = session.call("get-policy", json!({"component_id": "echo"})).await;
    assert!(policy.contains("policy found"), "{policy}");
    let written = fs::read_to_string(session.world.component_dir().join("echo.policy.yaml")).unwrap();
    assert!(written.contains("fs:///tmp"), "{written}");
    session.end().await;
}

/// There 0.2.0 would copy it onto itself, which empties it, and no later start would get past it.
async fn a_component_is_never_loaded_from_where_it_is_copied_to(mut session: Session) {
    session.open().await;
    session.load("echo").await;
    let folder = session.world.component_dir();
    let alias = folder.parent().unwrap().join("alias");
    std::os::unix::fs::symlink(&folder, &alias).unwrap();
    let (folder, alias) = (folder.display(), alias.display());
    for uri in [
        format!("file://{folder}/echo.wasm"),
        format!("file://{folder}/../components/./echo.wasm"),
        format!("file://{alias}/echo.wasm"),
        format!("  file://{folder}/echo.wasm"),
        format!("file://{folder}/echo.wasm\n"),
        format!("\u{a0}file://{folder}/echo.wasm"),
    ] {
        let answer = session.call("load-component", json!({"path": uri})).await;
        assert!(answer.starts_with("Error: the file is in the component directory"), "{uri:?}: {answer}");
    }
    let loaded = session.server.load(&[format!("file://{folder}/echo.wasm").parse().unwrap()]).await;
    let error = loaded.into_iter().next().unwrap().unwrap_err();
    assert!(error.is_invalid() && error.is_unsent(), "{error:?}");
    assert_ne!(fs::read(session.world.component_dir().join("echo.wasm")).unwrap().len(), 0);
    assert_eq!(session.call("echo", json!({"s": "here"})).await, "here");
    session.is_the_first_and_answers().await;
    session.end().await;
}

/// As many at once as the front end takes, with ids that collide with those on the wire.
async fn answers_of_many_calls_at_once_each_find_their_own(mut session: Session) {
    session.open().await;
    session.load("add").await;
    for id in 0..200 {
        let params = json!({"name": "add", "arguments": {"a": id, "b": 1}});
        let call = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        session.client.say(call.to_string()).await;
    }
    let mut seen = [false; 200];
    for _ in 0..200 {
        let answer = session.hear().await;
        let id = usize::try_from(answer["id"].as_u64().unwrap()).unwrap();
        assert_eq!(answer["result"]["content"][0]["text"], (id + 1).to_string());
        assert!(!std::mem::replace(&mut seen[id], true), "{id} is answered once");
    }
    session.is_the_first_and_answers().await;
    session.end().await;
}

crate::on! { scripted, Kind::Scripted("stdio-real-components") =>
    a_component_is_loaded_called_granted_and_unloaded,
}

crate::on! { fixture, Kind::Fixture =>
    a_component_is_loaded_called_granted_and_unloaded,
    what_is_unloaded_is_gone,
    a_grant_is_written_and_a_policy_found,
    a_component_is_never_loaded_from_where_it_is_copied_to,
    answers_of_many_calls_at_once_each_find_their_own,
}

crate::on! { real, Kind::Real =>
    a_component_is_loaded_called_granted_and_unloaded,
    what_is_unloaded_is_gone,
    a_grant_is_written_and_a_policy_found,
    a_component_is_never_loaded_from_where_it_is_copied_to,
    answers_of_many_calls_at_once_each_find_their_own,
}
