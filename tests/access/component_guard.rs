//! Tools that manage a Wassette are held to a profile.

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use proptest::prelude::*;
use serde_json::{Value, json};
use shadowcat::layer::ComponentGuardLayer;
use shadowcat::layer::components::{Components, Control};
use shadowcat::layer::intercept::{Chain, InterceptLayer};
use shadowcat::policy::wassette::{Digest, Profile, Source};
use shadowcat::policy::{Decisions, Owner, Verdict};
use shadowcat::wassette::policy::Policy;
use shadowcat::wassette::{ComponentMap, ManagementTool, PermissionKind};
use shadowcat::{Error, JsonRpcMessage, Reply, ScanOptions};
use tower::{Layer, ServiceExt};

use crate::support::{self, msg, soon, text};

/// A Wassette that says yes to everything, and what reached it.
#[derive(Clone, Default)]
struct Server(Arc<Mutex<Vec<String>>>);

impl Server {
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn answer(&self, message: &JsonRpcMessage) -> Reply {
        self.0.lock().unwrap().push(text(message));
        let asked: Value = serde_json::from_slice(message.bytes()).unwrap();
        let arguments = &asked["params"]["arguments"];
        let component = arguments["component_id"].clone();
        let said = match asked["params"]["name"].as_str().unwrap_or_default() {
            "load-component" => json!({"status": "component loaded", "id": "echo"}),
            "list-components" => json!({"components": [{"id": "echo", "tools_count": 1,
                "schema": {"tools": [{"name": "echo"}]}}], "total": 1}),
            "reset-permission" => json!({"status": "permissions reset", "component_id": component}),
            "get-policy" => json!({"status": "no policy found", "component_id": component}),
            name if name.starts_with("grant-") => {
                json!({"status": "permission granted", "component_id": component, "details": arguments["details"]})
            }
            name if name.starts_with("revoke-") => {
                json!({"status": "permission revoked", "component_id": component, "details": arguments["details"]})
            }
            _ => json!({"ok": 1}),
        };
        let result = json!({"content": [{"type": "text", "text": said.to_string()}]}).to_string();
        message.responder().result(&result).unwrap().map_or_else(Reply::empty, Reply::one)
    }

    async fn call(&self, control: &Control, message: JsonRpcMessage) -> Reply {
        let server = self.clone();
        let inner = tower::service_fn(move |message: JsonRpcMessage| {
            let reply = server.answer(&message);
            async move { Ok::<_, Error>(reply) }
        });
        soon(ComponentGuardLayer::new(control).layer(inner).oneshot(message)).await.unwrap()
    }

    /// The error's message, if it is one.
    async fn told(&self, control: &Control, tool: &str, arguments: Value) -> Option<String> {
        let params = json!({"name": tool, "arguments": arguments}).to_string();
        let reply = self.call(control, JsonRpcMessage::request(7, "tools/call", params).unwrap()).await;
        let answer: Value = serde_json::from_slice(reply.as_one().unwrap().bytes()).unwrap();
        assert_eq!(answer["id"], 7);
        answer["error"]["message"].as_str().map(str::to_owned)
    }
}

fn policy(permissions: &Value) -> Policy {
    Policy::from_json(json!({"version": "1.0", "permissions": permissions}).to_string()).unwrap()
}

fn all() -> Profile {
    ManagementTool::ALL.into_iter().fold(Profile::new(), Profile::allow)
}

#[tokio::test]
async fn what_changes_something_is_denied_and_looks_unknown_and_what_reads_is_not() {
    let (server, control) = (Server::default(), Control::new(Profile::new()));
    for tool in ManagementTool::ALL.map(ManagementTool::name) {
        let arguments = match ManagementTool::from_name(tool).unwrap().component_argument() {
            Some(name) => json!({ name: "echo" }),
            None => json!({}),
        };
        let told = server.told(&control, tool, arguments).await;
        let reads = ["list-components", "search-components", "get-policy"].contains(&tool);
        assert_eq!(told, (!reads).then(|| format!("Unknown tool: {tool}")), "{tool}");
        assert_eq!(server.heard().len(), usize::from(reads), "{tool}");
    }
    assert_eq!((control.stats().allowed, control.stats().refused), (3, 10));
}

