//! Wassette 0.2 over HTTP+SSE: the fixture `wassette_0_2` with the real rmcp 0.2.1 inside, or a real one that
//! `SHADOWCAT_WASSETTE` names and that finds port 9001 free.

#![cfg(all(unix, feature = "stdio", feature = "http-client"))]

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use shadowcat::connect::Http;
use shadowcat::connect::http::{HttpClient, Options};
use shadowcat::protocol::Era;
use shadowcat::{JsonRpcMessage, Reply};
use tower::Service;

use crate::process::wassette::{Wassette, command};
use crate::process::{self, Folder};
use crate::support::*;

/// The real one knows only one port.
static TURN: Mutex<()> = Mutex::new(());

struct Server {
    process: Wassette,
    uri: http::Uri,
    _folder: Folder,
    _turn: MutexGuard<'static, ()>,
}

impl Server {
    fn start() -> Self {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = Folder::new();
        let mut command = command();
        command.args(["serve", "--http", "--plugin-dir"]).arg(folder.path());
        let process = Wassette::start(command.env("FIXTURE_ADDR", "127.0.0.1:0"));
        let address = loop {
            let line = process.receive().expect("it logs where it listens before it ends");
            if let Some((_, rest)) = line.split_once("Starting MCP server on ") {
                break rest.split_once(' ').unwrap().0.to_owned();
            }
        };
        // It says where it will listen before it does.
        while std::net::TcpStream::connect(&address).is_err() {}
        let uri = format!("http://{address}/sse").parse().unwrap();
        Self { process, uri, _folder: folder, _turn: turn }
    }

    fn leaf(&self) -> Http<HttpClient> {
        let options = Options::new().timeout(Duration::from_secs(30));
        Http::with_options(HttpClient::new(), self.uri.clone(), options)
    }
}

async fn ask(leaf: &mut Http<HttpClient>, message: JsonRpcMessage) -> String {
    let reply = soon(leaf.call(message)).await.unwrap();
    text(soon(reply.collect(usize::MAX)).await.unwrap().last().unwrap())
}

async fn open(leaf: &mut Http<HttpClient>) {
    let params =
        r#"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}"#;
    let welcome = ask(leaf, JsonRpcMessage::request("first", "initialize", params).unwrap()).await;
    assert!(welcome.contains(r#""id":"first""#) && welcome.contains("2025-03-26"), "{welcome}");
    let opened: Reply = soon(leaf.call(msg(note("notifications/initialized")))).await.unwrap();
    assert!(opened.is_end());
}

fn list(id: i64) -> JsonRpcMessage {
    JsonRpcMessage::request(id, "tools/list", "{}").unwrap()
}

#[tokio::test]
async fn a_session_works_and_survives_what_wassette_does_not_know() {
    let server = Server::start();
    let mut leaf = server.leaf();
    open(&mut leaf).await;
    assert_eq!(leaf.era(), Some(Era::Legacy));
    assert!(ask(&mut leaf, list(1)).await.contains("list-components"));
    // rmcp answers 422, and nothing on the stream.
    let unknown = ask(&mut leaf, JsonRpcMessage::request(2, "no/such", "{}").unwrap()).await;
    assert!(unknown.contains(r#""id":2"#) && unknown.contains("upstream_refused"), "{unknown}");
    let params = r#"{"name":"list-components","arguments":{}}"#;
    let listed = ask(&mut leaf, JsonRpcMessage::request(3, "tools/call", params).unwrap()).await;
    assert!(listed.contains("components"), "{listed}");
}

#[tokio::test]
async fn sessions_do_not_disturb_each_other() {
    let server = Server::start();
    let (mut one, mut other) = (server.leaf(), server.leaf());
    open(&mut one).await;
    open(&mut other).await;
    let asked = futures::stream::iter(0..200_i64).map(|id| {
        let mut leaf = if id % 2 == 0 { one.clone() } else { other.clone() };
        async move {
            let answer = ask(&mut leaf, list(id / 2)).await;
            assert!(answer.contains(&format!(r#""id":{},"#, id / 2)), "{answer}");
        }
    });
    soon(asked.buffer_unordered(32).collect::<()>()).await;
    drop(one);
    assert!(ask(&mut other, list(1000)).await.contains("list-components"));
}

#[tokio::test]
async fn a_server_that_is_killed_fails_every_call_once() {
    let server = Server::start();
    let mut leaf = server.leaf();
    open(&mut leaf).await;
    let mut listen = soon(leaf.call(session_listen())).await.unwrap();
    process::kill(server.process.id());
    let error = soon(listen.next()).await.unwrap().unwrap_err();
    assert!(error.is_closed(), "{error:?}");
    assert!(soon(leaf.ended()).await.error().is_closed());
    let late = soon(leaf.call(list(1))).await.unwrap_err();
    assert!(late.is_closed() && late.is_unsent());
}

#[tokio::test]
async fn the_era_of_a_wassette_is_found() {
    let server = Server::start();
    assert_eq!(soon(server.leaf().probe()).await.unwrap(), Era::Legacy);
}
