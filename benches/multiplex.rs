//! A call through `connect::pipe` and an echo on the other end of an in-memory pipe: 1 and 64 in flight. And what it
//! gains to write what is ready at once: 64 in flight over a socket, with one write for all and with one for each.

#![allow(missing_docs, reason = "criterion's macros")]

use std::future::poll_fn;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use shadowcat::wire::lines::{Decoder, Encoder, Line};
use shadowcat::{JsonRpcMessage, connect};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::UnixStream;
use tower::Service;

/// Answers every request with its own params.
async fn echo(mut pipe: impl AsyncRead + AsyncWrite + Unpin) {
    let (mut decoder, mut encoder) = (Decoder::new(1 << 20), Encoder::new());
    while let Ok(1..) = poll_fn(|cx| decoder.poll_read(&mut pipe, cx)).await {
        while let Some(Line::Frame(frame)) = decoder.next_line() {
            let request = JsonRpcMessage::parse(frame).expect("the bench sends messages");
            let answer = request.responder().result(request.params().unwrap_or(b"{}"));
            let answer = answer.ok().flatten().expect("a request is answered");
            encoder.push(&answer).expect("a built message is one line");
        }
        if poll_fn(|cx| encoder.poll_flush(&mut pipe, cx)).await.is_err() {
            return;
        }
    }
}

fn multiplex(c: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let mut group = c.benchmark_group("multiplex");
    for in_flight in [1_i64, 64] {
        group.throughput(Throughput::Elements(in_flight as u64));
        group.bench_with_input(BenchmarkId::new("calls in flight", in_flight), &in_flight, |b, in_flight| {
            let _inside = runtime.enter();
            let (ours, theirs) = tokio::io::duplex(256 << 10);
            runtime.spawn(echo(theirs));
            let (read, write) = tokio::io::split(ours);
            let server = connect::pipe(read, write);
            let requests = requests(*in_flight);
            b.to_async(&runtime).iter(|| {
                let mut server = server.clone();
                join_all(requests.iter().map(|request| server.call(request.clone())).collect::<Vec<_>>())
            });
        });
    }
    group.finish();
}

/// The echo has a thread of its own, as a server has a process of its own.
fn coalescing(c: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let mut group = c.benchmark_group("coalescing");
    for (name, one_per_write) in [("all that is ready in a write", false), ("one message in a write", true)] {
        group.throughput(Throughput::Elements(64));
        group.bench_function(name, |b| {
            let _inside = runtime.enter();
            let (ours, theirs) = std::os::unix::net::UnixStream::pair().expect("a pair of sockets opens");
            let server = std::thread::spawn(move || serve(theirs));
            ours.set_nonblocking(true).expect("it is a socket");
            let (read, write) = UnixStream::from_std(ours).expect("a runtime runs").into_split();
            let options = connect::Options::new().one_per_write(one_per_write);
            let leaf = connect::Multiplex::new(read, write, options);
            let requests = requests(64);
            b.to_async(&runtime).iter(|| {
                let mut leaf = leaf.clone();
                join_all(requests.iter().map(|request| leaf.call(request.clone())).collect::<Vec<_>>())
            });
            runtime.block_on(async move {
                let ended = leaf.ended();
                drop(leaf);
                ended.await;
            });
            server.join().expect("the echo does not panic");
        });
    }
    group.finish();
}

fn serve(socket: std::os::unix::net::UnixStream) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    runtime.block_on(async {
        socket.set_nonblocking(true).expect("it is a socket");
        echo(UnixStream::from_std(socket).expect("a runtime runs")).await;
    });
}

fn requests(count: i64) -> Vec<JsonRpcMessage> {
    let params = r#"{"name":"echo","arguments":{}}"#;
    let request = |id| JsonRpcMessage::request(id, "tools/call", params);
    (0..count).map(request).collect::<Result<_, _>>().expect("constant messages are well formed")
}

criterion_group!(benches, multiplex, coalescing);
criterion_main!(benches);
