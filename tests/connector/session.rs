//! A Wassette behind the connector, and a client of a front end before it.

use std::sync::{Arc, Mutex, Once};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shadowcat::connect::supervise::{Backoff, Supervised};
use shadowcat::connect::wassette::Stdio;
use shadowcat::connect::{Child, Wassette};
use shadowcat::{Error, serve};
use tokio::task::JoinHandle;

use crate::process::{eventually_async, tell};
use crate::support::{Peer, peer};
use crate::world::{Kind, World};

pub(crate) type Server = Wassette<Supervised<Child>>;

/// Never waited for: the test fails long before.
pub(crate) const NEVER: Duration = Duration::from_secs(60);

pub(crate) const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"transcript","version":"1"}}}"#;
pub(crate) const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
pub(crate) const CHANGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;

pub(crate) struct Session {
    pub(crate) world: World,
    pub(crate) server: Server,
    pub(crate) client: Peer,
    served: JoinHandle<Result<(), Error>>,
    logs: Arc<Mutex<Vec<String>>>,
    asked: u32,
}

/// Runs a case; where there is no such Wassette here, says so.
pub(crate) fn run<F: Future<Output = ()>>(kind: Kind, case: impl FnOnce(Session) -> F) {
    run_with(kind, |builder| builder, case);
}

/// The same, with a connector of its own.
pub(crate) fn run_with<F: Future<Output = ()>>(
    kind: Kind,
    configure: impl FnOnce(Stdio) -> Stdio,
    case: impl FnOnce(Session) -> F,
) {
    let Some(world) = World::new(kind) else {
        static SAID: Once = Once::new();
        return SAID
            .call_once(|| tell("skipped: SHADOWCAT_WASSETTE is not set; no test ran a real Wassette"));
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        case(Session::start(world, configure).await).await;
    });
}

impl Session {
    /// Before `initialize`.
    async fn start(world: World, configure: impl FnOnce(Stdio) -> Stdio) -> Self {
        let logs = Arc::new(Mutex::new(Vec::new()));
        let see = logs.clone();
        let soon = Duration::from_millis(10);
        let builder = world.connector().backoff(Backoff::new(soon, soon));
        let builder = builder.on_log(move |line| see.lock().unwrap().push(line.to_owned()));
        let server = configure(builder).start().await.unwrap();
        let (client, read, write) = peer(1 << 16);
        let served = tokio::spawn(serve::stdio(server.clone()).run_on(read, write));
        Self { world, server, client, served, logs, asked: 1 }
    }

    /// `initialize` and `notifications/initialized`.
    pub(crate) async fn open(&mut self) {
        self.client.say(INITIALIZE).await;
        let answer = self.hear().await;
        assert_eq!(answer["result"]["protocolVersion"], "2025-03-26", "{answer}");
        self.client.say(INITIALIZED).await;
    }

    pub(crate) async fn hear(&mut self) -> Value {
        serde_json::from_str(&self.client.hear().await.expect("the front end goes on")).unwrap()
    }

    /// Sends a request, without params where they are null; its id.
    pub(crate) async fn send(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = json!(format!("c{}", self.asked));
        let mut request = json!({"jsonrpc": "2.0", "id": id, "method": method});
        if !params.is_null() {
            request["params"] = params;
        }
        self.client.say(self.world.here(&request.to_string())).await;
        id
    }

    /// The whole answer to a request, which must be the next that is heard.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        let answer = self.hear().await;
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// Sends a call of a tool; its id.
    pub(crate) async fn start_call(&mut self, tool: &str, arguments: Value) -> Value {
        self.send("tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    /// The text of a tool's result, which must be the next that is heard.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        self.world.there(answer["result"]["content"][0]["text"].as_str().expect("a tool's result"))
    }

    /// The same of a tool that changes the list of tools: the client is told before.
    pub(crate) async fn call_that_changes(&mut self, tool: &str, arguments: Value) -> String {
        let id = self.start_call(tool, arguments).await;
        assert_eq!(self.client.hear().await.as_deref(), Some(CHANGED), "before the answer");
        let answer = self.hear().await;
        assert_eq!(answer["id"], id);
        self.world.there(answer["result"]["content"][0]["text"].as_str().expect("a tool's result"))
    }

    /// Loads one of the components of the tests.
    pub(crate) async fn load(&mut self, name: &str) {
        let path = format!("file:///components/{name}.wasm");
        let said = self.call_that_changes("load-component", json!({"path": path})).await;
        assert_eq!(said, format!(r#"{{"id":"{name}","status":"component loaded"}}"#));
    }

    /// It answers, and it was never made again.
    pub(crate) async fn is_the_first_and_answers(&mut self) {
        let answered = self.server.kept().answered;
        assert_eq!(self.ask("ping", Value::Null).await["result"], json!({}));
        assert_eq!(self.server.kept().answered, answered, "by the server itself");
        assert_eq!(self.server.get_ref().stats().starts, 1);
    }

    /// Waits for a line with this text in the log.
    pub(crate) async fn logs(&self, text: &str) {
        let has = || self.logs.lock().unwrap().iter().any(|line| line.contains(text));
        eventually_async(NEVER, &format!("the log has {text:?}"), has).await;
    }

    /// The process of now.
    pub(crate) fn id(&self) -> u32 {
        self.server.get_ref().current().expect("it runs").id()
    }

    /// The same where it may be told once more that lists changed.
    pub(crate) async fn end_after_changes(mut self) {
        self.client.close().await;
        self.served.await.unwrap().unwrap();
        while let Some(line) = self.client.hear().await {
            assert_eq!(line, CHANGED);
        }
        self.server.shutdown().await;
    }

    /// The client goes, and the server with it: how long that took.
    pub(crate) async fn end(mut self) -> Duration {
        let started = Instant::now();
        self.client.close().await;
        self.served.await.unwrap().unwrap();
        assert_eq!(self.client.hear().await, None, "nothing more was said");
        self.server.shutdown().await;
        started.elapsed()
    }
}
