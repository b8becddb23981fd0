//! A call through `connect::pipe` and an echo on the other end of an in-memory pipe: 1 and 64 in flight, and what
//! `PerSession` and `Shared` add.

#![allow(missing_docs, reason = "criterion's macros")]

use std::future::poll_fn;
use std::sync::Arc;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use shadowcat::connect::{PerSession, Shared};
use shadowcat::wire::lines::{Decoder, Encoder, Line};
use shadowcat::{Context, Direction, Error, JsonRpcMessage, Reply, connect};
use tokio::io::DuplexStream;
use tokio::runtime::Runtime;
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

/// 64 calls in flight through `server`.
fn burst<S>(group: &mut BenchmarkGroup<'_, WallTime>, runtime: &Runtime, name: &str, server: S)
where
    S: Service<JsonRpcMessage, Response = Reply, Error = Error> + Clone,
{
    let session = Arc::new(Context::new(Direction::ToUpstream).session("0123456789abcdef0123456789abcdef"));
    let requests: Vec<_> = (0..64)
        .map(|id| JsonRpcMessage::request(id, "tools/call", r#"{"name":"echo","arguments":{}}"#))
        .map(|request| request.expect("constant messages are well formed").with_context(session.clone()))
        .collect();
    group.throughput(Throughput::Elements(64));
    group.bench_function(name, |b| {
        b.to_async(runtime).iter(|| {
            let mut server = server.clone();
            join_all(requests.iter().map(|request| server.call(request.clone())).collect::<Vec<_>>())
        });
    });
}

fn owners(c: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let _inside = runtime.enter();
    let start = || {
        let (ours, theirs) = tokio::io::duplex(256 << 10);
        tokio::spawn(echo(theirs));
        let (read, write) = tokio::io::split(ours);
        connect::pipe(read, write)
    };
    let mut group = c.benchmark_group("owners");
    burst(&mut group, &runtime, "none", start());
    let make = tower::service_fn(move |()| std::future::ready(Ok::<_, Error>(start())));
    burst(&mut group, &runtime, "per session", PerSession::new(make));
    let client = Shared::new(start()).client().expect("there is room");
    burst(&mut group, &runtime, "shared", client);
    group.finish();
}

criterion_group!(benches, multiplex, owners);
criterion_main!(benches);
