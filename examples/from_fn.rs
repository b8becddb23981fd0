//! A layer from an async function: the tool `add` is refused before it reaches the server, as an unknown one.
//!
//! `cargo run --example from_fn`

#![allow(clippy::print_stdout, reason = "this example is no server on stdio")]

mod demo;

use shadowcat::layer::{Next, from_fn};
use shadowcat::{BoxError, Code, JsonRpcMessage, Reply, protocol::method, protocol::peek};
use tower::{Service, ServiceBuilder, ServiceExt};

async fn no_arithmetic(message: JsonRpcMessage, next: Next) -> Result<Reply, BoxError> {
    match peek::tool_name(&message) {
        Ok(Some(tool)) if tool == "add" => {
            Ok(Reply::refuse(&message, Code::INVALID_PARAMS, "Unknown tool: add"))
        }
        Ok(_) => next.run(message).await,
        Err(why) => Ok(Reply::refuse(&message, Code::INVALID_PARAMS, why)),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let mut stack = ServiceBuilder::new().layer(from_fn(no_arithmetic)).service(demo::server());
    for params in
        [r#"{"name":"echo","arguments":{"message":"hello"}}"#, r#"{"name":"add","arguments":{"a":1,"b":2}}"#]
    {
        let reply =
            stack.ready().await?.call(JsonRpcMessage::request(1, method::TOOLS_CALL, params)?).await?;
        let answer = reply.collect(1024).await?.remove(0);
        println!("{}", String::from_utf8_lossy(answer.bytes()));
    }
    Ok(())
}