#[tokio::test]
async fn names_that_look_like_theirs_are_denied_too() {
    let (server, control) = (Server::default(), Control::new(all()));
    for name in [
        "Load-Component",
        "load-component ",
        "load-component\0x",
        "ｌoad-component",
        "load-com\u{200b}ponent",
        "GRANT-storage-permission",
        "grant-cpu-permission",
        "revoke-anything-permission",
        "LIST-components",
    ] {
        let told = server.told(&control, name, json!({"path": "file:///x.wasm"})).await;
        assert_eq!(told, Some(format!("Unknown tool: {name}")));
        assert!(server.heard().is_empty());
    }
    for name in ["load-components", "loadcomponent", "grant", "grant-permissions", "a-grant-x-permission"] {
        assert_eq!(server.told(&control, name, json!({})).await, None, "{name}");
        assert_eq!(server.heard().len(), 1);
    }
}

#[tokio::test]
async fn what_may_be_read_in_two_ways_is_refused() {
    let (server, control) = (Server::default(), Control::new(Profile::new()));
    for call in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"read","Name":"load-component"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"Name":"load-component"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":7}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"Tools/Call","params":{"name":"load-component"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call\u200b","params":{"name":"load-component"}}"#,
    ] {
        let reply = server.call(&control, msg(call)).await;
        assert_eq!(Decisions::of(&reply)[0].verdict(), Verdict::Deny, "{call}");
        assert!(reply.as_one().unwrap().error().is_some());
    }
    let lax =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","name":"load-component"}}"#;
    let lax = JsonRpcMessage::parse_with(lax, &ScanOptions::new().transparent()).unwrap();
    assert!(server.call(&control, lax).await.as_one().unwrap().error().is_some());
    let escaped =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools\/call","params":{"n\u0061me":"lo\u0061d-component"}}"#;
    assert!(server.call(&control, msg(escaped)).await.as_one().unwrap().error().is_some());
    assert!(server.heard().is_empty());
}

