//! A stack of layers in front of Wassette: loads a component, lists the tools and calls one.
//!
//! ```sh
//! cargo run -q --example wassette_stdio -- file:///path/to/echo.wasm echo '{"s":"hello"}'
//! ```
//!
//! `wassette_stdio [--wassette BINARY] [--component-dir DIRECTORY] [URI [TOOL [ARGUMENTS]]]`; logs go to stderr by
//! `RUST_LOG`.

#![allow(clippy::print_stdout, reason = "this program shows what it does on stdout")]

use std::process::ExitCode;

use shadowcat::connect::{self, Child, Supervised};
use shadowcat::layer::{CatchErrorLayer, Next, TraceLayer, from_fn};
use shadowcat::wassette::{ComponentUri, ManagementTool, ToolResult};
use shadowcat::{BoxError, Code, JsonRpcMessage, Reply, RpcService, protocol::peek};
use tower::{ServiceBuilder, ServiceExt};

type Wassette = connect::Wassette<Supervised<Child>>;

#[derive(Default)]
struct Options {
    binary: Option<String>,
    component_dir: Option<String>,
    words: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::from_default_env();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wassette_stdio: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), BoxError> {
    let options = parse(std::env::args().skip(1))?;
    let mut builder = connect::Wassette::stdio();
    if let Some(binary) = &options.binary {
        builder = builder.binary(binary);
    }
    if let Some(directory) = &options.component_dir {
        builder = builder.component_dir(directory);
    }
    let wassette = builder.start().await?;
    println!("speaks to Wassette in the dialect {:?}", wassette.dialect());
    let worked = work(&wassette, &options.words).await;
    wassette.shutdown().await;
    worked
}

/// Whoever uses this stack may call functions of components, and manage nothing.
async fn no_management(message: JsonRpcMessage, next: Next) -> Result<Reply, BoxError> {
    match peek::tool_name(&message) {
        Ok(Some(tool)) if ManagementTool::from_name(&tool).is_some_and(ManagementTool::is_mutating) => {
            Ok(Reply::refuse(&message, Code::INVALID_PARAMS, format_args!("Unknown tool: {tool}")))
        }
        Ok(_) => next.run(message).await,
        Err(why) => Ok(Reply::refuse(&message, Code::INVALID_PARAMS, why)),
    }
}

async fn work(wassette: &Wassette, words: &[String]) -> Result<(), BoxError> {
    let mut stack = ServiceBuilder::new()
        .layer(CatchErrorLayer::new())
        .layer(TraceLayer::new())
        .layer(from_fn(no_management))
        .service(wassette.clone());
    let me =
        r#"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"example","version":"1"}}"#;
    request(&mut stack, 1, "initialize", me).await?;
    drop(send(&mut stack, JsonRpcMessage::notification("notifications/initialized", "")?).await?);

    if let Some(uri) = words.first() {
        // Past the stack: this is the operator's own doing.
        let uri: ComponentUri = uri.parse()?;
        for loaded in wassette.load(std::slice::from_ref(&uri)).await {
            println!("loaded {uri} as {}", loaded?.as_str());
        }
    }
    for component in wassette.components().await?.components() {
        let tools: Vec<_> = component.tools.iter().map(|tool| tool.name.as_str()).collect();
        println!("{} has the tools {}", component.id.as_str(), tools.join(", "));
    }
    if let Some(tool) = words.get(1) {
        let arguments = words.get(2).map_or("{}", String::as_str);
        let params = format!(r#"{{"name":{},"arguments":{arguments}}}"#, serde_json::to_string(tool)?);
        let answer = request(&mut stack, 2, "tools/call", &params).await?;
        println!("{tool}: {:?}", ToolResult::read(&answer)?);
    }
    Ok(())
}

/// The answer to a request, whatever the server says before it.
async fn request<S: RpcService>(
    stack: &mut S,
    id: i64,
    method: &str,
    params: &str,
) -> Result<JsonRpcMessage, BoxError> {
    let reply = send(stack, JsonRpcMessage::request(id, method, params)?).await?;
    let answer = reply.collect(4 << 20).await?.pop().ok_or("there was no answer")?;
    match answer.error() {
        Some(error) => Err(format!("{method}: {}", String::from_utf8_lossy(error)).into()),
        None => Ok(answer),
    }
}

async fn send<S: RpcService>(stack: &mut S, message: JsonRpcMessage) -> Result<Reply, BoxError> {
    stack.ready().await.map_err(Into::into)?.call(message).await.map_err(Into::into)
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, BoxError> {
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--wassette" => options.binary = Some(args.next().ok_or("--wassette takes a path or a name")?),
            "--component-dir" => {
                options.component_dir = Some(args.next().ok_or("--component-dir takes a path")?);
            }
            unknown if unknown.starts_with('-') => return Err(format!("unknown argument {unknown}").into()),
            _ => options.words.push(arg),
        }
    }
    Ok(options)
}
