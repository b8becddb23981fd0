//! Components of a Wassette: recorded with a tape, and loaded again before it is played.

#![cfg(unix)]

use std::fs;

use serde_json::{Value, json};
use shadowcat::layer::RecordLayer;
use shadowcat::policy::wassette::Digest;
use shadowcat::tape::{Component, EntryKind, RecorderOptions, Tape};
use shadowcat::verify::{Report, Verify, VerifyError};
use shadowcat::wassette::policy::Policy;
use shadowcat::{Error, JsonRpcMessage, Kind, Reply};
use tower::Layer;

use crate::recorded;
use crate::support::*;
use crate::taped::Folder;
use crate::verified::{Made, Played, answer};

fn calls(id: i64, tool: &str, arguments: &Value) -> JsonRpcMessage {
    let params = json!({ "name": tool, "arguments": arguments }).to_string();
    JsonRpcMessage::request(id, "tools/call", params).unwrap()
}

/// What Wassette answers: its text.
fn says(json: &Value) -> String {
    json!({ "content": [{ "type": "text", "text": json.to_string() }] }).to_string()
}

/// As a Wassette does, for whom every path is the component `fs`.
fn wassette(message: &JsonRpcMessage) -> Reply {
    if message.kind() != Kind::Request || message.is_session_listen() {
        return Reply::empty();
    }
    let params: Value = serde_json::from_slice(message.params().unwrap()).unwrap();
    let (arguments, id) = (&params["arguments"], &params["arguments"]["component_id"]);
    let changed = |status: &str, kind: &str| {
        says(
            &json!({ "status": status, "component_id": id, "permission_type": kind, "details": arguments["details"] }),
        )
    };
    let result = match params["name"].as_str().unwrap_or_default() {
        "load-component" => says(&json!({ "status": "component loaded", "id": "fs" })),
        "list-components" => {
            let tools = json!({ "tools": [{ "name": "read" }] });
            says(&json!({ "components": [{ "id": "fs", "tools_count": 1, "schema": tools }], "total": 1 }))
        }
        "get-policy" => says(&json!({ "status": "no policy found", "component_id": id })),
        "grant-storage-permission" => changed("permission granted", "storage"),
        "grant-network-permission" => changed("permission granted", "network"),
        "revoke-network-permission" => changed("permission revoked", "network"),
        _ => "{}".to_owned(),
    };
    answer(message, &result)
}

/// What is on the tape when these tools were called.
async fn recorded_by(layer: impl Fn(RecordLayer) -> RecordLayer, tools: &[(&str, Value)]) -> Played {
    let (recorder, memory) = recorded::recording(RecorderOptions::new());
    let mut stack = layer(RecordLayer::new(recorder.clone()).wassette())
        .layer(leaf(|message| std::future::ready(Ok::<_, Error>(wassette(&message)))));
    for (id, (tool, arguments)) in (1..).zip(tools) {
        let _ = rest(run(&mut stack, calls(id, tool, arguments)).await.unwrap()).await;
    }
    drop(stack);
    soon(recorder.finish()).await.unwrap();
    Played::new(memory.tape(), memory.entries())
}

fn tape_of(played: &Played) -> Tape {
    shadowcat::tape::Source::tape(played).clone()
}

fn policy(tape: &Tape) -> Policy {
    Policy::from_json(tape.components[0].policy.as_deref().unwrap()).unwrap()
}

fn storage() -> Value {
    json!({ "component_id": "fs", "details": { "uri": "fs:///data", "access": ["read"] } })
}

fn network() -> Value {
    json!({ "component_id": "fs", "details": { "host": "a.example" } })
}

