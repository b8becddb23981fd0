//! The ready HTTP client on real sockets: servers that break off at every byte, pooling, and what never left.

#![cfg(feature = "http-client")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures::{FutureExt, StreamExt, stream};
use shadowcat::connect::Http;
use shadowcat::connect::http::{HttpClient, Options};
use shadowcat::{Error, JsonRpcMessage};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

use crate::support::*;

/// How a connection ends in the middle of an answer.
#[derive(Clone, Copy, Debug)]
enum End {
    Close,
    Reset,
    Silence,
}

/// How long the leaf waits for what does not come.
const PATIENCE: Duration = Duration::from_secs(2);
/// And for what does, however slow the machine is.
const HANGS: Duration = Duration::from_secs(60);
/// Connections at once.
const AT_ONCE: usize = 160;

#[derive(Clone, Default)]
struct Count {
    accepted: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
}

struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// A server whose connections `serve` answers.
async fn server<F: Future + Send>(
    serve: impl Fn(TcpStream) -> F + Copy + Send + 'static,
) -> (SocketAddr, Count)
where
    F::Output: Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Count::default());
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.accepted.fetch_add(1, SeqCst);
            counted.open.fetch_add(1, SeqCst);
            let open = Open(counted.open.clone());
            tokio::spawn(async move {
                serve(stream).await;
                drop(open);
            });
        }
    });
    (address, count)
}

/// The path and the body of the next request; `None` at the end.
async fn request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(at) = memmem(&bytes, b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let text = String::from_utf8(bytes[..head].to_vec()).unwrap().to_ascii_lowercase();
    let length =
        text.lines().find_map(|line| line.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    while bytes.len() < head + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    let path = text.split(' ').nth(1).unwrap().to_owned();
    Some((path, String::from_utf8(bytes[head..].to_vec()).unwrap()))
}

fn memmem(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn json(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn events(events: &[String]) -> String {
    let chunks = events.iter().map(|event| {
        let event = format!("event: message\ndata: {event}\n\n");
        format!("{:x}\r\n{event}\r\n", event.len())
    });
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    format!("{head}{}0\r\n\r\n", chunks.collect::<String>())
}

fn answers() -> [String; 2] {
    let padded = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"t":"{}"}}}}"#, "x".repeat(200));
    [json(&padded), events(&[progress(1, 1), padded])]
}

/// A path is `/answer/bytes/end`: which answer, how much of it, and how it ends.
async fn cut(mut stream: TcpStream) {
    while let Some((path, body)) = request(&mut stream).await {
        if body.contains("notifications/cancelled") {
            let _ = stream.write_all(b"HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n").await;
            continue;
        }
        let parts: Vec<usize> = path.split('/').skip(1).map(|part| part.parse().unwrap()).collect();
        let _ = stream.write_all(&answers()[parts[0]].as_bytes()[..parts[1]]).await;
        match parts[2] {
            0 => return,
            1 => return stream.set_zero_linger().unwrap(),
            // Until the other side has enough of it.
            _ => _ = stream.read(&mut [0; 1]).await,
        }
    }
}

/// The outcome of a call: its final response, or what went wrong. There is never more than one.
async fn outcome(server: &mut Http<HttpClient>) -> Result<String, Error> {
    let reply = soon(server.call(call(1))).await?;
    let mut items = soon(StreamExt::collect::<Vec<_>>(reply)).await;
    let last = items.pop().expect("a reply of a request is not empty");
    for item in items {
        assert_eq!(text(&item.expect("only the last may fail")), progress(1, 1));
    }
    last.map(|message| text(&message))
}

async fn break_off_everywhere(end: End) {
    let (address, count) = server(cut).await;
    let client = HttpClient::new();
    let event_end = |answer: &[u8]| {
        answer
            .windows(4)
            .rposition(|end| {
                end == b"}}

"
            })
            .map(|at| at + 4)
    };
    let ends = answers().map(|answer| event_end(answer.as_bytes()).unwrap_or(answer.len()));
    let cuts = (0..2).flat_map(|which| (0..=answers()[which].len()).map(move |bytes| (which, bytes)));
    let tried = stream::iter(cuts).map(|(which, bytes)| {
        let uri = format!("http://{address}/{which}/{bytes}/{}", end as usize).parse().unwrap();
        let is_whole = bytes >= ends[which];
        // Only silence is waited for; all else comes, however slow the machine is.
        let patience = if matches!(end, End::Silence) && !is_whole { PATIENCE } else { HANGS };
        let mut server = Http::with_options(client.clone(), uri, Options::new().timeout(patience));
        async move {
            let outcome = outcome(&mut server).await;
            match &outcome {
                Ok(text) => assert!(is_whole && text.contains("xxx"), "{end:?} {which} {bytes}: {text}"),
                // A reset may outrun what was written before it.
                Err(_) if is_whole => {
                    assert!(matches!(end, End::Reset), "{end:?} {which} {bytes}: {outcome:?}")
                }
                Err(error) => {
                    let right = error.is_timeout() == matches!(end, End::Silence)
                        && error.is_closed() != error.is_timeout();
                    assert!(right && !error.is_unsent(), "{end:?} {which} {bytes}: {error:?}");
                }
            }
            // Nothing of it disturbs the next.
            assert!(server.ended().now_or_never().is_none());
        }
    });
    tried.buffer_unordered(AT_ONCE).collect::<()>().await;
    drop(client);
    // The leaf lets go of every connection.
    for _ in 0..1000 {
        if count.open.load(SeqCst) == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} of {} connections are open", count.open.load(SeqCst), count.accepted.load(SeqCst));
}

