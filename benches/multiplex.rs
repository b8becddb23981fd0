//! A call through `connect::pipe` and an echo on the other end of an in-memory pipe: 1 and 64 in flight.

#![allow(missing_docs, reason = "criterion's macros")]

use std::future::poll_fn;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use shadowcat::wire::lines::{Decoder, Encoder, Line};
use shadowcat::{JsonRpcMessage, connect};
use tokio::io::DuplexStream;
use tower::Service;

/// Answers every request with its own params.
async fn echo(mut pipe: DuplexStream) {
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
            let requests: Vec<_> = (0..*in_flight)
                .map(|id| JsonRpcMessage::request(id, "tools/call", r#"{"name":"echo","arguments":{}}"#))
                .collect::<Result<_, _>>()
                .expect("constant messages are well formed");
            b.to_async(&runtime).iter(|| {
                let mut server = server.clone();
                join_all(requests.iter().map(|request| server.call(request.clone())).collect::<Vec<_>>())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, multiplex);
criterion_main!(benches);
