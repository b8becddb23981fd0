use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use hyper::client::conn::http1::Connection;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::time::{advance, timeout};

use super::*;
use crate::connect::http::connector;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

fn pool() -> Pool {
    Pool::new(connector::plain(Duration::from_secs(60)))
}

fn authority() -> Authority {
    Authority::from_static("server.example")
}

/// A connection that nobody drives yet, and its server's end.
async fn link() -> (Box<Link>, Connection<TokioIo<DuplexStream>, Body>, DuplexStream) {
    let (ours, theirs) = duplex(1 << 10);
    let (mut sender, mut connection) = handshake(TokioIo::new(ours)).await.unwrap();
    assert!(poll(&mut connection).is_pending());
    sender.ready().await.unwrap();
    (
        Box::new(Link { sender, host: HeaderValue::from_static("server.example"), since: Instant::now() }),
        connection,
        theirs,
    )
}

/// The server's end of one that is driven and that nobody uses.
async fn idle(pool: &Pool) -> DuplexStream {
    let (link, connection, server) = link().await;
    tokio::spawn(connection);
    pool.0.put(&authority(), link);
    tokio::task::yield_now().await; // whoever sweeps counts from now
    server
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

fn kept(pool: &Pool) -> usize {
    pool.0.lock().idle.values().map(Vec::len).sum()
}

/// The pool has let go of the connection. Time is paused, so that this waits for nothing else.
async fn is_closed(server: &mut DuplexStream) -> bool {
    matches!(timeout(Duration::from_millis(1), server.read_u8()).await, Ok(Err(_)))
}

fn request(uri: String) -> Request<Body> {
    Request::post(uri).body(Body::from(Bytes::from_static(b"once"))).unwrap()
}

/// Serves one request of one connection; what it was.
async fn serve(stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin)) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(b"\r\n\r\nonce") {
        heard.push(stream.read_u8().await.unwrap());
    }
    stream.write_all(ANSWER).await.unwrap();
    String::from_utf8(heard).unwrap()
}

#[tokio::test(start_paused = true)]
async fn no_more_are_kept_than_the_most() {
    let pool = pool();
    let mut servers = Vec::new();
    for _ in 0..MOST_IDLE + 3 {
        servers.push(idle(&pool).await);
    }
    assert_eq!(kept(&pool), MOST_IDLE);
    let mut closed = 0;
    for server in &mut servers {
        closed += usize::from(is_closed(server).await);
    }
    assert_eq!(closed, 3, "what finds no room is closed");
    // Another server has room of its own.
    let (link, _connection, _server) = link().await;
    pool.0.put(&Authority::from_static("other.example"), link);
    assert_eq!(kept(&pool), MOST_IDLE + 1);
}

#[tokio::test(start_paused = true)]
async fn what_nobody_uses_is_closed_and_the_sweeper_rests_until_there_is_more() {
    let pool = pool();
    for _ in 0..2 {
        let mut old = idle(&pool).await;
        advance(IDLE / 2).await;
        let mut young = idle(&pool).await;
        assert!(!is_closed(&mut old).await && !is_closed(&mut young).await);
        advance(IDLE / 2).await;
        assert!(is_closed(&mut old).await, "by the first look");
        assert!(!is_closed(&mut young).await);
        advance(IDLE).await;
        assert!(is_closed(&mut young).await, "by the second");
        assert!(kept(&pool) == 0 && !pool.0.lock().is_swept);
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_idle_for_too_long_or_is_closed_serves_nobody() {
    let pool = pool();
    let _old = idle(&pool).await;
    pool.0.lock().is_swept = false; // whoever looks is late
    advance(IDLE).await;
    assert!(pool.0.take(&authority()).is_none());
    let closed = idle(&pool).await;
    drop(closed);
    tokio::task::yield_now().await; // the connection hears of it
    assert!(pool.0.take(&authority()).is_none());
    let (_first, _last) = (idle(&pool).await, idle(&pool).await);
    assert!(pool.0.take(&authority()).is_some() && pool.0.take(&authority()).is_some());
    assert!(pool.0.take(&authority()).is_none());
}

#[tokio::test]
async fn what_a_stale_connection_did_not_take_is_sent_once_on_another() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (pool, authority) = (pool(), address.to_string().parse().unwrap());
    let (link, connection, mut stale) = link().await;
    pool.0.put(&authority, link);
    let mut sent = pin!(pool.clone().send(request(format!("http://{address}/mcp")), |body| body));
    assert!(sent.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(connection); // before it has written anything
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        serve(&mut stream).await
    });
    assert_eq!(sent.await.unwrap().status(), 200);
    assert!(server.await.unwrap().starts_with("POST /mcp HTTP/1.1\r\n"));
    let mut heard = Vec::new();
    stale.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"");
}

#[tokio::test]
async fn what_a_connection_has_taken_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (pool, authority) = (pool(), address.to_string().parse().unwrap());
    let (link, connection, mut server) = link().await;
    tokio::spawn(connection);
    pool.0.put(&authority, link);
    let sent = tokio::spawn(pool.clone().send(request(format!("http://{address}/mcp")), |body| body));
    server.read_u8().await.unwrap();
    drop(server);
    let error = sent.await.unwrap().unwrap_err();
    assert!(error.is_closed() && !error.is_unsent(), "{error}");
    let asked_again = pin!(listener.accept());
    assert!(asked_again.poll(&mut Context::from_waker(Waker::noop())).is_pending());
}