#[tokio::test]
async fn what_a_component_was_granted_is_its_policy() {
    let load = ("load-component", json!({ "path": "oci://ghcr.io/example/fs:1" }));
    let grants = [("grant-storage-permission", storage()), ("grant-network-permission", network())];
    let [one, other] = grants.clone();
    let tape = tape_of(&recorded_by(|layer| layer, &[load.clone(), one, other]).await);
    assert_eq!(tape.components.len(), 1);
    assert_eq!(tape.components[0].uri.as_deref(), Some("oci://ghcr.io/example/fs:1"));
    let granted = policy(&tape);
    assert_eq!(granted.storage.allow[0].uri.as_str(), "fs:///data");
    assert_eq!(granted.network.allow[0].to_string(), "a.example");
    assert!(granted.description.unwrap().contains("there may be more"), "it may have had one before");

    let [one, other] = grants;
    let revoke = ("revoke-network-permission", network());
    let tape = tape_of(&recorded_by(|layer| layer, &[load.clone(), one, other, revoke.clone()]).await);
    assert!(policy(&tape).network.allow.is_empty() && policy(&tape).storage.allow.len() == 1);
    let grant = ("grant-network-permission", network());
    let tape = tape_of(&recorded_by(|layer| layer, &[load.clone(), grant.clone(), revoke]).await);
    assert!(policy(&tape).network.allow.is_empty(), "what was taken back is not on it");

    let asked = ("get-policy", json!({ "component_id": "fs" }));
    let tape = tape_of(&recorded_by(|layer| layer, &[load.clone(), asked.clone()]).await);
    assert_eq!(policy(&tape), Policy::new(), "it is known to have none");
    let tape = tape_of(&recorded_by(|layer| layer, &[load.clone(), asked, grant]).await);
    assert!(policy(&tape).network.allow.len() == 1 && policy(&tape).description.is_none());

    let tape = tape_of(&recorded_by(|layer| layer, &[load]).await);
    assert_eq!(tape.components[0].policy, None, "nobody said anything of it");
}

#[tokio::test]
async fn what_the_application_says_of_a_component_stays() {
    let given = Component::new("fs").uri("file:///old.wasm").digest("sha256:00").policy("{}");
    let other = Component::new("other").uri("file:///other.wasm");
    let tools = [
        ("list-components", json!({})),
        ("load-component", json!({ "path": "file:///new.wasm" })),
        ("grant-network-permission", network()),
    ];
    let layer = |layer: RecordLayer| {
        layer.component(Component::new("fs")).component(other.clone()).component(given.clone())
    };
    let tape = tape_of(&recorded_by(layer, &tools).await);
    assert_eq!(tape.components.iter().map(|component| &*component.id).collect::<Vec<_>>(), ["other", "fs"]);
    let mut learned = given.clone();
    learned.tools = vec!["read".into()];
    assert_eq!(tape.components[1], learned);

    let tape = tape_of(&recorded_by(layer, &[]).await);
    assert_eq!(tape.components, [other.clone(), given.clone()], "nothing else need be recorded");
}

#[tokio::test]
async fn the_digest_of_a_loaded_file_is_taken_where_that_is_asked_for() {
    let folder = Folder::new();
    let file = folder.path("fs.wasm");
    fs::write(&file, "a component").unwrap();
    let uri = format!("file://{}", file.to_str().unwrap());
    let load = [("load-component", json!({ "path": uri }))];
    let tape = tape_of(&recorded_by(|layer| layer, &load).await);
    assert_eq!(tape.components[0].digest, None);

    let (recorder, memory) = recorded::recording(RecorderOptions::new());
    let mut stack = RecordLayer::new(recorder.clone())
        .wassette()
        .component_digests()
        .layer(leaf(|message| std::future::ready(Ok::<_, Error>(wassette(&message)))));
    let _ = rest(run(&mut stack, calls(1, load[0].0, &load[0].1)).await.unwrap()).await;
    let digest = async {
        loop {
            recorder.flushed().await.unwrap();
            if let Some(digest) = memory.tape().components[0].digest.clone() {
                break digest;
            }
            tokio::task::yield_now().await;
        }
    };
    let expected = Digest::of(&b"a component"[..], 100).unwrap().unwrap().to_string();
    assert_eq!(*soon(digest).await, *expected);
    soon(recorder.finish()).await.unwrap();
}

/// A tape that names a component, played to a Wassette; and what that was asked.
async fn played(
    tape: Played,
    choose: Option<fn(Component) -> Option<Component>>,
) -> (Result<Report, VerifyError>, Vec<String>) {
    let server = leaf(|message| std::future::ready(Ok::<_, Error>(wassette(&message))));
    let seen = server.seen.clone();
    let verify = Verify::new(tape);
    let verify = match choose {
        Some(choose) => verify.components(choose),
        None => verify,
    };
    let report = soon(verify.run(server)).await;
    let asked = seen.all().into_iter().filter(|seen| !seen.contains("subscriptions/listen")).collect();
    (report, asked)
}

