//! What recording costs a call, on the caller's side: a stack of one echo, without a recorder and with one.
//!
//! ```text
//! cargo bench --bench record --features sqlite,secret
//! ```

#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on fails")]

use std::path::Path;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use shadowcat::layer::RecordLayer;
use shadowcat::tape::{Recorder, RecorderOptions, Tape, lines, sqlite};
use shadowcat::{Error, JsonRpcMessage, Reply};
use tower::{Layer, Service, service_fn};

/// Two messages and an end: so much waits at most, and no more is said before it is written.
const CALLS: u32 = 500;

fn message(bytes: usize) -> JsonRpcMessage {
    let params = format!(r#"{{"name":"echo","arguments":{{"text":"{}"}}}}"#, "word ".repeat(bytes / 5));
    JsonRpcMessage::request(1, "tools/call", params).unwrap()
}

async fn answer(message: JsonRpcMessage) -> Result<Reply, Error> {
    let params = message.params().unwrap_or(b"{}");
    Ok(message.responder().result(params).unwrap().map_or_else(Reply::empty, Reply::one))
}

fn call<S: Service<JsonRpcMessage, Response = Reply, Error = Error>>(
    stack: &mut S,
    message: &JsonRpcMessage,
) {
    let mut future = std::pin::pin!(stack.call(message.clone()));
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(reply) => drop(reply.unwrap()),
        Poll::Pending => unreachable!("nothing waits"),
    }
}

/// The time of the calls alone; between batches of them the recorder catches up.
fn timed<S>(stack: &mut S, message: &JsonRpcMessage, iterations: u64, between: impl Fn()) -> Duration
where
    S: Service<JsonRpcMessage, Response = Reply, Error = Error>,
{
    let (mut spent, mut left) = (Duration::ZERO, iterations);
    while left > 0 {
        let calls = left.min(CALLS.into());
        let begun = Instant::now();
        (0..calls).for_each(|_| call(stack, message));
        spent += begun.elapsed();
        left -= calls;
        between();
    }
    spent
}

fn recorder(path: &Path) -> Recorder {
    let _ = std::fs::remove_file(path);
    let tape = Tape::new().unwrap();
    match path.extension().is_some_and(|extension| extension == "db") {
        true => Recorder::start(sqlite::Writer::create(path, &tape).unwrap(), tape, RecorderOptions::new())
            .unwrap(),
        false => Recorder::start(lines::Writer::create(path, &tape).unwrap(), tape, RecorderOptions::new())
            .unwrap(),
    }
}

fn record(criterion: &mut Criterion) {
    let folder = std::env::temp_dir().join(format!("shadowcat-bench-record-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for bytes in [100, 1000] {
        let message = message(bytes);
        let mut group = criterion.benchmark_group(format!("record/{bytes}"));
        group.sample_size(20);
        group.bench_function("without", |bencher| {
            bencher.iter_custom(|iterations| timed(&mut service_fn(answer), &message, iterations, || ()));
        });
        for (name, masked) in [("a.jsonl", false), ("a.db", false), ("a.jsonl", true)] {
            let recorder = recorder(&folder.join(name));
            let layer = RecordLayer::new(recorder.clone());
            #[cfg(feature = "secret")]
            let layer = if masked { layer } else { layer.unmasked() };
            let mut stack = layer.layer(service_fn(answer));
            let name = if masked { format!("{name}/masked") } else { name.to_owned() };
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|iterations| {
                    timed(&mut stack, &message, iterations, || runtime.block_on(recorder.flushed()).unwrap())
                });
            });
            assert_eq!(recorder.stats().lost, 0, "the queue keeps up");
        }
    }
    let _ = std::fs::remove_dir_all(&folder);
}

criterion_group!(benches, record);
criterion_main!(benches);
