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

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use http::Uri;
use shadowcat::connect::http::HttpClient;
use shadowcat::connect::{Command, Http};
use shadowcat::layer::rules::{Rules, RulesLayer};
use shadowcat::layer::{CatchErrorLayer, TraceLayer};
use shadowcat::rules::{self, RuleSet};
use shadowcat::serve::{self, http::SessionInfo};
use shadowcat::wire::http::Endpoint;
use shadowcat::{BoxError, JsonRpcMessage, Reply, RpcService};
use tokio::net::TcpListener;
use tower::util::BoxService;
use tower::{ServiceBuilder, service_fn};
use tracing_subscriber::EnvFilter;

const USAGE: &str =
    "usage: rules FILE [--check] [--listen 127.0.0.1:PORT] [--upstream URL | -- COMMAND ARGS…]";

type Stack = BoxService<JsonRpcMessage, Reply, BoxError>;

#[derive(Default)]
struct Options {
    file: PathBuf,
    check: bool,
    listen: Option<SocketAddr>,
    upstream: Upstream,
}

/// What is forwarded to.
#[derive(Default)]
enum Upstream {
    #[default]
    Demo,
    Command(Vec<String>),
    Url(Uri, HttpClient),
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
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--check" => options.check = true,
            "--listen" => options.listen = Some(value()?.parse().map_err(|why| format!("--listen: {why}"))?),
            "--upstream" => {
                let uri = value()?.parse().map_err(|why| format!("--upstream: {why}"))?;
                options.upstream = Upstream::Url(uri, HttpClient::new());
            }
            "--" => {
                let command: Vec<String> = args.by_ref().collect();
                if command.is_empty() {
                    return Err("no COMMAND behind --".to_owned());
                }
                options.upstream = Upstream::Command(command);
            }
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
    match options.listen {
        None => serve::stdio(options.upstream.stack(&rules)?).run().await?,
        Some(address) => on_http(address, options.upstream, rules).await?,
    }
    Ok(())
}

/// A session has a stack of its own; what stands alone shares one.
async fn on_http(address: SocketAddr, upstream: Upstream, rules: Rules) -> Result<(), BoxError> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let alone = upstream.stack(&rules)?;
    let sessions = service_fn(move |_: SessionInfo| {
        let made = upstream.stack(&rules);
        async move { made }
    });
    eprintln!("listening on http://{address}/mcp");
    let front = serve::http(Endpoint::bound_to("/mcp", address)?).sessions(sessions).stateless(alone).build();
    let stop = async { drop(tokio::signal::ctrl_c().await) };
    front.server().run(listener, stop).await?;
    Ok(())
}

impl Upstream {
    fn stack(&self, rules: &Rules) -> Result<Stack, BoxError> {
        Ok(match self {
            Self::Demo => ruled(demo::server(), rules),
            Self::Command(command) => {
                let command = Command::new(&command[0]).args(&command[1..]);
                ruled(command.on_stderr(|line| eprintln!("{line}")).spawn()?, rules)
            }
            Self::Url(uri, client) => ruled(Http::new(client.clone(), uri.clone()), rules),
        })
    }
}

fn ruled<S>(leaf: S, rules: &Rules) -> Stack
where
    S: RpcService + Clone,
{
    let stack = ServiceBuilder::new()
        .map_err(Into::into)
        .layer(CatchErrorLayer::new())
        .layer(TraceLayer::new())
        .layer(RulesLayer::new(rules))
        .service(leaf);
    BoxService::new(stack)
}