#[tokio::test]
async fn a_list_shows_what_may_be_called_and_all_else_byte_for_byte() {
    let tools = r#"{"name":"load-component"} , { "name" : "echo","x":1e2},{"name":"Grant-x-Permission"},{"name":"get-policy"}"#;
    let list = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{tools}], "nextCursor":"é"}}}}"#);
    let seen = |profile: Profile, list: String| async move {
        let inner = tower::service_fn(move |_: JsonRpcMessage| {
            let list = list.clone();
            async move { Ok::<_, Error>(Reply::one(msg(list))) }
        });
        let control = Control::new(profile);
        let guard = ComponentGuardLayer::new(&control).layer(inner);
        let request = JsonRpcMessage::request(1, "tools/list", "{}").unwrap();
        text(guard.oneshot(request).await.unwrap().as_one().unwrap())
    };
    assert_eq!(
        seen(Profile::new(), list.clone()).await,
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{ "name" : "echo","x":1e2},{"name":"get-policy"}], "nextCursor":"é"}}"#
    );
    assert!(seen(all(), list.clone()).await.contains(r#"[{"name":"load-component"} , {"#));
    for malformed in [
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":{"name":"load-component"}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":["load-component"]}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{"Tools":[{"name":"load-component"}]}}"#,
        r#"{"jsonrpc":"2.0","id":"1","result":{"tools":[{"name":"load-component"}]}}"#,
    ] {
        let told = seen(Profile::new(), malformed.to_owned()).await;
        assert!(told.contains(r#""id":1,"error":{"code":-32603"#) && !told.contains("load"), "{told}");
    }
}

#[tokio::test]
async fn components_come_from_sources_only() {
    let digest: Digest = format!("sha256:{}", "ab".repeat(32)).parse().unwrap();
    let profile = all()
        .source(Source::new("oci://ghcr.io/microsoft/*:1.*").unwrap())
        .source(Source::new("oci://pinned.example/**").unwrap().pinned())
        .source(Source::new("oci://one.example/a").unwrap().digest(digest))
        .source(Source::new("https://web.example/c/*").unwrap());
    let (server, control) = (Server::default(), Control::new(profile));
    let other = format!("sha256:{}", "cd".repeat(32));
    for (uri, told) in [
        ("oci://ghcr.io/microsoft/time:1.2", None),
        ("oci://ghcr.io/microsoft/time:2.0", Some("from there")),
        ("oci://ghcr.io/microsoft/time", Some("from there")),
        (&format!("oci://ghcr.io/microsoft/time:1.2@{other}"), Some("from there")),
        ("oci://ghcr.io/microsoft/a/b:1.2", Some("from there")),
        ("oci://ghcr.io:444/microsoft/time:1.2", Some("from there")),
        ("oci://pinned.example/a/b/c:latest", Some("not pinned")),
        (&format!("oci://pinned.example/a/b/c@{other}"), None),
        (&format!("oci://one.example/a@{digest}"), None),
        (&format!("oci://one.example/a@{other}"), Some("another digest")),
        ("https://web.example/c/x.wasm", None),
        ("https://web.example:8443/c/x.wasm", Some("from there")),
        ("https://web.example/c/x.wasm?y=/c/z", Some("from there")),
        ("https://web.example/c/%2e%2e/x.wasm", Some("not understood")),
        ("https://user@web.example/c/x.wasm", Some("not understood")),
        ("file:///etc/passwd", Some("from there")),
        ("FILE:///x", Some("not understood")),
        ("/x.wasm", Some("not understood")),
    ] {
        let said = server.told(&control, "load-component", json!({"path": uri})).await;
        assert_eq!(said.is_some(), told.is_some(), "{uri}: {said:?}");
        assert!(said.unwrap_or_default().contains(told.unwrap_or_default()), "{uri}");
        assert_eq!(server.heard().len(), usize::from(told.is_none()), "{uri}");
    }
}

#[tokio::test]
async fn arguments_are_read_in_their_one_shape() {
    let ceiling =
        policy(&json!({"network": {"allow": [{"host": "*"}]}, "environment": {"allow": [{"key": "A"}]}}));
    let (server, control) = (Server::default(), Control::new(all().ceiling(ceiling)));
    for (tool, arguments) in [
        ("load-component", json!({"path": "oci://a.b/c", "package": "x"})),
        ("load-component", json!({"path": ["oci://a.b/c"]})),
        ("load-component", json!({"package": "x"})),
        ("load-component", json!([])),
        ("unload-component", json!({"id": "../policy"})),
        ("unload-component", json!({"id": "a", "Id": "b"})),
        ("unload-component", json!({})),
        ("list-components", json!({"all": true})),
        ("get-policy", json!({"component_id": 1})),
        ("reset-permission", json!({"component_id": "/etc"})),
        ("grant-network-permission", json!({"component_id": "a", "details": {"host": "x", "also": 1}})),
        ("grant-network-permission", json!({"component_id": "a", "details": "x"})),
        ("grant-network-permission", json!({"component_id": "a", "details": {"host": "x"}, "more": 1})),
        ("grant-network-permission", json!({"component_id": "../a", "details": {"host": "x"}})),
        ("grant-environment-variable-permission", json!({"component_id": "a", "details": {"key": ["A"]}})),
        ("grant-memory-permission", json!({"component_id": "a", "details": {"memory": "1Gi"}})),
        ("revoke-network-permission", json!({"component_id": "a", "details": {}})),
        ("revoke-storage-permission", json!({"component_id": "a", "details": {"uri": 7}})),
    ] {
        let told = server.told(&control, tool, arguments.clone()).await.unwrap_or_default();
        assert!(told.contains("not understood"), "{tool} {arguments}: {told}");
        assert!(server.heard().is_empty());
    }
    for (tool, arguments) in [
        ("unload-component", json!({"id": "a"})),
        ("search-components", json!({"query": "x"})),
        ("revoke-storage-permission", json!({"component_id": "a", "details": {"uri": "fs:///x"}})),
        (
            "revoke-storage-permission",
            json!({"component_id": "a", "details": {"uri": "fs:///x", "access": ["read"]}}),
        ),
    ] {
        assert_eq!(server.told(&control, tool, arguments).await, None, "{tool}");
    }
}

#[tokio::test]
async fn a_grant_beyond_the_ceiling_is_refused_with_what_is_too_much() {
    let ceiling = policy(&json!({
        "storage": {"allow": [{"uri": "fs:///data/**", "access": ["read"]}]},
        "network": {"allow": [{"host": "*.example.com"}]},
        "resources": {"limits": {"memory": "512Mi"}}}));
    let (server, control) = (Server::default(), Control::new(all().ceiling(ceiling)));
    for (tool, details, told) in [
        ("storage", json!({"uri": "fs:///data/a", "access": ["read"]}), None),
        (
            "storage",
            json!({"uri": "fs:///data/a", "access": ["read", "write"]}),
            Some("write access to fs:///data/a"),
        ),
        ("network", json!({"host": "a.example.com"}), None),
        ("network", json!({"host": "*"}), Some("network access to *")),
        ("environment-variable", json!({"key": "HOME"}), Some("the environment variable HOME")),
        ("memory", json!({"resources": {"limits": {"memory": "256Mi"}}}), None),
        (
            "memory",
            json!({"resources": {"limits": {"memory": "1Gi"}}}),
            Some("more than the limit resources.limits.memory"),
        ),
    ] {
        let call = json!({"component_id": "echo", "details": details});
        let said = server.told(&control, &format!("grant-{tool}-permission"), call).await;
        let expected = told.map(|told| format!("the grant exceeds what may be granted: {told}"));
        assert_eq!(said, expected);
        assert_eq!(server.heard().len(), usize::from(told.is_none()));
    }
}

#[tokio::test]
async fn what_a_component_may_do_is_shown_as_far_as_it_is_known() {
    let ceiling = policy(&json!({"network": {"allow": [{"host": "*.example.com"}]}}));
    let (server, control) = (Server::default(), Control::new(all().ceiling(ceiling)));
    let effective = || control.effective("echo");
    let grant = |host: &str| json!({"component_id": "echo", "details": {"host": host}});
    assert_eq!(effective().to_string(), "nothing that was seen; what else it may do is not known");

    server.told(&control, "grant-network-permission", grant("a.example.com")).await;
    assert_eq!(effective().to_string(), "network access to a.example.com; what else it may do is not known");
    assert_eq!(effective().granted[0].kind, PermissionKind::Network);

    server.told(&control, "reset-permission", json!({"component_id": "echo"})).await;
    assert_eq!(effective().to_string(), "nothing");
    server.told(&control, "grant-network-permission", grant("b.example.com")).await;
    server.told(&control, "grant-network-permission", grant("evil.test")).await;
    assert_eq!(effective().to_string(), "network access to b.example.com");

    control.replace(all());
    assert_eq!(effective().to_string(), "nothing; 1 granted beyond the ceiling");
    server.told(&control, "revoke-network-permission", grant("b.example.com")).await;
    assert_eq!(effective().to_string(), "nothing");
    server.told(&control, "list-components", json!({})).await;
    assert_eq!(control.effective_of_all()[0].0, "echo");
}

#[tokio::test]
async fn whose_tool_it_is_is_known_until_something_changes() {
    let (server, control) = (Server::default(), Control::new(all()));
    let owner = || control.components().owner_of("echo");
    assert_eq!(owner(), Owner::Unknown);
    server.told(&control, "list-components", json!({})).await;
    assert_eq!(owner(), Owner::Component("echo".into()));

    let (sender, listen) = Reply::channel(4);
    let listen = Arc::new(Mutex::new(Some(listen)));
    let inner = tower::service_fn(move |_: JsonRpcMessage| {
        let reply = listen.lock().unwrap().take().unwrap();
        async move { Ok::<_, Error>(reply) }
    });
    let guard = ComponentGuardLayer::new(&control).layer(inner);
    let mut reply = guard.oneshot(support::session_listen()).await.unwrap();
    sender.try_send(JsonRpcMessage::notification("notifications/tools/list_changed", "").unwrap()).unwrap();
    soon(reply.next()).await.unwrap().unwrap();
    assert_eq!(owner(), Owner::Unknown);
    server.told(&control, "list-components", json!({})).await;
    assert_eq!(owner(), Owner::Component("echo".into()));
}

/// What is passed on, and its answer given by hand.
struct ByHand {
    control: Control,
    answers: tokio::sync::mpsc::Receiver<tokio::sync::oneshot::Sender<Reply>>,
    sender: tokio::sync::mpsc::Sender<tokio::sync::oneshot::Sender<Reply>>,
}

impl ByHand {
    fn new() -> Self {
        let (sender, answers) = tokio::sync::mpsc::channel(4);
        Self { control: Control::new(all()), answers, sender }
    }

    fn owner(&self, tool: &str) -> Owner<'static> {
        self.control.components().owner_of(tool)
    }

    /// A call that has reached the server, and how it is answered.
    async fn sent(
        &mut self,
        call: &JsonRpcMessage,
    ) -> (tokio::task::JoinHandle<Result<Reply, Error>>, tokio::sync::oneshot::Sender<Reply>) {
        let sender = self.sender.clone();
        let inner = tower::service_fn(move |_: JsonRpcMessage| {
            let sender = sender.clone();
            async move {
                let (answer, answered) = tokio::sync::oneshot::channel();
                sender.send(answer).await.unwrap();
                Ok::<_, Error>(answered.await.unwrap())
            }
        });
        let guard = ComponentGuardLayer::new(&self.control).layer(inner);
        let running = tokio::spawn(guard.oneshot(call.clone()));
        (running, soon(self.answers.recv()).await.unwrap())
    }

    async fn answered(&mut self, call: &JsonRpcMessage, said: &str) {
        let (running, answer) = self.sent(call).await;
        answer.send(saying(call, said)).unwrap();
        drop(soon(running).await.unwrap().unwrap());
    }
}

