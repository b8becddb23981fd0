//! A layer written by hand: it counts the tool calls that pass and says so when a reply is over.
//!
//! `cargo run --example custom_layer`

#![allow(clippy::print_stdout, reason = "this example is no server on stdio")]

mod demo;

use std::sync::{Arc, atomic::AtomicU64, atomic::Ordering};
use std::task::{Context, Poll};

use shadowcat::{BoxError, JsonRpcMessage, Reply, protocol::method};
use tower::{Layer, Service, ServiceBuilder, ServiceExt};

#[derive(Clone, Debug, Default)]
struct CountCallsLayer(Arc<AtomicU64>);

#[derive(Clone, Debug)]
struct CountCalls<S> {
    inner: S,
    calls: Arc<AtomicU64>,
}

impl<S> Layer<S> for CountCallsLayer {
    type Service = CountCalls<S>;

    fn layer(&self, inner: S) -> CountCalls<S> {
        CountCalls { inner, calls: self.0.clone() }
    }
}

impl<S: Service<JsonRpcMessage, Response = Reply>> Service<JsonRpcMessage> for CountCalls<S> {
    type Response = Reply;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, message: JsonRpcMessage) -> S::Future {
        if message.is_method(method::TOOLS_CALL) {
            self.calls.fetch_add(1, Ordering::Relaxed);
        }
        self.inner.call(message)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let count = CountCallsLayer::default();
    let mut stack = ServiceBuilder::new().layer(count.clone()).service(demo::server());
    for call in [r#"{"name":"echo"}"#, r#"{"name":"add","arguments":{"a":1,"b":2}}"#] {
        let message = JsonRpcMessage::request(1, method::TOOLS_CALL, call)?;
        println!("{:?}", stack.ready().await?.call(message).await?.as_one());
    }
    println!("{} tool calls passed", count.0.load(Ordering::Relaxed));
    Ok(())
}
