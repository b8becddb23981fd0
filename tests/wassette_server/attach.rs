//! A Wassette that runs already, behind the connector: the fixture `wassette_0_2` on HTTP+SSE, or a real 0.2.0 that
//! `SHADOWCAT_WASSETTE` names; and scripted ones, to tell the versions apart.

#![cfg(feature = "http-client")]

use std::sync::Arc;

use futures::StreamExt;
use serde_json::json;
use shadowcat::connect::http::HttpClient;
use shadowcat::connect::wassette::{Attach, Kept};
use shadowcat::connect::{Http, PerSession, Wassette};
use shadowcat::wassette::Dialect;
use shadowcat::{Context as Facts, Direction, JsonRpcMessage, OwnedId};
use tower::ServiceExt;

use crate::process;
use crate::process::wassette::{Wassette as Running, command, real, transcript};
use crate::support::*;
use crate::talk::Client;
use crate::turn::Turn;
use crate::upstream;
use crate::world::{Kind, World};

/// What runs, and where it listens.
struct Server {
    process: Running,
    address: String,
    world: World,
    _turn: Option<Turn>,
}

impl Server {
    fn start() -> Self {
        // The real one knows only one port.
        let turn = real().map(|_| Turn::take());
        let world = World::new(if turn.is_some() { Kind::Real } else { Kind::Fixture }).unwrap();
        let mut command = command();
        command.args(["serve", "--http", "--plugin-dir"]).arg(world.component_dir());
        let process = Running::start(command.env("FIXTURE_ADDR", "127.0.0.1:0"));
        let address = loop {
            let line = process.receive().expect("it logs where it listens before it ends");
            if let Some((_, rest)) = line.split_once("Starting MCP server on ") {
                break rest.split_once(' ').unwrap().0.to_owned();
            }
        };
        // It says where it will listen before it does.
        while std::net::TcpStream::connect(&address).is_err() {}
        Self { process, address, world, _turn: turn }
    }

    fn at(&self, path: &str) -> Attach<HttpClient> {
        Wassette::attach(HttpClient::new(), format!("http://{}{path}", self.address).parse().unwrap())
    }

    async fn client(&self) -> Client<Http<HttpClient>> {
        Client::open(soon(self.at("").connect()).await.unwrap()).await
    }

    fn component(&self, name: &str) -> String {
        self.world.here(&format!("file:///components/{name}.wasm"))
    }
}

#[tokio::test]
async fn a_component_is_loaded_and_called_and_the_client_is_told() {
    let server = Server::start();
    let mut client = server.client().await;
    assert_eq!(client.server.dialect(), Dialect::V0_2);
    client.load(&server.component("echo")).await;
    assert_eq!(client.call("echo", json!({"s": "a \"b\" é\n"})).await, "a \"b\" é\n");
    let components = soon(client.server.components()).await.unwrap();
    let found: Vec<_> = components.components().map(|one| one.id.as_str().to_owned()).collect();
    assert_eq!(found, ["echo"]);
    // Through the stack, too.
    let said = client.call("load-component", json!({"path": server.component("add")})).await;
    assert!(said.contains("component loaded"), "{said}");
    assert_eq!(client.hear().await, "notifications/tools/list_changed");
    assert!(client.server.components_seen().is_stale(), "another may have come with it");
    assert_eq!(client.call("add", json!({"a": 2, "b": 3})).await, "5");
}

#[tokio::test]
async fn nothing_is_kept_from_it_that_only_a_pipe_would_die_of() {
    let server = Server::start();
    let mut client = server.client().await;
    let unknown = client.ask("no/such", json!({})).await;
    assert_eq!(unknown["error"]["data"]["shadowcat"]["kind"], "upstream_refused", "{unknown}");
    let unknown = client.send(msg(note("notifications/no/such"))).await.unwrap();
    assert!(unknown.is_end());
    assert_eq!(client.server.kept(), Kept::default());
    assert_eq!(client.ask("ping", json!({})).await["result"], json!({}), "by the server itself");
}

#[tokio::test]
async fn what_ends_or_fails_there_as_on_a_pipe_is_kept_from_it() {
    let server = Server::start();
    let attached = soon(server.at("").connect()).await.unwrap();
    // Its session would be gone.
    let early = soon(attached.clone().oneshot(call(7))).await.unwrap();
    assert!(error_of(&early).contains("-32600"));
    assert_eq!(attached.kept().answered, 1);
    let mut client = Client::open(attached).await;
    for list in ["prompts", "resources"] {
        assert_eq!(client.ask(&format!("{list}/list"), json!({})).await["result"], json!({list: []}));
    }
    assert_eq!(client.server.kept().answered, 3);
    assert!(client.call("list-components", json!({})).await.contains("total"));
}

