//! An MCP proxy on HTTP:
//! `reverse_http --listen 127.0.0.1:PORT [--stack none|standard] [--upstream URL [--transparent] | -- COMMAND ARGS…]`
//!
//! Speaks Streamable HTTP at `/mcp`, and HTTP+SSE for clients of 2024-11-05 at `/sse`, and forwards to the server at
//! URL, or to COMMAND, or to a small demo server in this process. A session has a session of its own there, or a
//! process of its own; requests of 2026-07-28, which belong to no session, share one.
//!
//! With `--transparent` it is the server at URL as far as OAuth goes: the client's `Authorization` goes on, and the
//! documents about the server come back, with the address of this proxy in them. For recording what passes; never
//! between a client and a server that it did not mean.
//!
//! Port 0 takes any that is free; the address goes to stderr. Try it:
//!
//! ```sh
//! cargo run -q --features http-server,http-client --example reverse_http -- --listen 127.0.0.1:8080 &
//! curl -i http://127.0.0.1:8080/mcp -H 'content-type: application/json' \
//!   -d '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}'
//! ```

mod demo;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use http::{Method, Uri};
use shadowcat::connect::http::{HttpClient, Options as HttpOptions, PassThrough};
use shadowcat::connect::{Command, Farewell, Http, Leaf, Supervisor};
use shadowcat::layer::{CatchErrorLayer, CheckParamsLayer, OnRequestsLayer, TimeoutLayer, TraceLayer};
use shadowcat::protocol::Era;
use shadowcat::serve::http::{Builder, SessionInfo};
use shadowcat::wire::http::{Endpoint, Relocation};
use shadowcat::{BoxError, JsonRpcMessage, Reply, RpcService, serve};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tower::limit::ConcurrencyLimitLayer;
use tower::util::BoxService;
use tower::{Layer, ServiceBuilder, service_fn};

const USAGE: &str = "usage: reverse_http --listen 127.0.0.1:PORT [--stack none|standard] \
     [--upstream URL [--transparent] | -- COMMAND ARGS…]";

/// How long servers may take to end, or to be told, once we do: longer than a process gets to end by itself.
const GOODBYE: Duration = Duration::from_secs(5);

type Stack = BoxService<JsonRpcMessage, Reply, BoxError>;

struct Options {
    listen: SocketAddr,
    standard: bool,
    upstream: Upstream,
}

/// What is forwarded to.
enum Upstream {
    Demo,
    Command(Vec<String>),
    Url(Box<Remote>),
}

struct Remote {
    uri: Uri,
    client: HttpClient,
    /// Clients authorize themselves to it.
    transparent: bool,
}

// One thread drives both directions: to wake another costs more than it does.
#[tokio::main(flavor = "current_thread")]
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
    let Options { standard, upstream, .. } = options;
    let front = serve::http(Endpoint::bound_to("/mcp", address)?);
    let front = match &upstream {
        Upstream::Url(remote) if remote.transparent => remote.transparently(front, address)?,
        _ => front,
    };
    let farewell = Farewell::new();
    let alone = upstream.shared(standard, &farewell);
    let leaving = farewell.clone();
    let sessions = service_fn(move |_: SessionInfo| {
        let made = upstream.of_session(standard, &leaving);
        async move { made }
    });
    eprintln!("listening on http://{address}/mcp");
    front
        .http_sse(Endpoint::bound_to("/sse", address)?)
        .sessions(sessions)
        .stateless(alone)
        .build()
        .server()
        .run(listener, asked_to_stop()?)
        .await?;
    if !farewell.all(GOODBYE).await {
        eprintln!("reverse_http: not every server has ended, or was told, in time");
    }
    Ok(())
}

