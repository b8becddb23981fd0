//! How a pipe ends: who is told what, and that nobody waits for ever.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use shadowcat::JsonRpcMessage;
use shadowcat::connect::{self, Multiplex, Options};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tower::Service;

use crate::support::{self, call, done, msg, note, peer, settled, soon};

fn large(bytes: usize) -> JsonRpcMessage {
    JsonRpcMessage::notification("n", format!(r#"{{"x":"{}"}}"#, "x".repeat(bytes))).unwrap()
}

/// Tells when the pipe let go of it.
struct Watched<W>(W, #[allow(dead_code, reason = "it is dropped")] support::Dropped);

impl<W: AsyncWrite + Unpin> AsyncWrite for Watched<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_reads_holds_the_pipe_no_longer_than_a_moment() {
    let (ours, _theirs) = tokio::io::duplex(64);
    let (read, write) = tokio::io::split(ours);
    let dropped = support::Dropped::default();
    let mut leaf = Multiplex::new(read, Watched(write, dropped.guard()), Options::new());
    let _ = leaf.call(large(300_000)).await.unwrap();
    drop(leaf);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(dropped.alive(), 1, "it may still read");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(dropped.alive(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_reads_slowly_gets_what_is_queued() {
    let (ours, mut theirs) = tokio::io::duplex(64 << 10);
    let (read, write) = tokio::io::split(ours);
    let mut leaf = connect::pipe(read, write);
    let message = large(200_000);
    let _ = leaf.call(message.clone()).await.unwrap();
    drop(leaf);
    let (mut heard, mut part) = (Vec::new(), vec![0; 64 << 10]);
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        match theirs.read(&mut part).await.unwrap() {
            0 => break,
            read => heard.extend_from_slice(&part[..read]),
        }
    }
    assert_eq!(heard, [message.bytes(), &b"\n"[..]].concat());
}

/// Takes a few bytes and then no more, with an error.
struct Breaking(usize);

impl AsyncWrite for Breaking {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.0 == 0 {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        self.0 -= 1;
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test(start_paused = true)]
async fn calls_after_the_writer_broke_are_unsent_and_those_before_get_the_last_words() {
    let (mut peer, read, _) = peer(1 << 20);
    let mut leaf = Multiplex::new(read, Breaking(1), Options::new());
    let (first, second) = (leaf.call(call(1)), leaf.call(call(2)));
    settled().await;
    assert!(leaf.call(msg(note("n"))).await.unwrap().is_end(), "the writer breaks here");
    settled().await;
    let late = [leaf.call(call(3)), leaf.call(msg(note("n"))), leaf.call(msg(done(1)))];
    peer.say(done(1)).await;
    assert!(first.await.unwrap().as_one().unwrap().result().is_some());
    for future in late {
        let error = soon(future).await.unwrap_err();
        assert!(error.is_closed() && error.is_unsent(), "{error}");
    }
    let error = soon(second).await.unwrap_err();
    assert!(error.is_closed() && !error.is_unsent(), "{error}");
}

/// Panics when it is read.
struct Panics;

impl AsyncRead for Panics {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        panic!("a reader panics")
    }
}

#[tokio::test(start_paused = true)]
async fn calls_fail_when_the_driver_panics() {
    let mut leaf = connect::pipe(Panics, tokio::io::sink());
    let error = soon(leaf.call(call(1))).await.unwrap_err();
    assert!(error.is_closed());
    assert!(leaf.call(call(2)).await.unwrap_err().is_unsent());
}

#[test]
fn calls_fail_when_the_drivers_runtime_is_gone() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (_peer, mut leaf) = runtime.block_on(async {
        let (peer, read, write) = peer(1 << 20);
        (peer, connect::pipe(read, write))
    });
    let pending = leaf.call(call(1));
    drop(runtime);
    assert!(futures::executor::block_on(pending).unwrap_err().is_closed());
}
