//! Access control in a stack of its own: lists and calls under one policy, a denial explained, a dry run.
//!
//! ```text
//! cargo run --example access_control
//! ```

#![allow(clippy::print_stdout, reason = "it shows something")]

use shadowcat::layer::AccessControlLayer;
use shadowcat::layer::access::Access;
use shadowcat::policy::{Decisions, Policy, Rule, Target};
use shadowcat::rules::{Test, Text};
use shadowcat::{BoxError, JsonRpcMessage, Pointer, Reply, RpcService};
use tower::{ServiceBuilder, ServiceExt, service_fn};

/// Nothing but reading files, and no keys among them.
fn policy() -> Result<Policy, BoxError> {
    let path: Pointer = "/params/arguments/path".parse()?;
    Ok(Policy::deny_by_default([
        Rule::allow("reading", Target::Tool(Text::glob("read_*"))),
        Rule::deny("no-keys", Target::Tool(Text::exact("read_file")))
            .when(path, Test::Text(Text::glob("*/.ssh/*")))
            .describe("private keys stay where they are"),
    ])?)
}

/// A server with three tools.
async fn server(message: JsonRpcMessage) -> Result<Reply, BoxError> {
    println!("    the server received {message:?}");
    let Some(id) = message.owned_id() else { return Ok(Reply::empty()) };
    let result = match message.method() {
        Some("tools/list") => {
            r#"{"tools":[{"name":"read_file"},{"name":"write_file"},{"name":"read_mail"}]}"#
        }
        _ => r#"{"content":[{"type":"text","text":"done"}]}"#,
    };
    Ok(Reply::one(JsonRpcMessage::response(id, result)?))
}

async fn send(
    stack: &mut impl RpcService<Error = BoxError>,
    message: JsonRpcMessage,
) -> Result<(), BoxError> {
    println!("\n> {}", String::from_utf8_lossy(message.bytes()));
    let reply = stack.ready().await?.call(message).await?;
    for decision in Decisions::of(&reply) {
        println!("    {decision}");
    }
    for answer in reply.collect(1 << 20).await? {
        println!("< {}", String::from_utf8_lossy(answer.bytes()));
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let policy = policy()?;
    println!("problems of the policy: {}", policy.problems().iter().count());
    let access = Access::new(policy);
    let mut stack = ServiceBuilder::new().layer(AccessControlLayer::new(&access)).service(service_fn(server));

    let call = |id, params| JsonRpcMessage::request(id, "tools/call", params);
    send(&mut stack, JsonRpcMessage::request(1, "tools/list", "")?).await?;
    send(&mut stack, call(2, r#"{"name":"read_file","arguments":{"path":"notes.txt"}}"#)?).await?;
    send(&mut stack, call(3, r#"{"name":"Write_File","arguments":{}}"#)?).await?;
    let key = call(4, r#"{"name":"read_file","arguments":{"path":"/home/a/.ssh/id"}}"#)?;
    send(&mut stack, key.clone()).await?;
    println!("\nwhy:\n{}", access.explain(&key));

    access.replace(self::policy()?.dry_run());
    println!("\nthe same as a dry run:");
    send(&mut stack, key).await?;
    println!("\n{:?}", access.stats());
    Ok(())
}