impl Upstream {
    fn at(url: &str) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|why| format!("--upstream {url}: {why}"))?;
        let client = match uri.scheme_str() {
            Some("http") => HttpClient::new(),
            #[cfg(feature = "http-client-tls")]
            Some("https") => HttpClient::with_native_roots().map_err(|why| why.to_string())?,
            #[cfg(not(feature = "http-client-tls"))]
            Some("https") => return Err("https needs the feature http-client-tls".to_owned()),
            _ => return Err(format!("--upstream {url}: it must begin with http:// or https://")),
        };
        Ok(Self::Url(Box::new(Remote { uri, client, transparent: false })))
    }

    /// The stack of one session.
    fn of_session(&self, standard: bool, farewell: &Farewell) -> Result<Stack, BoxError> {
        Ok(match self {
            Self::Demo => stacked(demo::server(), standard),
            Self::Command(command) => stacked(awaited(process(command).spawn()?, farewell), standard),
            Self::Url(remote) => stacked(awaited(remote.leaf(Era::Legacy), farewell), standard),
        })
    }

    /// The stack of what stands alone. Its process is made again when it ends; it sees no head, so that what heads say
    /// of arguments is checked here. A server on HTTP checks it itself.
    fn shared(&self, standard: bool, farewell: &Farewell) -> Stack {
        match self {
            Self::Demo => stacked(demo::server(), standard),
            Self::Command(command) => {
                let process = awaited(Supervisor::new(process(command)).start(), farewell);
                stacked(CheckParamsLayer::new().layer(process), standard)
            }
            Self::Url(remote) => stacked(remote.leaf(Era::Modern), standard),
        }
    }
}

/// When we end, its end is awaited.
fn awaited<L: Leaf>(leaf: L, farewell: &Farewell) -> L {
    farewell.await_end_of(&leaf);
    leaf
}

fn process(command: &[String]) -> Command {
    Command::new(&command[0]).args(&command[1..]).on_stderr(|line| eprintln!("{line}"))
}

impl Remote {
    fn leaf(&self, era: Era) -> Http<HttpClient> {
        let options = HttpOptions::new().era(era).transparent_authorization(self.transparent);
        Http::with_options(self.client.clone(), self.uri.clone(), options)
    }

    /// Clients take the front end for the server itself: they find its documents here, under this address.
    fn transparently(&self, front: Builder, address: SocketAddr) -> Result<Builder, BoxError> {
        let own = format!("http://{address}/mcp").parse()?;
        let relocation = Relocation::new(self.uri.clone(), own)?;
        let documents = PassThrough::new(self.client.clone(), self.uri.clone())
            .relocate(relocation.clone())
            .transparent_authorization(true)
            // What servers of 2025-03-26 have that are their own authorization server, and say so nowhere.
            .allow(Method::GET, "/authorize")
            .allow(Method::POST, "/token")
            .allow(Method::POST, "/register");
        Ok(front.transparent_authorization(true).relocate(relocation).fallback(documents))
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
    let (mut listen, mut standard, mut transparent) = (None, true, false);
    let mut upstream = Upstream::Demo;
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--listen" => {
                let address = args.next().unwrap_or_default();
                listen = Some(address.parse().map_err(|_| format!("{address:?} is no address and port"))?);
            }
            "--stack" => standard = is_standard(args.next().as_deref())?,
            "--upstream" => upstream = Upstream::at(&args.next().ok_or("--upstream takes a URL")?)?,
            "--transparent" => transparent = true,
            "--" if matches!(upstream, Upstream::Url(_)) => {
                return Err("--upstream and a command exclude each other".to_owned());
            }
            "--" => {
                let command: Vec<_> = args.by_ref().collect();
                if command.is_empty() {
                    return Err("no command after --".to_owned());
                }
                upstream = Upstream::Command(command);
            }
            other => return Err(format!("unknown argument {other}")),
        }
    }
    match &mut upstream {
        Upstream::Url(remote) => remote.transparent = transparent,
        _ if transparent => return Err("--transparent needs --upstream".to_owned()),
        _ => {}
    }
    Ok(Options { listen: listen.ok_or("--listen is missing")?, standard, upstream })
}

fn is_standard(stack: Option<&str>) -> Result<bool, String> {
    match stack {
        Some("none") => Ok(false),
        Some("standard") => Ok(true),
        other => Err(format!("--stack takes none or standard, not {}", other.unwrap_or("nothing"))),
    }
}