fn manage(tool: &str, arguments: Value) -> JsonRpcMessage {
    let params = json!({"name": tool, "arguments": arguments}).to_string();
    JsonRpcMessage::request(7, "tools/call", params).unwrap()
}

fn saying(call: &JsonRpcMessage, said: &str) -> Reply {
    let result = json!({"content": [{"type": "text", "text": said}]}).to_string();
    Reply::one(call.responder().result(&result).unwrap().unwrap())
}

fn listing(tools: &[&str]) -> String {
    let tools: Vec<_> = tools.iter().map(|name| json!({ "name": name })).collect();
    json!({"components": [{"id": "echo", "tools_count": tools.len(), "schema": {"tools": tools}}], "total": 1})
        .to_string()
}

#[tokio::test]
async fn a_tool_that_not_every_version_has_may_be_a_components_and_then_manages_nothing() {
    let mut server = ByHand::new();
    let list = manage("list-components", json!({}));
    assert_eq!(server.owner("list-components"), Owner::Nobody);
    assert_eq!(server.owner("search-components"), Owner::Unknown);
    server.answered(&list, &listing(&["echo"])).await;
    assert_eq!(server.owner("search-components"), Owner::Nobody);
    server.answered(&list, &listing(&["search-components", "list-components"])).await;
    assert_eq!(server.owner("search-components"), Owner::Component("echo".into()));
    assert_eq!(server.owner("list-components"), Owner::Nobody);
    assert_eq!(server.owner("reset-permission"), Owner::Nobody);

    let plain = Server::default();
    let told = plain.told(&server.control, "search-components", json!({})).await;
    assert_eq!((told.as_deref(), plain.heard().len()), (Some("Unknown tool: search-components"), 0));
    assert_eq!(plain.told(&server.control, "reset-permission", json!({"component_id": "echo"})).await, None);
    let tools = JsonRpcMessage::request(7, "tools/list", "{}").unwrap();
    let (running, answer) = server.sent(&tools).await;
    let result = r#"{"tools":[{"name":"search-components"},{"name":"reset-permission"}]}"#;
    answer.send(Reply::one(tools.responder().result(result).unwrap().unwrap())).unwrap();
    let shown = text(soon(running).await.unwrap().unwrap().as_one().unwrap());
    assert!(shown.ends_with(r#"{"tools":[{"name":"reset-permission"}]}}"#), "{shown}");
}

#[tokio::test]
async fn whose_a_tool_is_is_not_known_while_one_is_loaded_or_unloaded_nor_where_nobody_tells_how_it_ended() {
    let mut server = ByHand::new();
    let list = manage("list-components", json!({}));
    let unload = manage("unload-component", json!({"id": "other"}));
    let done = json!({"status": "component unloaded successfully", "id": "other"}).to_string();
    let echo = Owner::Component("echo".into());
    server.answered(&list, &listing(&["echo"])).await;
    let (running, answer) = server.sent(&unload).await;
    assert_eq!(server.owner("echo"), Owner::Unknown, "it is on its way");
    server.answered(&list, &listing(&["echo"])).await;
    assert_eq!(server.owner("echo"), Owner::Unknown, "still");
    answer.send(saying(&unload, &done)).unwrap();
    drop(soon(running).await.unwrap().unwrap());
    assert_eq!(server.owner("echo"), echo);

    let (running, answer) = server.sent(&unload).await;
    running.abort();
    assert!(soon(running).await.unwrap_err().is_cancelled());
    drop(answer);
    assert_eq!(server.owner("echo"), Owner::Unknown, "nobody heard how it ended");
    server.answered(&list, &listing(&["echo"])).await;
    assert_eq!(server.owner("echo"), echo);

    let error = unload.responder().error(shadowcat::Code::INTERNAL_ERROR, "too slow").unwrap();
    for odd in
        [saying(&unload, "{"), saying(&unload, r#"{"status":"odd"}"#), Reply::one(error), Reply::empty()]
    {
        let (running, answer) = server.sent(&unload).await;
        answer.send(odd).unwrap();
        drop(soon(running).await.unwrap().unwrap());
        assert_eq!(server.owner("echo"), Owner::Unknown);
        server.answered(&list, &listing(&["echo"])).await;
        assert_eq!(server.owner("echo"), echo);
    }
}

#[tokio::test]
async fn an_interceptor_knows_that_a_list_was_asked_for_before_the_last_change() {
    let components = Components::new();
    let chain = Chain::new();
    chain.add("components", components.clone()).unwrap();
    let list = manage("list-components", json!({}));
    let changed = JsonRpcMessage::notification("notifications/tools/list_changed", "").unwrap();
    let told = saying(&list, &listing(&["echo"])).as_one().unwrap().clone();
    for (says, due) in
        [(vec![told.clone()], Owner::Component("echo".into())), (vec![changed, told], Owner::Unknown)]
    {
        let inner = tower::service_fn(move |_: JsonRpcMessage| {
            let says = says.clone();
            async move { Ok::<_, Error>(Reply::stream(futures::stream::iter(says.into_iter().map(Ok)))) }
        });
        let mut reply = InterceptLayer::new(chain.clone()).layer(inner).oneshot(list.clone()).await.unwrap();
        while let Some(message) = soon(reply.next()).await {
            message.unwrap();
        }
        assert_eq!(components.owner_of("echo"), due);
    }
}

#[tokio::test]
async fn what_a_component_may_do_is_not_known_after_it_is_loaded_again() {
    let (server, control) =
        (Server::default(), Control::new(all().source(Source::new("oci://a.example/*").unwrap())));
    server.told(&control, "reset-permission", json!({"component_id": "echo"})).await;
    assert!(control.effective("echo").is_known);
    server.told(&control, "load-component", json!({"path": "oci://a.example/echo:1"})).await;
    assert!(!control.effective("echo").is_known);
}

#[tokio::test]
async fn a_file_is_loaded_if_it_has_its_digest() {
    let folder = std::env::temp_dir().join(format!("shadowcat-guard-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("folder.wasm")).unwrap();
    let path = folder.join("a.wasm");
    std::fs::write(&path, "abc").unwrap();
    let digest = Digest::of(&b"abc"[..], 3).unwrap().unwrap();
    let pattern = format!("file://{}/*.wasm", folder.display());
    let control = Control::new(all().source(Source::new(&pattern).unwrap().digest(digest)));
    let server = Server::default();
    let load = |name: &str| json!({"path": format!("file://{}/{name}", folder.display())});
    assert_eq!(server.told(&control, "load-component", load("a.wasm")).await, None);
    assert_eq!(server.heard().len(), 1);
    std::fs::write(&path, "abd").unwrap();
    for (name, told) in [
        ("a.wasm", "the component has another digest than it may have"),
        ("none.wasm", "the component's file cannot be checked"),
        ("folder.wasm", "the component's file cannot be checked"),
        ("a.txt", "components may not be loaded from there"),
    ] {
        assert_eq!(
            server.told(&control, "load-component", load(name)).await.as_deref(),
            Some(told),
            "{name}"
        );
        assert!(server.heard().is_empty());
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn decisions_tell_the_tool_and_why_and_no_value() {
    let (server, control) = (Server::default(), Control::new(all()));
    let call = json!({"name": "grant-network-permission",
        "arguments": {"component_id": "a", "details": {"host": "secret.example"}}});
    let call = JsonRpcMessage::request(1, "tools/call", call.to_string()).unwrap();
    let reply = server.call(&control, call).await;
    let decision = Decisions::of(&reply)[0].to_string();
    assert_eq!(
        decision,
        "components: deny by grant-network-permission: the grant exceeds what may be granted"
    );
    let call = JsonRpcMessage::request(1, "tools/call", r#"{"name":"list-components"}"#).unwrap();
    let reply = server.call(&control, call).await;
    assert_eq!(Decisions::of(&reply)[0].to_string(), "components: allow by list-components");
}

/// Grants from a small world, so that they meet the ceilings.
fn details() -> impl Strategy<Value = (&'static str, Value)> {
    let host = prop::sample::select(vec!["a.x", "*.x", "*", "b.a.x", "10.0.0.1", "a.x:80", "y"]);
    let uri =
        prop::sample::select(vec!["fs:///a", "fs:///a/**", "fs:///a/b", "fs:///**", "fs://a", "fs:///c/*"]);
    let access = prop::sample::select(vec![json!(["read"]), json!(["write"]), json!(["read", "write"])]);
    let memory = prop::sample::select(vec!["1Mi", "1Gi", "2Gi", "500M"]);
    prop_oneof![
        3 => host.prop_map(|host| ("network", json!({"host": host}))),
        3 => (uri, access).prop_map(|(uri, access)| ("storage", json!({"uri": uri, "access": access}))),
        1 => prop::sample::select(vec!["A", "B"]).prop_map(|key| ("environment-variable", json!({"key": key}))),
        1 => memory.prop_map(|memory| ("memory", json!({"resources": {"limits": {"memory": memory}}}))),
    ]
}

fn ceiling() -> impl Strategy<Value = Policy> {
    prop::collection::vec((details(), any::<bool>()), 0..6).prop_map(|rules| {
        let mut permissions = json!({});
        for ((kind, details), is_denied) in rules {
            let list = if is_denied { "deny" } else { "allow" };
            let mut put = |kind: &str, list: &str| {
                let at = &mut permissions[kind][list];
                if at.is_null() {
                    *at = json!([]);
                }
                at.as_array_mut().unwrap().push(details.clone());
            };
            match kind {
                "memory" => permissions["resources"] = details["resources"].clone(),
                "environment-variable" => put("environment", "allow"),
                kind => put(kind, list),
            }
        }
        policy(&permissions)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Whatever is asked for, what the server was told keeps to the ceiling, and so does what is shown.
    #[test]
    fn a_grant_that_passes_never_makes_what_is_effective_exceed_the_ceiling(
        ceiling in ceiling(), grants in prop::collection::vec(details(), 1..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (server, control) = (Server::default(), Control::new(all().ceiling(ceiling.clone())));
        runtime.block_on(async {
            for (kind, details) in grants {
                let call = json!({"component_id": "c", "details": details});
                let told = server.told(&control, &format!("grant-{kind}-permission"), call).await;
                assert_eq!(server.heard().len(), usize::from(told.is_none()));
            }
        });
        let mut effective = control.effective("c");
        prop_assert!(effective.beyond.is_empty());
        // What nobody set is as it was.
        let memory = effective.policy.resources.memory_limit.take();
        effective.policy.resources = ceiling.resources.clone();
        if memory.is_some() {
            effective.policy.resources.memory_limit = memory;
        }
        prop_assert_eq!(ceiling.exceeds(&effective.policy), []);
    }

    /// One question for list and call: hidden is denied with any arguments.
    #[test]
    fn what_is_hidden_is_denied(name in "[a-zA-Z -]{0,12}|(?i)(load|unload|list)-components?|(?i)(grant|revoke)-[a-z]{0,4}-permission", arguments in "[{}a-z\":]{0,8}") {
        let profile = Profile::new();
        let judged = profile.judge(&name, Some(arguments.as_bytes()));
        let refused = matches!(&judged, shadowcat::policy::wassette::Judged::Refuse(shadowcat::policy::wassette::Refusal::NotAllowed));
        prop_assert_eq!(profile.hides(&name), refused);
        let map = ComponentMap::new();
        prop_assert!(!profile.effective(&map, &name).is_known);
    }
}
