//! Wassette 0.2 without WebAssembly: `wassette_0_2 serve [--stdio|--http] [--plugin-dir DIR]`.
//!
//! The protocol is spoken by the very rmcp 0.2.1 that is inside Wassette 0.2, so that its faults are real: it
//! stops reading after a message that it cannot parse, mangles large ids, and outlives its stdin. What it says of
//! itself comes from transcripts of the real program. Its components are known by the names of their files:
//! see [`functions`] and [`filesystem`].
//!
//! Besides `RUST_LOG`, for tests only: `FIXTURE_SLOW_START_MS` puts off reading the first message, and
//! `FIXTURE_ADDR` says where HTTP listens instead of 127.0.0.1:9001 (port 0: the log says which it became).

mod args;
mod components;
mod filesystem;
mod functions;
mod http;
mod manage;
mod policy;
mod recorded;
mod server;

use std::env;
use std::error::Error;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use rmcp_0_2::service::serve_server;
use rmcp_0_2::transport::stdio;
use tracing::info;
use tracing_subscriber::EnvFilter;

use args::{Serve, Transport};
use server::Server;

type BoxError = Box<dyn Error + Send + Sync>;

fn main() -> ExitCode {
    let serve = match args::parse(env::args().skip(1)) {
        Ok(serve) => serve,
        Err(said) => return said.tell(),
    };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime can be started");
    match runtime.block_on(run(serve)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(serve: Serve) -> Result<(), BoxError> {
    start_log(serve.transport);
    let server = Server::open(Path::new(&serve.plugin_dir))?;
    match serve.transport {
        Transport::Stdio => on_stdio(server).await?,
        Transport::Http => http::serve(server).await?,
    }
    info!(target: "wassette", "MCP server shutting down");
    Ok(())
}

/// On stderr where stdout is the protocol; else on stdout, coloured even where nobody sees colours.
fn start_log(transport: Transport) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| "info".into());
    let log = tracing_subscriber::fmt().with_env_filter(filter);
    match transport {
        Transport::Stdio => log.with_writer(std::io::stderr).with_ansi(false).init(),
        Transport::Http => log.init(),
    }
}

/// Waits for SIGINT whatever becomes of the session: hence a server that is deaf and alive.
async fn on_stdio(server: Server) -> Result<(), BoxError> {
    info!(target: "wassette", "Starting MCP server with stdio transport");
    if let Some(delay) = env::var("FIXTURE_SLOW_START_MS").ok().and_then(|delay| delay.parse().ok()) {
        tokio::time::sleep(Duration::from_millis(delay)).await;
    }
    let session = serve_server(server, stdio()).await?;
    tokio::signal::ctrl_c().await?;
    let _ = session.cancel().await;
    Ok(())
}