#[tokio::test]
async fn a_server_that_closes_at_any_byte_is_one_error() {
    break_off_everywhere(End::Close).await;
}

#[tokio::test]
async fn a_server_that_resets_at_any_byte_is_one_error() {
    break_off_everywhere(End::Reset).await;
}

#[tokio::test]
async fn a_server_that_falls_silent_at_any_byte_is_one_error() {
    break_off_everywhere(End::Silence).await;
}

/// Answers everything, on one connection as long as it lasts; `/1` as events.
async fn answer(mut stream: TcpStream) {
    while let Some((path, body)) = request(&mut stream).await {
        let id = JsonRpcMessage::parse(body).unwrap().owned_id().unwrap();
        let answer = if path == "/1" { events(&[done(&id)]) } else { json(&done(&id)) };
        // The end of a stream comes a little later than its last event.
        let (first, rest) = answer.split_at(answer.len() - 5);
        stream.write_all(first.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
        stream.write_all(rest.as_bytes()).await.unwrap();
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    for path in ["0", "1"] {
        let (address, count) = server(answer).await;
        let mut leaf = Http::new(HttpClient::new(), format!("http://{address}/{path}").parse().unwrap());
        for id in 0..50 {
            drop(soon(leaf.call(call(id))).await.unwrap());
            tokio::time::sleep(Duration::from_millis(5)).await; // the rest is read by then
        }
        let accepted = count.accepted.load(SeqCst);
        assert!(accepted < 25, "{path}: {accepted} connections for 50 calls");
    }
}

#[tokio::test]
async fn many_calls_at_once_get_each_its_own_answer() {
    let (address, _) = server(answer).await;
    let leaf = Http::new(HttpClient::new(), format!("http://{address}/1").parse().unwrap());
    let calls = (0..500).map(|id| {
        let mut leaf = leaf.clone();
        async move {
            let reply = leaf.call(call(id)).await.unwrap();
            assert_eq!(text(reply.as_one().unwrap()), done(id));
        }
    });
    soon(stream::iter(calls).buffer_unordered(AT_ONCE).collect::<()>()).await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    for uri in [
        format!("http://{address}/mcp"),
        format!("https://{address}/mcp"),
        "http://no.such.host.invalid/".into(),
    ] {
        let mut leaf = Http::new(HttpClient::new(), uri.parse().unwrap());
        let error = soon(leaf.call(call(1))).await.unwrap_err();
        assert!(error.is_closed() && error.is_unsent(), "{uri}: {error:?}");
    }
}

/// Sends bytes without end.
async fn flood(mut stream: TcpStream) {
    let (path, _) = request(&mut stream).await.unwrap();
    let kind = if path == "/1" { "text/event-stream" } else { "application/json" };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\n\r\ndata: \"");
    let _ = stream.write_all(head.as_bytes()).await;
    while stream.write_all(&[b'x'; 64 << 10]).await.is_ok() {}
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let (address, count) = server(flood).await;
    for path in ["0", "1"] {
        let mut leaf = Http::new(HttpClient::new(), format!("http://{address}/{path}").parse().unwrap());
        let error = soon(leaf.call(call(1))).await.unwrap_err();
        assert!(error.is_too_large(), "{path}: {error:?}");
    }
    for _ in 0..500 {
        if count.open.load(SeqCst) <= 2 {
            return; // the cancellations'
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} connections are open", count.open.load(SeqCst));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_connection_that_is_not_made_in_time_is_an_error_of_what_never_left() {
    // Linux takes one more than it is told to; the next is not answered until one of them is accepted.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let _full = [TcpStream::connect(address).await.unwrap(), TcpStream::connect(address).await.unwrap()];
    let client = HttpClient::new().connect_timeout(Duration::from_millis(200));
    let uri = format!("http://{address}/mcp").parse().unwrap();
    let mut leaf = Http::with_options(client, uri, Options::new().timeout(10 * HANGS));
    let error = soon(leaf.call(call(1))).await.unwrap_err();
    assert!(error.is_timeout() && error.is_unsent(), "{error:?}");
}
