//! A front end over a real pipe: the order in which the server spoke is the order in which the client hears it.

use std::pin::Pin;
use std::task::{Context, Poll};

use shadowcat::layer::MapLayer;
use shadowcat::wire::lines::Encoder;
use shadowcat::{Error, JsonRpcMessage, Reply, RpcService, connect, serve};
use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};
use tower::ServiceBuilder;

use crate::support::{self, Dropped, Peer, call_text, done, msg, note, peer, progress, settled};

/// A client and a server with a front end, `wrap`ped layers and a pipe between them.
fn between<S: RpcService>(wrap: impl FnOnce(connect::Multiplex) -> S) -> (Peer, Peer) {
    let (server, read, write) = peer(8 << 20);
    let stack = wrap(connect::pipe(read, write));
    let (client, read, write) = peer(1 << 10);
    tokio::spawn(serve::stdio(stack).run_on(read, write));
    (client, server)
}

/// A `tools/call` that wants progress under its own id.
fn with_token(id: i64) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"t","_meta":{{"progressToken":{id}}}}}}}"#
    )
}

fn large(id: i64, size: usize) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"text":"{}"}}}}"#, "x".repeat(size))
}

#[tokio::test(start_paused = true)]
async fn a_log_line_comes_before_a_large_answer_that_was_read_after_it() {
    let (mut client, mut server) = between(|leaf| leaf);
    for id in 1..=3 {
        client.say(with_token(id)).await;
        server.hear().await.unwrap();
    }
    // The client does not read: what follows piles up behind this.
    server.say(large(3, 1_200_000)).await;
    settled().await;
    let said = [progress(1, 1), note("notifications/message"), large(1, 1_500_000), done(2)];
    for line in &said {
        server.say(line).await;
        settled().await;
    }
    assert_eq!(client.hear().await.unwrap().len(), large(3, 1_200_000).len());
    for line in said {
        assert!(client.hear().await.unwrap() == line, "out of order: {:.80}", line);
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_made_anew_stays_between_its_neighbours() {
    let rebuild = |message: JsonRpcMessage| match message.is_method("notifications/progress") {
        true => msg(String::from_utf8(message.bytes().to_vec()).unwrap()),
        false => message,
    };
    let (mut client, mut server) =
        between(|leaf| ServiceBuilder::new().layer(MapLayer::replies(rebuild)).service(leaf));
    for id in 1..=2 {
        client.say(with_token(id)).await;
        server.hear().await.unwrap();
    }
    let list_changed = note("notifications/tools/list_changed");
    let said = [list_changed.clone(), progress(1, 1), done(1), list_changed, done(2)];
    server.say(said.join("\n")).await;
    let mut heard = Vec::new();
    for _ in &said {
        heard.push(client.hear().await.unwrap());
    }
    let at = |line: &str| heard.iter().position(|heard| heard == line).unwrap();
    assert!(at(&progress(1, 1)) < at(&done(1)), "{heard:#?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_client_said_before_the_server_was_gone_is_answered() {
    let (mut client, server) = between(|leaf| leaf);
    drop(server);
    client.say(call_text(1)).await;
    let answer = client.hear_message().await;
    assert_eq!(answer.id().unwrap().as_i64(), Some(1));
    assert!(answer.error().is_some());
    assert_eq!(client.hear().await, None);
}

/// Takes every byte, and is flushed at the second try only.
struct LateFlush {
    inner: BufWriter<Vec<u8>>,
    asked: usize,
}

impl AsyncWrite for LateFlush {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.asked += 1;
        if self.asked == 1 {
            return Poll::Pending;
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[tokio::test]
async fn what_the_writer_still_holds_is_not_forgotten() {
    let mut writer = LateFlush { inner: BufWriter::new(Vec::new()), asked: 0 };
    let mut encoder = Encoder::new();
    encoder.push(&msg(done(1))).unwrap();
    let mut cx = Context::from_waker(std::task::Waker::noop());
    assert!(encoder.poll_flush(&mut writer, &mut cx).is_pending());
    assert!(encoder.is_empty() && !encoder.is_flushed(), "written, and not yet flushed");
    assert!(encoder.poll_flush(&mut writer, &mut cx).is_ready());
    assert!(encoder.is_flushed());
    writer.shutdown().await.unwrap();
    assert_eq!(writer.inner.get_ref(), (done(1) + "\n").as_bytes());
}

/// Takes everything and never closes.
struct NeverCloses;

impl AsyncWrite for NeverCloses {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_does_not_close_keeps_no_session() {
    let dropped = Dropped::default();
    let guard = dropped.guard();
    let stack = tower::service_fn(move |_: JsonRpcMessage| {
        let reply = Reply::stream(futures::stream::pending()).hold(guard.clone());
        async { Ok::<_, Error>(reply) }
    });
    let input = call_text(1) + "\n";
    let served = serve::stdio(stack).run_on(input.as_bytes(), NeverCloses);
    support::soon(served).await.unwrap();
    assert_eq!(dropped.alive(), 0, "and what was in flight is cancelled");
}
