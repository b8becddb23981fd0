//! The hostile corpus over HTTP: a client's raw bytes, the front end, the leaf, and a server's raw bytes, on real
//! sockets.

mod bodies;
mod events;
mod piped;
mod requests;
mod server;

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use shadowcat::connect::Http as Leaf;
use shadowcat::connect::http::{HttpClient, Options};
use shadowcat::serve::http::bearer::BearerLayer;
use shadowcat::serve::http::{Builder, SessionInfo};
use shadowcat::wire::http::{Endpoint, HostPolicy, OriginPolicy};
use shadowcat::{Error, ScanOptions, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tower::util::option_layer;
use tower::{Layer, service_fn};

use crate::profile::guarded;

pub(crate) use bodies::line;
pub(crate) use events::event;
pub(crate) use piped::{body, body_to_pipe};
pub(crate) use requests::request;

/// The size of a message in the profile of the tests, in bytes.
const MAX: usize = 262_144;
/// What does not come within this time does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a case needs that is stopped with it.
struct Front {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn scan() -> ScanOptions {
    ScanOptions::new().max_bytes(MAX)
}

fn leaf(server: SocketAddr) -> Leaf<HttpClient> {
    let uri = format!("http://{server}/upstream").parse().expect("an address");
    Leaf::with_options(HttpClient::new(), uri, Options::new().scan(scan()).timeout(PATIENCE))
}

/// The profile's front end, called by the names that the corpus calls it by whatever its port.
fn builder() -> Builder {
    let hosts = ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"];
    let origins = ["http://localhost:8080", "http://127.0.0.1:8080"];
    let hosts = HostPolicy::list(hosts).expect("hosts");
    let origins = OriginPolicy::list(origins).expect("origins");
    serve::http(Endpoint::new("/mcp", hosts, origins).max_body_bytes(MAX as u64)).scan(scan())
}

impl Front {
    /// In front of the server.
    async fn before(server: SocketAddr) -> Self {
        Self::within(server, false, None).await
    }

    /// The same behind a layer; a session, where there are any, has a leaf of its own.
    async fn within(server: SocketAddr, sessions: bool, bearer: Option<BearerLayer>) -> Self {
        let builder = builder();
        let builder = match sessions {
            false => builder.stateless(guarded(leaf(server))),
            true => builder.sessions(service_fn(move |_: SessionInfo| async move {
                Ok::<_, Error>(guarded(leaf(server)))
            })),
        };
        Self::serve(builder, bearer).await
    }

    /// Behind this layer, where there is one, which knows who calls.
    async fn serve(builder: Builder, bearer: Option<BearerLayer>) -> Self {
        let http = builder.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let task = tokio::spawn(async move {
            let service = option_layer(bearer).layer(http.clone());
            let _ = http.server().service(service).run(listener, std::future::pending()).await;
        });
        Self { address, task }
    }
}

/// A response, as far as it came.
#[derive(Debug, Default)]
struct Answer {
    status: Option<u16>,
    head: String,
    body: Vec<u8>,
    /// It is whole, or the connection was closed.
    is_over: bool,
}

/// Sends the bytes and reads one response.
async fn exchange(address: SocketAddr, bytes: &[u8], half_close: bool) -> Answer {
    let mut stream = TcpStream::connect(address).await.expect("the front end listens");
    let (mut read, mut write) = stream.split();
    // One that refuses early may not read everything.
    let _ = write.write_all(bytes).await;
    if half_close {
        let _ = write.shutdown().await;
    }
    let mut all = Vec::new();
    let whole = async {
        while !is_whole(&all) {
            match read.read_buf(&mut all).await {
                Ok(1..) => {}
                _ => return,
            }
        }
    };
    let is_over = timeout(PATIENCE, whole).await.is_ok();
    Answer { is_over, ..answer(&all) }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn length(head: &str) -> Option<usize> {
    head.lines().find_map(|line| line.strip_prefix("content-length: ")).and_then(|length| length.parse().ok())
}

fn answer(all: &[u8]) -> Answer {
    let Some(end) = find(all, b"\r\n\r\n") else { return Answer::default() };
    let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = &all[end + 4..];
    let body = if head.contains("transfer-encoding: chunked") { dechunk(body) } else { body.to_vec() };
    Answer { status, head, body, is_over: false }
}

fn is_whole(all: &[u8]) -> bool {
    let Some(end) = find(all, b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
    match length(&head) {
        Some(length) => all.len() >= end + 4 + length,
        None if head.contains("chunked") => all.ends_with(b"\r\n0\r\n\r\n"),
        None => head.contains(" 202 ") || head.contains(" 204 "),
    }
}

fn dechunk(mut body: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(line) = find(body, b"\r\n") {
        let size =
            std::str::from_utf8(&body[..line]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(chunk) = size.filter(|size| *size > 0).and_then(|size| body.get(line + 2..line + 2 + size))
        else {
            break;
        };
        all.extend_from_slice(chunk);
        body = &body[(line + 4 + chunk.len()).min(body.len())..];
    }
    all
}

fn bytes(text: &Value) -> Vec<u8> {
    use base64::Engine;
    let text = text.as_str().expect("base64 is text");
    base64::prelude::BASE64_STANDARD.decode(text).expect("the corpus is base64")
}

fn list(value: &Value) -> Vec<Vec<u8>> {
    value.as_array().map(|all| all.iter().map(bytes).collect()).unwrap_or_default()
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned()
}