fn calling(component: Component) -> Played {
    let mut made = Made::new().call(1, "tools/call", r#"{"name":"read","arguments":{}}"#, "{}");
    made.tape.components.push(component);
    made.source()
}

const GRANTED: &str =
    r#"{"version":"1.0","permissions":{"storage":{"allow":[{"uri":"fs:///","access":["read","write"]}]}}}"#;

#[tokio::test]
async fn nothing_is_loaded_or_granted_because_a_tape_says_so() {
    let evil = || calling(Component::new("fs").uri("oci://evil.example/x").policy(GRANTED));
    let (report, asked) = played(evil(), None).await;
    let report = report.unwrap();
    assert_eq!(asked.len(), 1, "the recorded call, and no more: {asked:?}");
    assert!(report.notes[0].contains("fs was not loaded"), "{report}");

    let (report, asked) = played(evil(), Some(|_| None)).await;
    assert!(report.unwrap().notes[0].contains("not chosen") && asked.len() == 1, "{asked:?}");

    let ours = |component: Component| {
        let mut ours = Component::new(component.id).uri("oci://ours.example/x");
        ours.tools = component.tools;
        Some(ours)
    };
    let (report, asked) = played(evil(), Some(ours)).await;
    assert!(report.unwrap().notes[0].contains("was loaded from oci://ours.example/x"));
    assert!(asked.len() == 2 && asked[0].contains("ours.example"), "nothing is granted: {asked:?}");

    let (report, asked) = played(evil(), Some(Some)).await;
    assert!(report.unwrap().is_deterministic());
    assert!(asked.len() == 3 && asked[1].contains("grant-storage-permission"), "{asked:?}");
}

#[tokio::test]
async fn a_digest_that_cannot_be_checked_is_refused() {
    let folder = Folder::new();
    let pipe = folder.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let digest = format!("sha256:{}", "0".repeat(64));
    let uri = |name: &str| format!("file://{}", folder.path(name).to_str().unwrap());
    for (uri, why) in [
        ("oci://ghcr.io/example/fs:1".to_owned(), "is no file"),
        (uri("pipe"), "no regular file"),
        (uri(""), "directory"),
        (uri("gone"), "No such file"),
    ] {
        let component = Component::new("fs").uri(&*uri).digest(&*digest);
        let (report, asked) = played(calling(component.clone()), Some(Some)).await;
        let error = report.unwrap_err();
        assert!(error.is_component() && asked.is_empty(), "{error} {asked:?}");
        let text = error.to_string();
        assert!(text.contains("cannot be checked") && text.contains(why), "{text}");

        let unchecked = |mut component: Component| {
            component.digest = None;
            Some(component)
        };
        assert!(played(calling(component), Some(unchecked)).await.0.is_ok(), "{uri}");
    }
    let (report, _) = played(calling(Component::new("fs")), Some(Some)).await;
    assert!(report.unwrap_err().to_string().contains("where it came from"));
}

#[tokio::test]
async fn what_was_recorded_is_loaded_again_and_granted_once() {
    let given = |layer: RecordLayer| layer.component(Component::new("fs").uri("oci://ghcr.io/example/fs:1"));
    let tools = [
        ("list-components", json!({})),
        ("read", json!({ "path": "/data" })),
        ("grant-storage-permission", storage()),
        ("read", json!({ "path": "/data" })),
    ];
    let tape = recorded_by(given, &tools).await;
    assert_eq!(policy(&tape_of(&tape)).storage.allow.len(), 1);
    let (report, asked) = played(tape, Some(Some)).await;
    let report = report.unwrap();
    assert!(report.is_deterministic() && report.totals.calls == 4, "{report}");
    assert!(asked[0].contains("load-component") && asked.len() == 5, "{asked:?}");
    assert!(asked[3].contains("grant-storage-permission"), "not before it was recorded: {asked:?}");

    let tape = recorded_by(given, &tools[..2]).await;
    let events = tape.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.kind == EntryKind::Component));
    assert_eq!(events.count(), 1, "what is only known better is no event");
}
