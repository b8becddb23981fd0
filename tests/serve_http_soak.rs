//! Event streams by the thousand over real sockets: every message arrives exactly once, who does not read is bounded,
//! and nothing is left when all have gone. The clients are a process of their own, for their descriptors.
//!
//! The long form has 10,000 streams and needs that many descriptors on each side:
//! `ulimit -n 20000; cargo test --release --features http-server --test serve_http_soak -- --ignored ten_thousand`

#![cfg(all(feature = "http-server", target_os = "linux"))]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fs;
use std::io::Write;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::StreamExt;
use shadowcat::serve::{self, http::SessionInfo};
use shadowcat::wire::http::Endpoint;
use shadowcat::{Error, JsonRpcMessage, Kind, Reply, ReplySender};
use support::msg;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tower::service_fn;

/// On each stream.
const MESSAGES: usize = 10;
/// Of each session: two by GET, which share what the server says unasked, and two by POST.
const STREAMS: usize = 4;
/// One session in so many has a stream that nobody reads.
const SLOW: usize = 10;
/// Messages of 16 KiB; what nobody reads is refused before that many.
const FLOOD: usize = 4096;
/// Sessions whose streams are opened at once.
const AT_ONCE: usize = 64;

fn said(what: &str, number: usize) -> JsonRpcMessage {
    let data = format!(r#""data":"{what}-{number}""#);
    msg(format!(r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info",{data}}}}}"#))
}

async fn say(sender: &ReplySender, what: &str) {
    for number in 0..MESSAGES {
        let _ = sender.send(said(what, number)).await;
    }
}

/// Says more than anybody takes, until it is refused.
async fn flood(sender: ReplySender, server: Arc<Server>) {
    let text = "x".repeat(16 << 10);
    for number in 0..FLOOD {
        if sender.try_send(said(&text, number)).is_err() {
            server.refused.fetch_add(1, Ordering::Relaxed);
            break;
        }
        tokio::task::yield_now().await;
    }
    server.flooded.notify_one();
    sender.cancelled().await;
}

/// What the server of one session knows.
struct Server {
    /// Of all sessions.
    refused: Arc<AtomicUsize>,
    flooded: Notify,
}

fn answer(message: &JsonRpcMessage, server: &Arc<Server>) -> Reply {
    if message.kind() != Kind::Request {
        return Reply::empty();
    }
    let result = |result: &str| message.responder().result(result).unwrap().unwrap();
    if message.method() == Some("initialize") {
        return Reply::one(result(r#"{"protocolVersion":"2025-06-18","capabilities":{},"serverInfo":{}}"#));
    }
    let (sender, reply) = Reply::channel(16);
    if message.is_listen() {
        tokio::spawn(async move {
            say(&sender, "get").await;
            sender.cancelled().await;
        });
    } else if message.method() == Some("flood") {
        tokio::spawn(flood(sender, server.clone()));
    } else {
        let last = result("{}");
        let server = Some(server.clone()).filter(|_| message.method() == Some("flooded"));
        tokio::spawn(async move {
            match server {
                Some(server) => server.flooded.notified().await,
                None => say(&sender, "post").await,
            }
            sender.finish(last);
        });
    }
    reply
}

/// One connection with one request.
async fn ask(address: SocketAddr, method: &str, session: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let length = body.len();
    let head = format!(
        "{method} /mcp HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-type: application/json\r\n{session}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn whole(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

fn assert_each_once(text: &str, what: &str) {
    for number in 0..MESSAGES {
        let times = text.matches(&format!(r#""data":"{what}-{number}""#)).count();
        assert_eq!(times, 1, "{what}-{number}: {text}");
    }
}

fn count(bytes: &[u8]) -> usize {
    String::from_utf8_lossy(bytes).matches(r#""data":"get-"#).count()
}

fn call(id: u32, method: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}"}}"#)
}

/// A session's streams, open.
struct Opened {
    session: String,
    gets: [TcpStream; 2],
    posts: Vec<TcpStream>,
    slow: Option<TcpStream>,
}

async fn open(address: SocketAddr, number: usize) -> Opened {
    let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let opened = whole(ask(address, "POST", "", hello).await).await;
    let id = opened.split("mcp-session-id: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let session = format!("mcp-session-id: {id}\r\n");
    let is_slow = number.is_multiple_of(SLOW);
    let gets = [ask(address, "GET", &session, "").await, ask(address, "GET", &session, "").await];
    let mut posts = vec![ask(address, "POST", &session, &call(1, "say")).await];
    let second = ask(address, "POST", &session, &call(2, if is_slow { "flood" } else { "say" })).await;
    let slow = if is_slow {
        Some(second)
    } else {
        posts.push(second);
        None
    };
    Opened { session, gets, posts, slow }
}

impl Opened {
    async fn check(self, address: SocketAddr) {
        for post in self.posts {
            let text = whole(post).await;
            assert_each_once(&text, "post");
            assert_eq!(text.matches(r#""result":{}"#).count(), 1, "{text}");
        }
        // Of the two, whichever was polled first has a message; together they have all.
        let [mut first, mut second] = self.gets;
        let (mut one, mut other) = (Vec::new(), Vec::new());
        while count(&one) + count(&other) < MESSAGES {
            tokio::select! {
                read = first.read_buf(&mut one) => assert!(read.unwrap() > 0),
                read = second.read_buf(&mut other) => assert!(read.unwrap() > 0),
            }
        }
        if let Some(slow) = self.slow {
            // Only then it leaves.
            let told = whole(ask(address, "POST", &self.session, &call(3, "flooded")).await).await;
            assert!(told.contains(r#""result":{}"#), "{told}");
            drop(slow);
        }
        let ended = whole(ask(address, "DELETE", &self.session, "").await).await;
        assert!(ended.starts_with("HTTP/1.1 204"), "{ended}");
        first.read_to_end(&mut one).await.unwrap();
        second.read_to_end(&mut other).await.unwrap();
        assert_each_once(&String::from_utf8_lossy(&[one, other].concat()), "get");
    }
}

/// Not a test of its own: the clients of the others, in a process that these start.
#[tokio::test]
#[ignore = "started by the other tests"]
async fn clients() {
    let Ok(address) = std::env::var("SOAK_ADDRESS") else { return };
    let address: SocketAddr = address.parse().unwrap();
    let sessions: usize = std::env::var("SOAK_SESSIONS").unwrap().parse().unwrap();
    let opened = futures::stream::iter(0..sessions).map(|number| open(address, number));
    let opened: Vec<_> = opened.buffer_unordered(AT_ONCE).collect().await;
    // All are open at once from here on.
    let checked = futures::stream::iter(opened).map(|opened| opened.check(address));
    checked.buffer_unordered(AT_ONCE).collect::<()>().await;
}

async fn run_clients(address: SocketAddr, sessions: usize) {
    let mut clients = tokio::process::Command::new(std::env::current_exe().unwrap());
    clients.args(["--ignored", "--exact", "clients"]).stdout(Stdio::null()).kill_on_drop(true);
    clients.env("SOAK_ADDRESS", address.to_string()).env("SOAK_SESSIONS", sessions.to_string());
    assert!(clients.status().await.unwrap().success());
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

/// KiB of this process that are in memory.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn may_open() -> usize {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    line.split_whitespace().nth(3).unwrap().parse().unwrap_or(usize::MAX)
}

/// Resolves when the descriptors are as many as before: a client that has gone is noticed when its socket is read.
async fn gone(before: usize) {
    for _ in 0..1000 {
        if descriptors() <= before {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{} descriptors, {before} before", descriptors());
}

async fn soak(streams: usize) {
    if may_open() < streams + 200 {
        let skipped = format!("skipped: {streams} streams need more than {} descriptors", may_open());
        let _ = writeln!(std::io::stderr(), "{skipped}");
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let refused = Arc::new(AtomicUsize::new(0));
    let answering = refused.clone();
    let make = service_fn(move |_: SessionInfo| {
        let server = Arc::new(Server { refused: answering.clone(), flooded: Notify::new() });
        let stack = service_fn(move |message| std::future::ready(Ok::<_, Error>(answer(&message, &server))));
        async move { Ok::<_, Error>(stack) }
    });
    let http = serve::http(Endpoint::bound_to("/mcp", address).unwrap()).sessions(make).build();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(http.server().run(listener, async move { drop(stopped.await) }));
    let sessions = streams / STREAMS;
    run_clients(address, SLOW).await;
    let (before, mut resident_before) = (descriptors(), 0);
    for round in 1..=2 {
        run_clients(address, sessions).await;
        gone(before).await;
        assert_eq!(http.sessions().len(), 0);
        assert_eq!(refused.load(Ordering::Relaxed), 1 + round * sessions.div_ceil(SLOW));
        if round == 1 {
            resident_before = resident();
        }
    }
    // The first round filled the allocator's pools; the second must find room in them.
    let most = resident_before + resident_before / 4 + 4096;
    assert!(resident() <= most, "{} KiB resident, {resident_before} before", resident());
    drop(stop);
    served.await.unwrap().unwrap();
}

#[tokio::test]
async fn hundreds_of_streams_get_each_message_once_and_leave_nothing() {
    soak(400).await;
}

#[tokio::test]
#[ignore = "10,000 streams: takes a minute or two and 10,200 descriptors on each side"]
async fn ten_thousand_streams_get_each_message_once_and_leave_nothing() {
    soak(10_000).await;
}
