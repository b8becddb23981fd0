//! What the interceptors of a chain cost messages that none of them wants to see, and what watching costs.
//!
//! Each row is a call through a stack over a leaf in this process; the difference from the row without a layer is the
//! layer's cost.

#![allow(missing_docs, reason = "criterion's macros")]

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use criterion::{Criterion, criterion_group, criterion_main};
use shadowcat::layer::debug::Debugger;
use shadowcat::layer::intercept::{Action, Chain, Interest, on};
use shadowcat::layer::{DebugLayer, EventsLayer, InterceptLayer};
use shadowcat::{JsonRpcMessage, Kind, Reply};
use tower::{Layer, Service};

/// Answers with a message that it has; a clone costs a refcount, as of most leaves.
#[derive(Clone)]
struct Answer(Arc<JsonRpcMessage>);

impl Answer {
    fn new() -> Self {
        Self(Arc::new(JsonRpcMessage::response(1, "{}").expect("a constant message is well formed")))
    }
}

impl Service<JsonRpcMessage> for Answer {
    type Response = Reply;
    type Error = Infallible;
    type Future = Ready<Result<Reply, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, message: JsonRpcMessage) -> Self::Future {
        ready(Ok(match message.kind() {
            Kind::Request => Reply::one(JsonRpcMessage::clone(&self.0)),
            Kind::Notification | Kind::Response => Reply::empty(),
        }))
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

fn chain(interests: impl IntoIterator<Item = Interest>) -> Chain {
    let chain = Chain::new();
    for (at, interest) in interests.into_iter().enumerate() {
        let added = chain.add(&at.to_string(), on(interest, |_| Action::Continue));
        added.expect("no name stands twice");
    }
    chain
}

fn intercept(c: &mut Criterion) {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}"#;
    let read = r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"uri":"file:///x"}}"#;
    let note = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let [call, read, note] = [call, read, note]
        .map(|text| JsonRpcMessage::parse(text).expect("a constant message is well formed"));
    let mut group = c.benchmark_group("intercept");
    let mut none = Answer::new();
    group.bench_function("no layer", |b| b.iter(|| one_call(&mut none, black_box(&read))));
    group.bench_function("no layer, notification", |b| b.iter(|| one_call(&mut none, black_box(&note))));

    let calls = || Interest::requests().method("tools/call");
    let results = || Interest::responses().method("tools/call");
    let mut stack = InterceptLayer::new(chain([])).layer(Answer::new());
    group.bench_function("an empty chain", |b| b.iter(|| one_call(&mut stack, black_box(&read))));
    let mut stack = InterceptLayer::new(chain([calls()])).layer(Answer::new());
    group.bench_function("calls wanted, other method", |b| b.iter(|| one_call(&mut stack, black_box(&read))));
    group.bench_function("calls wanted, notification", |b| b.iter(|| one_call(&mut stack, black_box(&note))));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime of one thread");
    let entered = runtime.enter(); // an interceptor's budget is a timer
    group.bench_function("calls wanted, a call", |b| b.iter(|| one_call(&mut stack, black_box(&call))));
    drop(entered);
    let mut stack = InterceptLayer::new(chain([calls(), results()])).layer(Answer::new());
    group.bench_function("calls and results wanted, other method", |b| {
        b.iter(|| one_call(&mut stack, black_box(&read)));
    });
    let mut stack = InterceptLayer::new(chain((0..10).map(|_| calls()))).layer(Answer::new());
    group.bench_function("ten want calls, other method", |b| {
        b.iter(|| one_call(&mut stack, black_box(&read)))
    });
    group.finish();
}

fn watch(c: &mut Criterion) {
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{}}}"#;
    let call = JsonRpcMessage::parse(call).expect("a constant message is well formed");
    let mut group = c.benchmark_group("watch");
    let mut none = Answer::new();
    group.bench_function("no layer", |b| b.iter(|| one_call(&mut none, black_box(&call))));
    let events = EventsLayer::new();
    let mut stack = events.layer(Answer::new());
    group.bench_function("events, nobody listens", |b| b.iter(|| one_call(&mut stack, black_box(&call))));
    let subscription = events.subscribe(16);
    group.bench_function("events, a full subscriber", |b| b.iter(|| one_call(&mut stack, black_box(&call))));
    drop(subscription);
    let mut stack = DebugLayer::new(&Debugger::new()).layer(Answer::new());
    group.bench_function("debugger without a log", |b| b.iter(|| one_call(&mut stack, black_box(&call))));
    group.finish();
}

criterion_group!(benches, intercept, watch);
criterion_main!(benches);
