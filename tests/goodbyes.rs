//! A proxy that is told to stop says goodbye before it ends: real processes, a real SIGTERM.

#![cfg(all(unix, feature = "http-server", feature = "http-client", feature = "stdio"))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod process;
mod support;

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode};
use process::Folder;
use support::soon;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const INITIALIZE: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
const WELCOME: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}"#;

/// Killed when the test is over.
struct Proxy(Child, SocketAddr);

impl Proxy {
    async fn start(args: &[&str]) -> Self {
        let args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let started = tokio::task::spawn_blocking(move || {
            let mut command = Command::new(process::reverse_http());
            command.args(["--listen", "127.0.0.1:0"]).args(args).stderr(Stdio::piped());
            let mut process = command.spawn().unwrap();
            let mut told = String::new();
            BufReader::new(process.stderr.take().unwrap()).read_line(&mut told).unwrap();
            let address = told.trim().strip_prefix("listening on http://").unwrap();
            let address = address.strip_suffix("/mcp").unwrap().parse().unwrap();
            Self(process, address)
        });
        started.await.unwrap() // builds the example where it is not there
    }

    /// Opens a session, which it then leaves open.
    async fn opens_a_session(&self) {
        let (address, length) = (self.1, INITIALIZE.len());
        let mut client = TcpStream::connect(address).await.unwrap();
        let head = format!("POST /mcp HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
        let head = format!("{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n");
        client.write_all((head + INITIALIZE).as_bytes()).await.unwrap();
        let mut answer = String::new();
        soon(client.read_to_string(&mut answer)).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("mcp-session-id"), "{answer}");
    }

    /// SIGTERM, and its end.
    async fn stops(mut self) {
        process::terminate(self.0.id());
        let mut ended = None;
        process::eventually_async(Duration::from_secs(60), "the proxy ends", || {
            ended = self.0.try_wait().unwrap();
            ended.is_some()
        })
        .await;
        assert!(ended.unwrap().success(), "{ended:?}");
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn serve(State(heard): State<mpsc::Sender<Method>>, method: Method, headers: HeaderMap) -> Response {
    heard.try_send(method.clone()).unwrap();
    let session = [("mcp-session-id", "s-1")];
    let json = [("content-type", "application/json")];
    match method {
        Method::POST => (session, json, WELCOME).into_response(),
        Method::DELETE => {
            assert_eq!(headers["mcp-session-id"], "s-1");
            StatusCode::OK.into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

#[tokio::test]
async fn a_proxy_that_is_told_to_stop_ends_its_sessions_at_the_server() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let uri = format!("http://{}/mcp", listener.local_addr().unwrap());
    let (tell, mut heard) = mpsc::channel(16);
    let server = Router::new().fallback(serve).with_state(tell);
    tokio::spawn(async move { axum::serve(listener, server).await });
    let proxy = Proxy::start(&["--upstream", &uri]).await;
    proxy.opens_a_session().await;
    assert_eq!(soon(heard.recv()).await, Some(Method::POST));
    proxy.stops().await;
    assert_eq!(heard.try_recv(), Ok(Method::DELETE), "it was told before the proxy ended");
}

#[tokio::test]
async fn a_proxy_that_is_told_to_stop_lets_its_servers_end() {
    let folder = Folder::new();
    // Says what it was asked once its stdin is closed; that SIGTERM comes after a while is not its subject.
    let script = format!(
        r#"trap '' TERM; read -r asked; echo '{WELCOME}'; cat >/dev/null; echo "$asked" >> {}/left"#,
        folder.name()
    );
    let proxy = Proxy::start(&["--", "sh", "-c", &script]).await;
    proxy.opens_a_session().await;
    proxy.stops().await;
    let left = String::from_utf8(folder.read("left")).unwrap();
    assert!(left.contains("initialize"), "{left:?}");
}