#[tokio::test]
async fn a_dialect_and_an_endpoint_that_are_told_are_not_asked_for() {
    let server = Server::start();
    for attach in [server.at("").dialect(Dialect::V0_2), server.at("/sse"), server.at("/sse?x=1")] {
        let mut client = Client::open(soon(attach.connect()).await.unwrap()).await;
        assert_eq!(client.server.dialect(), Dialect::V0_2);
        assert!(client.call("list-components", json!({})).await.contains("total"));
    }
}

#[tokio::test]
async fn each_session_has_a_session_of_its_own() {
    let server = Server::start();
    let mut sessions = PerSession::new(server.at(""));
    for name in ["one", "other"] {
        let context = Arc::new(Facts::new(Direction::ToUpstream).session(name));
        let params = json!({"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": {"name": name, "version": "1"}});
        let hello = JsonRpcMessage::request(1, "initialize", params.to_string()).unwrap();
        let reply = soon(run(&mut sessions, hello.with_context(context))).await.unwrap();
        assert!(rest(reply).await[0].contains(r#""id":1,"#));
    }
    assert_eq!(sessions.stats().sessions, 2);
}

#[tokio::test]
async fn a_server_that_is_killed_fails_every_call_once() {
    let server = Server::start();
    let mut client = server.client().await;
    client.load(&server.component("spin")).await;
    let spin = client.server.clone().oneshot(msg(
        json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "spin", "arguments": {}}})
            .to_string(),
    ));
    let spin = tokio::spawn(spin);
    assert!(client.ask("ping", json!({})).await["result"].is_object(), "what came before is on its way");
    process::kill(server.process.id());
    match soon(spin).await.unwrap() {
        Err(error) => assert!(error.is_closed(), "{error:?}"),
        // The server died before it had taken the message itself.
        Ok(reply) => assert!(rest(reply).await.concat().contains(r#""kind":"upstream_closed""#)),
    }
    let error = soon(client.listen.next()).await.unwrap().unwrap_err();
    assert!(error.is_closed(), "{error:?}");
    let late = client.send(call(2)).await.unwrap_err();
    assert!(late.is_closed() && late.is_unsent(), "{late:?}");
}

/// What the real one was sent and said: under the ids of the connector's own, which are those of the transcript.
#[tokio::test]
async fn the_transcript_of_a_real_one_can_be_replayed() {
    let (client, mut server) = upstream::client();
    let attach = Wassette::attach(client, "http://127.0.0.1:9001".parse().unwrap()).dialect(Dialect::V0_2);
    let leaf = soon(attach.connect()).await.unwrap();
    let mut stream: Option<upstream::Events> = None;
    let mut running = None;
    for entry in transcript("http-sse") {
        let line = entry.line.as_str();
        if let Some(body) = line.strip_prefix("POST /message?sessionId=… ") {
            let Ok(message) = JsonRpcMessage::parse(body.to_owned()) else { break };
            let named = match message.owned_id() {
                Some(id) => message.with_id(own_id(&id)),
                None => message,
            };
            running = Some((named.clone(), tokio::spawn(leaf.clone().oneshot(named))));
            if stream.is_none() {
                let asked = server.get().await;
                assert_eq!(asked.head.uri, "http://127.0.0.1:9001/sse");
                let mut events = asked.events();
                events.raw("event: endpoint\ndata: /message?sessionId=SESSION\n\n");
                stream = Some(events);
            }
            let asked = server.post(body).await;
            assert_eq!(asked.head.uri, "http://127.0.0.1:9001/message?sessionId=SESSION");
            asked.status(202);
        } else if let Some(data) = line.strip_prefix("data: {").filter(|_| running.is_some()) {
            let (request, call) = running.take().unwrap();
            stream.as_mut().unwrap().raw(format!("event: message\ndata: {{{data}\n\n"));
            let reply = soon(call).await.unwrap().unwrap();
            let answer = reply.as_one().unwrap().clone();
            assert_eq!(answer.owned_id(), request.owned_id());
            let said = msg(format!("{{{data}"));
            assert_eq!((answer.result(), answer.error()), (said.result(), said.error()));
        }
    }
    assert!(leaf.components_seen().components().next().is_none() && !leaf.components_seen().is_stale());
}

fn own_id(id: &OwnedId) -> OwnedId {
    OwnedId::from(format!("the client's {}", id.as_str()).as_str())
}
