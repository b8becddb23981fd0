//! Wassette over HTTP: attaches to one that runs, or starts one of our own; loads a component and calls a tool.
//!
//! ```sh
//! cargo run -q --features http-client --example wassette_http -- file:///path/to/echo.wasm echo '{"s":"hello"}'
//! cargo run -q --features http-client --example wassette_http -- --attach http://127.0.0.1:9001
//! ```
//!
//! `wassette_http [--attach URL | [--wassette BINARY] [--component-dir DIRECTORY]] [URI [TOOL [ARGUMENTS]]]`

#![allow(clippy::print_stdout, reason = "this program shows what it does on stdout")]

use std::process::ExitCode;

use shadowcat::connect::{Leaf, Wassette, http::HttpClient};
use shadowcat::layer::CatchErrorLayer;
use shadowcat::wassette::log::{self, Event};
use shadowcat::wassette::{ComponentUri, ToolResult};
use shadowcat::{BoxError, JsonRpcMessage, RpcService};
use tower::{Service, ServiceBuilder, ServiceExt};

#[derive(Default)]
struct Options {
    attach: Option<http::Uri>,
    binary: Option<String>,
    component_dir: Option<String>,
    words: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wassette_http: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), BoxError> {
    let options = parse(std::env::args().skip(1))?;
    if let Some(uri) = options.attach {
        let wassette = Wassette::attach(HttpClient::new(), uri).connect().await?;
        work(&wassette, &options.words).await?;
        return Ok(wassette.into_inner().close().await?);
    }
    let mut builder = Wassette::serve().on_log(show);
    if let Some(binary) = &options.binary {
        builder = builder.binary(binary);
    }
    if let Some(directory) = &options.component_dir {
        builder = builder.component_dir(directory);
    }
    let wassette = builder.spawn().await?;
    println!("process {} listens at {}", wassette.get_ref().id(), wassette.get_ref().uri());
    let worked = work(&wassette, &options.words).await;
    wassette.into_inner().shutdown().await;
    worked
}

/// What its log tells of calls.
fn show(line: &str) {
    if let event @ (Event::Invoked { .. } | Event::Returned { .. }) = log::parse(line).event() {
        eprintln!("wassette: {event:?}");
    }
}

async fn work(wassette: &Wassette<impl Leaf>, words: &[String]) -> Result<(), BoxError> {
    println!("speaks to Wassette in the dialect {:?}", wassette.dialect());
    let mut stack = ServiceBuilder::new().layer(CatchErrorLayer::new()).service(wassette.clone());
    let me =
        r#"{"protocolVersion":"2025-03-26","capabilities":{},"clientInfo":{"name":"example","version":"1"}}"#;
    request(&mut stack, 1, "initialize", me).await?;
    let opened = JsonRpcMessage::notification("notifications/initialized", "")?;
    drop(stack.ready().await?.call(opened).await?);

    if let Some(uri) = words.first() {
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
    let request = JsonRpcMessage::request(id, method, params)?;
    let reply = stack.ready().await.map_err(Into::into)?.call(request).await.map_err(Into::into)?;
    let answer = reply.collect(4 << 20).await?.pop().ok_or("there was no answer")?;
    match answer.error() {
        Some(error) => Err(format!("{method}: {}", String::from_utf8_lossy(error)).into()),
        None => Ok(answer),
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, BoxError> {
    let mut options = Options::default();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--attach" => options.attach = Some(args.next().ok_or("--attach takes a URL")?.parse()?),
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
