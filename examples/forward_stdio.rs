//! An MCP proxy on stdio: `forward_stdio [--stack none|standard] [--log] [-- COMMAND ARGS…]`
//!
//! Speaks MCP on stdin and stdout, and forwards to COMMAND, or to a small demo server in this process. Logs
//! go to stderr. Try it:
//!
//! ```sh
//! echo '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' | cargo run -q --example forward_stdio -- --log
//! ```

mod demo;

use std::fmt::Display;
use std::process::ExitCode;

use shadowcat::layer::{CatchErrorLayer, OnRequestsLayer, TimeoutLayer, TraceLayer};
use shadowcat::{BoxError, RpcService, connect, serve};
use tokio::signal::unix::{SignalKind, signal};
use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;

const USAGE: &str = "usage: forward_stdio [--stack none|standard] [--log] [-- COMMAND ARGS…]";

struct Options {
    standard: bool,
    log: bool,
    command: Vec<String>,
}

fn main() -> ExitCode {
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(why) => {
            eprintln!("forward_stdio: {why}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if options.log {
        tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    }
    // One thread: a second one costs a wake-up per message and wins nothing.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error),
    };
    let served = runtime.block_on(run(&options));
    // On a terminal a thread may still wait for a key.
    runtime.shutdown_background();
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &dyn Display) -> ExitCode {
    eprintln!("forward_stdio: {error}");
    ExitCode::FAILURE
}

async fn run(options: &Options) -> Result<(), BoxError> {
    let Some((program, args)) = options.command.split_first() else {
        return forward(demo::server(), options.standard).await;
    };
    let mut command = connect::Command::new(program).args(args);
    if !options.log {
        command = command.on_stderr(|line| eprintln!("{line}")); // else it is in the log
    }
    let server = command.spawn()?;
    let forwarded = forward(server.clone(), options.standard).await;
    server.shutdown().await;
    forwarded
}

/// Serves until the client is gone, the server is gone, or somebody asks us to stop.
async fn forward(leaf: impl RpcService + Clone, standard: bool) -> Result<(), BoxError> {
    let limits =
        ServiceBuilder::new().layer(ConcurrencyLimitLayer::new(256)).layer(TimeoutLayer::new()).into_inner();
    let stack = ServiceBuilder::new()
        .layer(CatchErrorLayer::new())
        .layer(TraceLayer::new())
        .layer(OnRequestsLayer::new(limits));
    let mut served = tokio::spawn(async move {
        match standard {
            true => serve::stdio(stack.service(leaf)).run().await,
            false => serve::stdio(leaf).run().await,
        }
    });
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        served = &mut served => return Ok(served??),
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    served.abort(); // drops the stack: what is in flight is cancelled
    let _ = served.await;
    Ok(())
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { standard: true, log: false, command: Vec::new() };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--stack" => match args.next().as_deref() {
                Some("none") => options.standard = false,
                Some("standard") => options.standard = true,
                other => {
                    return Err(format!(
                        "--stack takes none or standard, not {}",
                        other.unwrap_or("nothing")
                    ));
                }
            },
            "--log" => options.log = true,
            "--" => {
                options.command = args.collect();
                if options.command.is_empty() {
                    return Err("a command must follow --".to_owned());
                }
                break;
            }
            other => return Err(format!("unknown argument {other}")),
        }
    }
    Ok(options)
}
