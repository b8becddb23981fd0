//! What it costs that a leaf is owned: 64 calls through a bare pipe, and through each of its owners.

#![allow(missing_docs, reason = "criterion's macros")]

use std::future::{poll_fn, ready};
use std::sync::{Arc, LazyLock};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::future::join_all;
use shadowcat::connect::{self, Multiplex, Options, PerSession, Shared, Supervisor};
use shadowcat::wassette::Dialect;
use shadowcat::wire::lines::{Decoder, Encoder, Line};
use shadowcat::{Context, Direction, Error, JsonRpcMessage, RpcService};
use tokio::io::DuplexStream;
use tower::{ServiceExt, service_fn};

/// Answers every request with an empty result.
async fn echo(mut pipe: DuplexStream) {
    let (mut decoder, mut encoder) = (Decoder::new(1 << 20), Encoder::new());
    while let Ok(1..) = poll_fn(|cx| decoder.poll_read(&mut pipe, cx)).await {
        while let Some(Line::Frame(frame)) = decoder.next_line() {
            let request = JsonRpcMessage::parse(frame).expect("the bench sends messages");
            if let Some(answer) = request.responder().result("{}").ok().flatten() {
                encoder.push(&answer).expect("a built message is one line");
            }
        }
        if poll_fn(|cx| encoder.poll_flush(&mut pipe, cx)).await.is_err() {
            return;
        }
    }
}

/// As a front end would give it to a stack.
fn in_session(message: JsonRpcMessage) -> JsonRpcMessage {
    static SESSION: LazyLock<Arc<Context>> = LazyLock::new(|| {
        Arc::new(Context::new(Direction::ToUpstream).session("0123456789abcdef0123456789abcdef"))
    });
    message.with_context(SESSION.clone())
}

fn pipe() -> Multiplex {
    let (ours, theirs) = tokio::io::duplex(256 << 10);
    tokio::spawn(echo(theirs));
    let (read, write) = tokio::io::split(ours);
    Multiplex::new(read, write, Options::default())
}

async fn supervised() -> connect::Supervised<Multiplex> {
    let server = Supervisor::new(service_fn(|()| ready(Ok::<_, Error>(pipe())))).start();
    server.running().await.expect("it starts");
    server
}

async fn open<L: RpcService<Error = Error> + Clone>(leaf: L) -> L {
    let hello =
        r#"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"b","version":"1"}}"#;
    let hello = JsonRpcMessage::request(1, "initialize", hello).expect("it is constant");
    let ready = JsonRpcMessage::notification("notifications/initialized", "").expect("it is constant");
    for message in [hello, ready] {
        drop(leaf.clone().oneshot(in_session(message)).await.expect("it is answered"));
    }
    leaf
}

fn run<L: RpcService<Error = Error> + Clone>(
    c: &mut Criterion,
    name: &str,
    made: impl Future<Output = L>,
    runtime: &tokio::runtime::Runtime,
) {
    let leaf = runtime.block_on(async { open(made.await).await });
    let params = r#"{"name":"echo","arguments":{"s":"hello"}}"#;
    let request = |id| JsonRpcMessage::request(id, "tools/call", params).expect("it is constant");
    let requests: Vec<_> = (0..64).map(|id| in_session(request(id))).collect();
    let mut group = c.benchmark_group("owners");
    group.throughput(Throughput::Elements(64));
    group.bench_function(name, |b| {
        b.to_async(runtime).iter(|| {
            let mut leaf = leaf.clone();
            let requests = &requests;
            async move {
                let mut calls = Vec::with_capacity(requests.len());
                for request in requests {
                    let leaf = leaf.ready().await.expect("it is open");
                    calls.push(leaf.call(request.clone()));
                }
                join_all(calls).await
            }
        });
    });
    group.finish();
}

fn owners(c: &mut Criterion) {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    run(c, "pipe", async { pipe() }, &runtime);
    let per_session = async { PerSession::new(service_fn(|()| ready(Ok::<_, Error>(pipe())))) };
    run(c, "per session", per_session, &runtime);
    run(c, "shared", async { Shared::new(pipe()).client().expect("there is room") }, &runtime);
    run(c, "supervised", supervised(), &runtime);
    run(c, "wassette 0.8", async { connect::Wassette::over(supervised().await, Dialect::V0_8) }, &runtime);
    run(c, "wassette 0.2", async { connect::Wassette::over(supervised().await, Dialect::V0_2) }, &runtime);
}

criterion_group!(benches, owners);
criterion_main!(benches);
