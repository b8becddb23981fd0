//! What a stack of layers that do nothing costs: 0, 1, 5 and 10 of them over a leaf in this process.
//!
//! The difference between two rows, divided by the layers between them, is the cost of one.

#![allow(missing_docs, reason = "criterion's macros")]

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use criterion::{Criterion, criterion_group, criterion_main};
use shadowcat::{JsonRpcMessage, Reply};
use tower::{Layer, Service};

/// Looks at the method and passes.
#[derive(Clone)]
struct Look<S>(S);

struct LookLayer;

impl<S> Layer<S> for LookLayer {
    type Service = Look<S>;

    fn layer(&self, inner: S) -> Look<S> {
        Look(inner)
    }
}

impl<S: Service<JsonRpcMessage, Response = Reply>> Service<JsonRpcMessage> for Look<S> {
    type Response = Reply;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> S::Future {
        black_box(message.is_method("resources/read"));
        self.0.call(message)
    }
}

/// Answers with the message that it was given.
#[derive(Clone)]
struct Mirror;

impl Service<JsonRpcMessage> for Mirror {
    type Response = Reply;
    type Error = Infallible;
    type Future = Ready<Result<Reply, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        ready(Ok(Reply::one(message)))
    }
}

fn one_call<S>(stack: &mut S, message: &JsonRpcMessage) -> Reply
where
    S: Service<JsonRpcMessage, Response = Reply, Error = Infallible>,
{
    let mut cx = Context::from_waker(Waker::noop());
    let _ = stack.poll_ready(&mut cx);
    match pin!(stack.call(message.clone())).poll(&mut cx) {
        Poll::Ready(Ok(reply)) => reply,
        Poll::Pending => unreachable!("the leaf answers at once"),
    }
}

fn passthrough(c: &mut Criterion) {
    let text = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}"#;
    let message = JsonRpcMessage::parse(text).expect("a constant message is well formed");
    let mut group = c.benchmark_group("passthrough");
    let mut none = Mirror;
    group.bench_function("0 layers", |b| b.iter(|| one_call(&mut none, black_box(&message))));
    let mut one = LookLayer.layer(Mirror);
    group.bench_function("1 layer", |b| b.iter(|| one_call(&mut one, black_box(&message))));
    let five = || ((LookLayer, LookLayer, LookLayer), (LookLayer, LookLayer));
    let mut stack = five().layer(Mirror);
    group.bench_function("5 layers", |b| b.iter(|| one_call(&mut stack, black_box(&message))));
    let mut stack = (five(), five()).layer(Mirror);
    group.bench_function("10 layers", |b| b.iter(|| one_call(&mut stack, black_box(&message))));
    group.finish();
}

criterion_group!(benches, passthrough);
criterion_main!(benches);
