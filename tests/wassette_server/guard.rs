//! The guard of components before a Wassette: the fixture `wassette_0_2`, and the real 0.2.0 that `SHADOWCAT_WASSETTE`
//! names.

use std::future::Future;

use serde_json::{Value, json};
use shadowcat::connect::supervise::Supervised;
use shadowcat::connect::{Child, Wassette};
use shadowcat::layer::components::Control;
use shadowcat::layer::{ComponentGuard, ComponentGuardLayer};
use shadowcat::policy::Owner;
use shadowcat::policy::wassette::{Digest, Profile, Source};
use shadowcat::wassette::ManagementTool;
use shadowcat::wassette::policy::Policy;
use tower::{Layer, ServiceExt};

use crate::process::tell;
use crate::support::{msg, note, session_listen, soon};
use crate::world::{Kind, World};

struct Client {
    world: World,
    control: Control,
    guard: ComponentGuard<Wassette<Supervised<Child>>>,
    _listen: shadowcat::Reply,
    asked: u32,
}

impl Client {
    async fn open(world: World, profile: Profile) -> Self {
        let server = soon(world.connector().start()).await.unwrap();
        let control = Control::new(profile);
        let guard = ComponentGuardLayer::new(&control).layer(server);
        let listen = soon(guard.clone().oneshot(session_listen())).await.unwrap();
        let mut client = Self { world, control, guard, _listen: listen, asked: 0 };
        let info = json!({"name": "t", "version": "1"});
        let params = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": info});
        assert!(client.ask("initialize", params).await["result"].is_object());
        let none = soon(client.guard.clone().oneshot(msg(note("notifications/initialized")))).await.unwrap();
        assert!(none.is_end());
        client
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let request = json!({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params});
        let reply = soon(self.guard.clone().oneshot(msg(request.to_string()))).await.unwrap();
        let answer = soon(reply.collect(usize::MAX)).await.unwrap().pop().unwrap();
        serde_json::from_slice(answer.bytes()).unwrap()
    }

    /// The text of the result, or the message of the error.
    async fn call(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        let said = [&answer["result"]["content"][0]["text"], &answer["error"]["message"]];
        said.into_iter().find_map(Value::as_str).unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    async fn tools(&mut self) -> Vec<String> {
        let answer = self.ask("tools/list", json!({})).await;
        let tools = answer["result"]["tools"].as_array().unwrap_or_else(|| panic!("{answer}"));
        tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
    }

    fn file(&self, name: &str) -> Value {
        json!({"path": self.world.here(&format!("file:///components/{name}.wasm"))})
    }
}

/// On the fixture, and on a real one where there is one.
fn on_both<F: Future<Output = ()>>(case: impl Fn(World) -> F) {
    for kind in [Kind::Fixture, Kind::Real] {
        let Some(world) = World::new(kind) else {
            tell("skipped: SHADOWCAT_WASSETTE is not set; no real Wassette ran");
            continue;
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(case(world));
    }
}

#[test]
fn by_default_nothing_is_changed_and_what_changes_is_not_shown() {
    on_both(|world| async move {
        let mut client = Client::open(world, Profile::new()).await;
        let mut tools = client.tools().await;
        tools.sort();
        assert_eq!(tools, ["get-policy", "list-components"]);
        let file = client.file("echo");
        assert_eq!(client.call("load-component", file).await, "Unknown tool: load-component");
        let none = client.call("list-components", json!({})).await;
        assert_eq!(serde_json::from_str::<Value>(&none).unwrap()["total"], 0, "nothing reached it");
        let said = client.call("unload-component", json!({"id": "../x"})).await;
        assert_eq!(said, "Unknown tool: unload-component");
    });
}

#[test]
fn what_is_opted_in_works_within_its_bounds() {
    on_both(|world| async move {
        let path = world.here("file:///components/echo.wasm");
        let bytes = std::fs::read(path.strip_prefix("file://").unwrap()).unwrap();
        let digest = Digest::of(&bytes[..], 1 << 20).unwrap().unwrap();
        let ceiling = json!({"version": "1.0", "permissions": {
            "storage": {"allow": [{"uri": "fs:///tmp/**", "access": ["read"]}]}}});
        let pattern = world.here("file:///components/*.wasm");
        let profile = Profile::new()
            .allow(ManagementTool::LoadComponent)
            .source(Source::new(&pattern).unwrap().digest(digest))
            .allow(ManagementTool::GrantStorage)
            .ceiling(Policy::from_json(ceiling.to_string()).unwrap());
        let mut client = Client::open(world, profile).await;

        let other = client.file("add");
        assert!(client.call("load-component", other).await.contains("another digest"));
        let file = client.file("echo");
        assert!(client.call("load-component", file).await.contains("component loaded"));
        client.call("list-components", json!({})).await;
        assert_eq!(client.control.components().owner_of("echo"), Owner::Component("echo".into()));
        assert_eq!(client.call("echo", json!({"s": "hello"})).await, "hello");
        assert!(client.tools().await.contains(&"echo".to_owned()));

        assert!(client.call("get-policy", json!({"component_id": "echo"})).await.contains("no policy found"));
        let grant = |access: &[&str]| json!({"component_id": "echo", "details": {"uri": "fs:///tmp/a", "access": access}});
        assert!(!client.control.effective("echo").policy.allows(&read("/tmp/a")));
        let said = client.call("grant-storage-permission", grant(&["read", "write"])).await;
        assert_eq!(said, "the grant exceeds what may be granted: write access to fs:///tmp/a");
        assert!(!client.world.component_dir().join("echo.policy.yaml").exists(), "it was not written");
        let said = client.call("grant-storage-permission", grant(&["read"])).await;
        assert!(said.contains("permission granted"), "{said}");
        let effective = client.control.effective("echo");
        assert!(effective.is_known && effective.policy.allows(&read("/tmp/a")), "{effective}");
        assert_eq!(effective.to_string(), "read access to fs:///tmp/a");
    });
}

fn read(path: &str) -> shadowcat::wassette::policy::Operation<'_> {
    shadowcat::wassette::policy::Operation::Read(path)
}
