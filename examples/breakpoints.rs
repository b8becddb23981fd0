//! Breakpoints for MCP in a terminal:
//! `breakpoints --listen 127.0.0.1:PORT [--break WHAT …] [--progress SECONDS] [--expire SECONDS] [--upstream URL | -- COMMAND ARGS…]`
//!
//! Speaks Streamable HTTP at `/mcp`, in front of the server at URL, or of COMMAND, or of a small demo server in this
//! process. What a breakpoint meets is held until you say what becomes of it: `list`, `show 0`, `edit 0`, `resume 0`,
//! `answer 0`, `reject 0`, `all`, `help`, `quit`. Commands are read from stdin line by line, so that a script can give
//! them, too. WHAT is a tool, a method (`tools/call`, where none is named; `sampling/createMessage`), or the response to
//! one of them (`reply:tools/call`, `reply:echo`).
//!
//! At the end of stdin, and at `quit`, nobody is left to decide: what is held is rejected, and the proxy ends.
//!
//! Port 0 takes any that is free; the address goes to stderr. Try it, and call the tool `echo` from another terminal:
//!
//! ```sh
//! cargo run -q --features http-server,http-client --example breakpoints -- --listen 127.0.0.1:8080 --break echo
//! ```

mod demo;
mod desk;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use desk::Desk;
use http::Uri;
use shadowcat::connect::http::{HttpClient, Options as HttpOptions};
use shadowcat::connect::{Command, Http, Supervisor};
use shadowcat::layer::hold::{HoldLayer, Holds, Options as HoldOptions};
use shadowcat::layer::{CatchErrorLayer, CheckParamsLayer, OnRequestsLayer, TimeoutLayer};
use shadowcat::protocol::Era;
use shadowcat::serve::http::SessionInfo;
use shadowcat::wire::http::Endpoint;
use shadowcat::{BoxError, JsonRpcMessage, Reply, RpcService, serve};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::util::BoxService;
use tower::{Layer, ServiceBuilder, service_fn};

const USAGE: &str = "usage: breakpoints --listen 127.0.0.1:PORT [--break WHAT …] [--progress SECONDS] \
     [--expire SECONDS] [--upstream URL | -- COMMAND ARGS…]";

type Stack = BoxService<JsonRpcMessage, Reply, BoxError>;

struct Options {
    listen: SocketAddr,
    breaks: Vec<String>,
    progress: Duration,
    expire: Duration,
    upstream: Upstream,
}

/// What is forwarded to.
enum Upstream {
    Demo,
    Command(Vec<String>),
    Url(Uri, HttpClient),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let ended = match parse(std::env::args().skip(1)) {
        Ok(options) => run(options).await.map_err(|error| error.to_string()),
        Err(why) => Err(format!("{why}\n{USAGE}")),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("breakpoints: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: Options) -> Result<(), BoxError> {
    let holds = Holds::new(HoldOptions::new().max_age(options.expire));
    let desk = Desk::new(holds.clone());
    options.breaks.iter().try_for_each(|what| desk.set(what))?;
    let layer = HoldLayer::new(&holds).progress_every(options.progress);

    let listener = TcpListener::bind(options.listen).await?;
    let address = listener.local_addr()?;
    let upstream = options.upstream;
    let alone = upstream.shared(&layer);
    let sessions = service_fn(move |_: SessionInfo| {
        let made = upstream.of_session(&layer);
        async move { made }
    });
    let front = serve::http(Endpoint::bound_to("/mcp", address)?).sessions(sessions).stateless(alone).build();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(front.server().run(listener, async move { drop(stopped.await) }));
    eprintln!("listening on http://{address}/mcp");
    desk.attend().await?;
    drop(stop);
    Ok(serving.await??)
}

impl Upstream {
    fn at(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|why| format!("--upstream {url}: {why}"))?;
        match uri.scheme_str() {
            Some("http") => Ok(Self::Url(uri, HttpClient::new())),
            _ => Err(format!("--upstream {url}: it must begin with http://")),
        }
    }

    /// The stack of one session.
    fn of_session(&self, layer: &HoldLayer) -> Result<Stack, BoxError> {
        Ok(match self {
            Self::Demo => stacked(layer, demo::server()),
            Self::Command(command) => stacked(layer, process(command).spawn()?),
            Self::Url(uri, client) => stacked(layer, leaf(uri, client, Era::Legacy)),
        })
    }

    /// The stack of what stands alone.
    fn shared(&self, layer: &HoldLayer) -> Stack {
        match self {
            Self::Demo => stacked(layer, demo::server()),
            Self::Command(command) => {
                let process = Supervisor::new(process(command)).start();
                stacked(layer, CheckParamsLayer::new().layer(process))
            }
            Self::Url(uri, client) => stacked(layer, leaf(uri, client, Era::Modern)),
        }
    }
}

fn process(command: &[String]) -> Command {
    Command::new(&command[0]).args(&command[1..]).on_stderr(|line| eprintln!("{}", desk::visible(line)))
}

fn leaf(uri: &Uri, client: &HttpClient, era: Era) -> Http<HttpClient> {
    Http::with_options(client.clone(), uri.clone(), HttpOptions::new().era(era))
}

/// What is held does not count against the server's time.
fn stacked(layer: &HoldLayer, leaf: impl RpcService + Clone) -> Stack {
    let held = layer.layer(OnRequestsLayer::new(TimeoutLayer::new()).layer(leaf));
    BoxService::new(ServiceBuilder::new().map_err(Into::into).layer(CatchErrorLayer::new()).service(held))
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Options, String> {
    let (mut listen, mut breaks, mut upstream) = (None, Vec::new(), Upstream::Demo);
    let (mut progress, mut expire) = (Duration::from_secs(5), Duration::from_secs(600));
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("a value must follow {arg}"));
        match arg.as_str() {
            "--listen" => {
                let address = value()?;
                listen = Some(address.parse().map_err(|_| format!("{address:?} is no address and port"))?);
            }
            "--break" => breaks.push(value()?),
            "--progress" => progress = seconds(&value()?)?,
            "--expire" => expire = seconds(&value()?)?,
            "--upstream" => upstream = Upstream::at(&value()?)?,
            "--" if matches!(upstream, Upstream::Url(..)) => {
                return Err("--upstream and a command exclude each other".to_owned());
            }
            "--" => {
                upstream = Upstream::Command(args.by_ref().collect());
            }
            other => return Err(format!("unknown argument {other}")),
        }
    }
    if matches!(&upstream, Upstream::Command(command) if command.is_empty()) {
        return Err("no command after --".to_owned());
    }
    if breaks.is_empty() {
        breaks.push("tools/call".to_owned());
    }
    Ok(Options { listen: listen.ok_or("--listen is missing")?, breaks, progress, expire, upstream })
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds.ok_or_else(|| format!("{text:?} is no number of seconds"))
}
