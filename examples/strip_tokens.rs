//! What each side sees when credentials are taken out on both ways: a client's key in the arguments of a call, and a
//! password in what the server answers.
//!
//! `cargo run -q --features secret --example strip_tokens`

#![allow(clippy::print_stdout, reason = "this example is no server on stdio")]

use std::sync::{Arc, Mutex};

use futures::StreamExt;
use serde_json::json;
use shadowcat::layer::StripTokensLayer;
use shadowcat::layer::strip::Event;
use shadowcat::protocol::method;
use shadowcat::{BoxError, JsonRpcMessage, Reply};
use tower::{ServiceBuilder, ServiceExt};

// Made up.
const KEY: &str = "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";
const PASSWORD: &str = "correct-horse-7";

type Received = Arc<Mutex<Vec<String>>>;

/// Keeps what it receives, and tells more than it should.
async fn server(message: JsonRpcMessage, received: Received) -> Result<Reply, BoxError> {
    let bytes = String::from_utf8_lossy(message.bytes()).into_owned();
    received.lock().map_err(|_| "poisoned")?.push(bytes);
    let config = json!({"host": "db.example", "password": PASSWORD});
    let result = json!({
        "content": [{"type": "text", "text": config.to_string()}],
        "structuredContent": config,
    });
    Ok(message.responder().result(result.to_string())?.map_or_else(Reply::empty, Reply::one))
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let received = Received::default();
    let (requests, replies) = (StripTokensLayer::requests(), StripTokensLayer::replies());
    let (sent, mut told) = (requests.stats(), replies.subscribe(16));
    let stack = ServiceBuilder::new()
        .layer(requests) // nothing below sees the client's key
        // … layers that record, judge and change messages …
        .layer(replies) // nothing above sees the server's password
        .service_fn({
            let received = received.clone();
            move |message| server(message, received.clone())
        });

    let params =
        json!({"name": "read_config", "arguments": {"note": format!("use {KEY}"), "path": "/etc/app"}});
    let call = JsonRpcMessage::request(1, method::TOOLS_CALL, params.to_string())?;
    println!("the client sent      {}", String::from_utf8_lossy(call.bytes()));
    let reply = stack.oneshot(call).await?;

    let received = received.lock().map_err(|_| "poisoned")?.join("\n");
    println!("the server received  {received}");
    let answer = reply.collect(1 << 16).await?.pop().ok_or("no answer")?;
    let answer = String::from_utf8_lossy(answer.bytes()).into_owned();
    println!("the client received  {answer}");

    println!("to the server: {:?}", sent.now().to_upstream.secrets);
    while let Some(Event::Found(taken)) = told.next().await {
        println!("to the client: {} at {}", taken.found.kind, taken.found.path);
    }
    assert!(!received.contains(KEY) && !answer.contains(PASSWORD));
    Ok(())
}
