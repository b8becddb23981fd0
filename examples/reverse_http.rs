//! An MCP proxy on HTTP: `reverse_http --listen 127.0.0.1:PORT [--stack none|standard] [-- COMMAND ARGS…]`
//!
//! Speaks Streamable HTTP at `/mcp`, and HTTP+SSE for clients of 2024-11-05 at `/sse`, and forwards to COMMAND, one
//! process for each session, or to a small demo server in this process. Port 0 takes any that is free; the address
//! goes to stderr. Try it:
//!
//! ```sh
//! cargo run -q --features http-server --example reverse_http -- --listen 127.0.0.1:8080 &
//! curl -i http://127.0.0.1:8080/mcp -H 'content-type: application/json' \
//!   -d '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}'
//! ```

mod demo;

use std::net::SocketAddr;
use std::process::ExitCode;

use shadowcat::layer::{CatchErrorLayer, OnRequestsLayer, TimeoutLayer, TraceLayer};
use shadowcat::serve::http::SessionInfo;
use shadowcat::wire::http::Endpoint;
use shadowcat::{BoxError, JsonRpcMessage, Reply, RpcService, connect, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower::limit::ConcurrencyLimitLayer;
use tower::util::BoxService;
use tower::{Layer, ServiceBuilder, service_fn};

const USAGE: &str = "usage: reverse_http --listen 127.0.0.1:PORT [--stack none|standard] [-- COMMAND ARGS…]";

type Stack = BoxService<JsonRpcMessage, Reply, BoxError>;

struct Options {
    listen: SocketAddr,
    standard: bool,
    command: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match parse(std::env::args().skip(1)) {
        Ok(options) => run(options).await.map_err(|error| error.to_string()),
        Err(why) => Err(format!("{why}\n{USAGE}")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("reverse_http: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), BoxError> {
    let listener = TcpListener::bind(options.listen).await?;
    let address = listener.local_addr()?;
    let Options { standard, command, .. } = options;
    // The demo server has no state, so that requests of 2026-07-28 can share one. Commands keep to their session.
    let alone = command.is_empty().then(|| stacked(demo::server(), standard));
    let make = service_fn(move |_: SessionInfo| {
        let made = make(&command, standard);
        async move { made }
    });
    let mut http = serve::http(Endpoint::bound_to("/mcp", address)?)
        .http_sse(Endpoint::bound_to("/sse", address)?)
        .sessions(make);
    if let Some(stack) = alone {
        http = http.stateless(stack);
    }
    eprintln!("listening on http://{address}/mcp");
    http.build().server().run(listener, asked_to_stop()?).await?;
    Ok(())
}

/// The stack of one session.
fn make(command: &[String], standard: bool) -> Result<Stack, BoxError> {
    match command.split_first() {
        Some((program, args)) => {
            let child =
                connect::Command::new(program).args(args).on_stderr(|line| eprintln!("{line}")).spawn()?;
            Ok(stacked(child, standard))
        }
        None => Ok(stacked(demo::server(), standard)),
    }
}

fn stacked(leaf: impl RpcService + Clone, standard: bool) -> Stack {
    let limits =
        ServiceBuilder::new().layer(ConcurrencyLimitLayer::new(256)).layer(TimeoutLayer::new()).into_inner();
    let layers = ServiceBuilder::new()
        .layer(CatchErrorLayer::new())
        .layer(TraceLayer::new())
        .layer(OnRequestsLayer::new(limits))
        .into_inner();
    match standard {
        true => boxed(layers.layer(leaf)),
        false => boxed(leaf),
    }
}

fn boxed(stack: impl RpcService) -> Stack {
    BoxService::new(ServiceBuilder::new().map_err(Into::into).service(stack))
}

fn asked_to_stop() -> Result<impl Future<Output = ()>, BoxError> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut listen, mut standard, mut command) = (None, true, Vec::new());
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--listen" => {
                let address = args.next().unwrap_or_default();
                listen = Some(address.parse().map_err(|_| format!("{address:?} is no address and port"))?);
            }
            "--stack" => match args.next().as_deref() {
                Some("none") => standard = false,
                Some("standard") => standard = true,
                other => {
                    return Err(format!(
                        "--stack takes none or standard, not {}",
                        other.unwrap_or("nothing")
                    ));
                }
            },
            "--" => {
                command = args.collect();
                break;
            }
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(Options { listen: listen.ok_or("--listen is missing")?, standard, command })
}
