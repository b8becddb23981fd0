//! A client that talks to a leaf directly.

use futures::StreamExt;
use serde_json::{Value, json};
use shadowcat::connect::{Leaf, Wassette};
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::ServiceExt;

use crate::support::{msg, note, session_listen, soon};

pub(crate) struct Client<L: Leaf> {
    pub(crate) server: Wassette<L>,
    pub(crate) listen: Reply,
    asked: u32,
}

impl<L: Leaf> Client<L> {
    /// With its session open, and its listen.
    pub(crate) async fn open(server: Wassette<L>) -> Self {
        let listen = soon(server.clone().oneshot(session_listen())).await.unwrap();
        let mut client = Self { server, listen, asked: 0 };
        let info = json!({"name": "t", "version": "1"});
        let params = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": info});
        let welcome = client.ask("initialize", params).await;
        assert_eq!(welcome["result"]["protocolVersion"], "2025-03-26", "{welcome}");
        assert!(client.send(msg(note("notifications/initialized"))).await.unwrap().is_end());
        client
    }

    pub(crate) async fn send(&self, message: JsonRpcMessage) -> Result<Reply, Error> {
        soon(self.server.clone().oneshot(message)).await
    }

    /// The answer to a request, under an id that an old Wassette would not give back.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let first = if self.server.dialect().mangles_ids() { 9_007_199_254_740_000_u64 } else { 100 };
        let id = json!(first + u64::from(self.asked));
        let request = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
        let reply = self.send(msg(request.to_string())).await.unwrap();
        let answer = soon(reply.collect(usize::MAX)).await.unwrap().pop().unwrap();
        let answer: Value = serde_json::from_slice(answer.bytes()).unwrap();
        assert_eq!(answer["id"], id, "{answer}");
        answer
    }

    /// The text of a tool's result.
    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> String {
        let answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        answer["result"]["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// What the server says unasked.
    pub(crate) async fn hear(&mut self) -> String {
        let message = soon(self.listen.next()).await.expect("the listen goes on").unwrap();
        message.method().unwrap().to_owned()
    }

    /// Loads the component of the tests that is in the file; the client is told of it.
    pub(crate) async fn load(&mut self, path: &str) {
        let uri = path.parse().unwrap();
        let loaded = soon(self.server.load(&[uri])).await.pop().unwrap().unwrap();
        assert!(path.contains(loaded.as_str()), "{loaded:?}");
        assert_eq!(self.hear().await, "notifications/tools/list_changed");
    }
}
