//! An MCP proxy that does what a file of rules says:
//! `rules FILE [--check] [--listen 127.0.0.1:PORT] [--upstream URL | -- COMMAND ARGS…]`
//!
//! On stdio, or on HTTP at `/mcp` with `--listen`. Forwards to the server at URL, or to COMMAND, or to a small demo
//! server in this process. What is wrong or doubtful about the file goes to stderr; with `--check` that is all it does.
//! The file is read again when it changes: a bad one keeps the rules, and what they do goes on meanwhile. Try it:
//!
//! ```sh
//! cat > /tmp/rules.yaml <<'END'
//! rules:
//!   - id: polite
//!     matcher: {tool: echo}
//!     action: {type: mock, response: {content: [{type: text, text: "After you"}]}}
//! END
//! echo '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}' |
//!   cargo run -q --all-features --example rules -- /tmp/rules.yaml
//! ```

mod demo;
mod proxy;

use std::path::PathBuf;
use std::process::ExitCode;

use proxy::{Leaf, Proxy, Stack};
use shadowcat::BoxError;
use shadowcat::layer::rules::{Rules, RulesLayer};
use shadowcat::layer::{CatchErrorLayer, TraceLayer};
use shadowcat::rules::{self, RuleSet};
use tower::ServiceBuilder;
use tower::util::BoxService;
use tracing_subscriber::EnvFilter;

const USAGE: &str =
    "usage: rules FILE [--check] [--listen 127.0.0.1:PORT] [--upstream URL | -- COMMAND ARGS…]";

#[derive(Default)]
struct Options {
    file: PathBuf,
    check: bool,
    proxy: Proxy,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,shadowcat::layer::rules=info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let ended = match parse(std::env::args().skip(1)) {
        Ok(options) if options.check => return check(&options),
        Ok(options) => run(options).await.map_err(|error| error.to_string()),
        Err(why) => Err(format!("{why}\n{USAGE}")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("rules: {why}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options { file: args.next().ok_or("no FILE is named")?.into(), ..Options::default() };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--check" => options.check = true,
            _ if options.proxy.take(&arg, &mut args)? => {}
            other => return Err(format!("{other}: what is that?")),
        }
    }
    Ok(options)
}

/// Says what is wrong with the file.
fn check(options: &Options) -> ExitCode {
    let problems = rules::check(&options.file);
    if !problems.is_empty() {
        eprintln!("{problems}");
    }
    if problems.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn run(options: Options) -> Result<(), BoxError> {
    let loaded = RuleSet::from_path(&options.file)?;
    if !loaded.warnings.is_empty() {
        eprintln!("{}", loaded.warnings);
    }
    let rules = Rules::new(loaded.rules)?;
    let _watching = rules.watch(&options.file)?;
    options.proxy.run(move |leaf| ruled(leaf, &rules)).await
}

fn ruled(leaf: Leaf, rules: &Rules) -> Stack {
    let stack = ServiceBuilder::new()
        .layer(CatchErrorLayer::new())
        .layer(TraceLayer::new())
        .layer(RulesLayer::new(rules))
        .service(leaf);
    BoxService::new(stack)
}
