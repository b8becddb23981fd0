//! A client, a front end and an upstream on real sockets: what is said is looked at byte by byte.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use shadowcat::connect::Http;
use shadowcat::connect::http::{HttpClient, Options, PassThrough};
use shadowcat::protocol::Era;
use shadowcat::serve::{self, http::Builder, http::SessionInfo};
use shadowcat::wire::http::{Endpoint, Relocation};
use shadowcat::{Error, RpcService};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::service_fn;

use crate::support::soon;

pub(crate) const HELLO: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;
pub(crate) const READY: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// The server behind the proxy. It keeps every request as it came.
#[derive(Clone)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    pub(crate) heard: Arc<Mutex<Vec<String>>>,
}

/// How it answers a request: raw bytes, after which the connection is closed.
pub(crate) type Answer = fn(&str) -> Vec<u8>;

impl Upstream {
    pub(crate) async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let upstream = Self { address: listener.local_addr().unwrap(), heard: Arc::default() };
        let heard = upstream.heard.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let heard = heard.clone();
                tokio::spawn(async move {
                    let Some(request) = read_request(&mut stream).await else { return };
                    heard.lock().unwrap().push(request.clone());
                    let _ = stream.write_all(&answer(&request)).await;
                });
            }
        });
        upstream
    }

    pub(crate) fn uri(&self) -> http::Uri {
        format!("http://{}/v1/mcp", self.address).parse().unwrap()
    }

    /// Everything it was sent.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }

    /// The only request that it was sent.
    pub(crate) fn heard_once(&self) -> String {
        let heard = self.heard();
        assert_eq!(heard.len(), 1, "{heard:#?}");
        heard[0].clone()
    }

    /// The first request that contains this, once it comes.
    pub(crate) async fn hears(&self, part: &str) -> String {
        let found = async {
            loop {
                if let Some(found) = self.heard().into_iter().find(|request| request.contains(part)) {
                    return found;
                }
                tokio::time::sleep(std::time::Duration::from_millis(5)).await; // it is another task that hears
            }
        };
        soon(found).await
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let head = head.to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return Some(text.into_owned());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// A response that ends with its connection.
pub(crate) fn say(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n");
    [head.as_bytes(), body].concat()
}

pub(crate) fn json(status: &str, body: &str) -> Vec<u8> {
    say(status, "content-type: application/json\r\n", body)
}

/// A server of sessions that refuses to open a stream; `other` answers what is no part of the handshake.
pub(crate) fn session(request: &str, other: Answer) -> Vec<u8> {
    if request.starts_with("GET /v1/mcp") {
        return say("405 Method Not Allowed", "", "");
    }
    if request.starts_with("DELETE /v1/mcp") {
        return say("200 OK", "", "");
    }
    if request.contains(r#""initialize""#) {
        let welcome = r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"s","version":"1"}}}"#;
        return say("200 OK", "content-type: application/json\r\nmcp-session-id: upstream-1\r\n", welcome);
    }
    if request.contains("notifications/initialized") { say("202 Accepted", "", "") } else { other(request) }
}

/// How a proxy is made.
#[derive(Clone, Default)]
pub(crate) struct Proxy {
    pub(crate) transparent: bool,
    pub(crate) relocated: bool,
    pub(crate) options: Options,
}

impl Proxy {
    pub(crate) fn transparent() -> Self {
        Self { transparent: true, ..Self::default() }
    }

    pub(crate) fn relocated() -> Self {
        Self { relocated: true, ..Self::transparent() }
    }

    /// A session has a leaf of its own, and requests that stand alone share one.
    pub(crate) async fn start(self, upstream: &Upstream) -> SocketAddr {
        let (client, uri) = (HttpClient::new(), upstream.uri());
        let leaf = move |era| {
            let options = self.options.clone().era(era).transparent_authorization(self.transparent);
            Http::with_options(client.clone(), uri.clone(), options)
        };
        let (transparent, relocated) = (self.transparent, self.relocated);
        let upstream = upstream.clone();
        start(leaf, move |front, address| {
            let relocation =
                Relocation::new(upstream.uri(), format!("http://{address}/mcp").parse().unwrap()).unwrap();
            let mut documents = PassThrough::new(HttpClient::new(), upstream.uri())
                .transparent_authorization(transparent)
                .allow(http::Method::POST, "/token")
                .max_body_bytes(4096);
            let mut front = front.transparent_authorization(transparent);
            if relocated {
                (front, documents) = (front.relocate(relocation.clone()), documents.relocate(relocation));
            }
            front.fallback(documents)
        })
        .await
    }
}

/// A front end whose stacks `leaf` makes.
pub(crate) async fn start<L: RpcService>(
    leaf: impl Fn(Era) -> L + Clone + Send + 'static,
    change: impl FnOnce(Builder, SocketAddr) -> Builder,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let alone = leaf(Era::Modern);
    let sessions = service_fn(move |_: SessionInfo| {
        let leaf = leaf(Era::Legacy);
        async move { Ok::<_, Error>(leaf) }
    });
    let front = serve::http(Endpoint::bound_to("/mcp", address).unwrap()).sessions(sessions).stateless(alone);
    let http = change(front, address).build();
    tokio::spawn(http.server().run(listener, std::future::pending()));
    address
}

/// What comes back, split into head and body.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Said {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let all = self.headers(name);
        assert!(all.len() <= 1, "{name} stands twice: {}", self.head);
        all.first().copied()
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let fields = self.head.lines().filter_map(|line| line.split_once(": "));
        fields.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

/// Sends the bytes and reads to the end.
pub(crate) async fn raw(address: SocketAddr, bytes: &str) -> Said {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
    let status = head.get(9..12).unwrap().parse().unwrap();
    Said { status, head: head.to_owned(), body: body.to_owned() }
}

pub(crate) async fn get(address: SocketAddr, path: &str) -> Said {
    raw(address, &format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n")).await
}

/// `headers`: whole lines.
pub(crate) async fn post(address: SocketAddr, headers: &str, body: &str) -> Said {
    let length = body.len();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\naccept: application/json, text/event-stream\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    raw(address, &(head + body)).await
}

/// A request of 2026-07-28.
pub(crate) async fn modern(address: SocketAddr, headers: &str, method: &str) -> Said {
    let headers = format!("mcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\n{headers}");
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    );
    post(address, &headers, &body).await
}

/// Opens a session; the header line that names it.
pub(crate) async fn open(address: SocketAddr, headers: &str) -> String {
    let said = post(address, headers, HELLO).await;
    assert_eq!(said.status, 200, "{said:?}");
    let line = format!("mcp-session-id: {}\r\n", said.header("mcp-session-id").unwrap());
    assert_eq!(post(address, &format!("{line}{headers}"), READY).await.status, 202);
    line
}
