//! An MCP proxy with all layers of security:
//! `guard POLICY [--audit FILE] [--lock FILE] [--listen 127.0.0.1:PORT] [--upstream URL | -- COMMAND ARGS…]`
//!
//! On stdio, or on HTTP at `/mcp` with `--listen`. Forwards to the server at URL, or to COMMAND, or to a small demo
//! server in this process. What the file POLICY denies is neither listed nor called; it is read again when it changes.
//! Secrets go neither way. Tools are pinned as they are first seen, or as the lock file says. With `--audit`, every call
//! and decision is written down. Try it:
//!
//! ```sh
//! cat > /tmp/policy.yaml <<'END'
//! default: allow
//! rules:
//!   - {id: no-count, effect: deny, tool: count}
//! END
//! echo '{"jsonrpc":"2.0","id":1,"method":"tools/list"}' |
//!   cargo run -q --features full --example guard -- /tmp/policy.yaml
//! ```

mod demo;
mod proxy;

use std::path::PathBuf;
use std::process::ExitCode;

use proxy::{Leaf, Proxy, Stack};
use shadowcat::BoxError;
use shadowcat::audit::{self, Writer};
use shadowcat::layer::pin::{self, Pins};
use shadowcat::layer::policy_file::PolicyFile;
use shadowcat::layer::{
    AccessControlLayer, AuditLayer, CatchErrorLayer, ComponentGuardLayer, PinToolsLayer, StripTokensLayer,
};
use shadowcat::policy::pin::LockFile;
use tower::ServiceBuilder;
use tower::util::{BoxService, option_layer};

const USAGE: &str = "usage: guard POLICY [--audit FILE] [--lock FILE] [--listen 127.0.0.1:PORT] \
    [--upstream URL | -- COMMAND ARGS…]";

#[derive(Default)]
struct Options {
    policy: PathBuf,
    audit: Option<PathBuf>,
    lock: Option<PathBuf>,
    proxy: Proxy,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let log = tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false);
    log.with_env_filter("warn,shadowcat::layer=info").init();
    let ended = match parse(std::env::args().skip(1)) {
        Ok(options) => run(options).await.map_err(|error| error.to_string()),
        Err(why) => Err(format!("{why}\n{USAGE}")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("guard: {why}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options =
        Options { policy: args.next().ok_or("no POLICY is named")?.into(), ..Options::default() };
    while let Some(arg) = args.next() {
        if options.proxy.take(&arg, &mut args)? {
            continue;
        }
        let mut value = || args.next().map(PathBuf::from).ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--audit" => options.audit = Some(value()?),
            "--lock" => options.lock = Some(value()?),
            other => return Err(format!("{other}: what is that?")),
        }
    }
    Ok(options)
}

async fn run(options: Options) -> Result<(), BoxError> {
    let policy = PolicyFile::open(&options.policy)?;
    let _watching = policy.watch()?;
    let pins = match options.lock {
        Some(path) => Pins::with_lock(&LockFile::read(path)?, pin::Options::new()),
        None => Pins::new(pin::Options::new()),
    };
    let log = options.audit.map(|path| Writer::open(path, audit::Options::new())).transpose()?;
    let audit = log.clone().map(AuditLayer::new);
    options.proxy.run(move |leaf| guarded(leaf, &policy, &pins, audit.clone())).await?;
    if let Some(log) = log {
        log.flushed().await;
    }
    Ok(())
}

/// What must be gone before anything else looks stands at both ends; what judges stands below what writes down.
fn guarded(leaf: Leaf, policy: &PolicyFile, pins: &Pins, audit: Option<AuditLayer>) -> Stack {
    let stack = ServiceBuilder::new()
        .layer(CatchErrorLayer::new())
        .layer(StripTokensLayer::requests())
        .layer(option_layer(audit))
        .layer(AccessControlLayer::new(policy.access()))
        .layer(ComponentGuardLayer::new(policy.control()))
        .layer(PinToolsLayer::new(pins))
        .layer(StripTokensLayer::replies())
        .service(leaf);
    BoxService::new(stack)
}
