//! What the examples that are proxies have in common: where they listen, and what they forward to.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use shadowcat::connect::http::HttpClient;
use shadowcat::connect::{Command, Farewell, Http};
use shadowcat::message::RefusedFrame;
use shadowcat::serve::{self, http::SessionInfo};
use shadowcat::wire::http::Endpoint;
use shadowcat::{BoxError, JsonRpcMessage, Reply};
use tokio::net::TcpListener;
use tower::util::{BoxCloneSyncService, BoxService};
use tower::{ServiceExt, service_fn};

use super::demo;

/// How long servers may take to end, or to be told, once we do.
const GOODBYE: Duration = Duration::from_secs(5);

/// The server, whatever it is.
pub(crate) type Leaf = BoxCloneSyncService<JsonRpcMessage, Reply, BoxError>;
/// And the layers around it.
pub(crate) type Stack = BoxService<JsonRpcMessage, Reply, Infallible>;

/// `[--listen 127.0.0.1:PORT] [--upstream URL | -- COMMAND ARGS…]`
#[derive(Default)]
pub(crate) struct Proxy {
    listen: Option<SocketAddr>,
    upstream: Upstream,
    on_refused: Option<OnRefused>,
}

type OnRefused = Arc<dyn Fn(&RefusedFrame<'_>) + Send + Sync>;

/// What is forwarded to.
#[derive(Default)]
enum Upstream {
    #[default]
    Demo,
    Command(Vec<String>),
    Url(Uri, HttpClient),
    /// What the example has instead.
    Own(Arc<dyn Fn() -> Leaf + Send + Sync>),
}

impl Proxy {
    /// Takes an argument and what belongs to it; `false` if it is none of these.
    pub(crate) fn take(
        &mut self,
        arg: &str,
        rest: &mut impl Iterator<Item = String>,
    ) -> Result<bool, String> {
        let mut value = || rest.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg {
            "--listen" => self.listen = Some(value()?.parse().map_err(|why| format!("--listen: {why}"))?),
            "--upstream" => {
                let uri = value()?.parse().map_err(|why| format!("--upstream: {why}"))?;
                self.upstream = Upstream::Url(uri, HttpClient::new());
            }
            "--" => {
                let command: Vec<String> = rest.collect();
                if command.is_empty() {
                    return Err("no COMMAND behind --".to_owned());
                }
                self.upstream = Upstream::Command(command);
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Forwards to what this makes, instead.
    #[allow(dead_code, reason = "not every example has one")]
    pub(crate) fn answered_by(mut self, leaf: impl Fn() -> Leaf + Send + Sync + 'static) -> Self {
        self.upstream = Upstream::Own(Arc::new(leaf));
        self
    }

    /// Tells this what is refused before it becomes a message.
    #[allow(dead_code, reason = "not every example wants to know")]
    pub(crate) fn on_refused(mut self, told: impl Fn(&RefusedFrame<'_>) + Send + Sync + 'static) -> Self {
        self.on_refused = Some(Arc::new(told));
        self
    }

    /// How the server is reached, where it is not in this process.
    #[allow(dead_code, reason = "not every example tells it")]
    pub(crate) fn upstream_transport(&self) -> Option<&'static str> {
        match self.upstream {
            Upstream::Demo | Upstream::Own(_) => None,
            Upstream::Command(_) => Some("stdio"),
            Upstream::Url(..) => Some("http"),
        }
    }

    /// The server alone.
    #[allow(dead_code, reason = "not every example asks it itself")]
    pub(crate) fn leaf(&self) -> Result<Leaf, BoxError> {
        self.upstream.leaf(&Farewell::new())
    }

    /// Serves until Ctrl-C or SIGTERM; on stdio, until the client leaves. On HTTP a session has a stack of its own; what
    /// stands alone shares one.
    pub(crate) async fn run(
        self,
        around: impl Fn(Leaf) -> Stack + Clone + Send + Sync + 'static,
    ) -> Result<(), BoxError> {
        let farewell = Farewell::new();
        let served = self.serve(around, &farewell).await;
        if !farewell.all(GOODBYE).await {
            eprintln!("not every server has ended, or was told, in time");
        }
        served
    }

    async fn serve(
        self,
        around: impl Fn(Leaf) -> Stack + Clone + Send + Sync + 'static,
        farewell: &Farewell,
    ) -> Result<(), BoxError> {
        let Self { listen, upstream, on_refused } = self;
        let told = move |frame: &RefusedFrame<'_>| on_refused.iter().for_each(|told| told(frame));
        let stop = stop()?;
        let Some(address) = listen else {
            let front = serve::stdio(around(upstream.leaf(farewell)?)).on_refused(told);
            return tokio::select! {
                served = front.run() => Ok(served?),
                () = stop => Ok(()),
            };
        };
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let alone = around(upstream.leaf(farewell)?);
        let farewell = farewell.clone();
        let sessions = service_fn(move |_: SessionInfo| {
            let made = upstream.leaf(&farewell).map(&around);
            async move { made }
        });
        eprintln!("listening on http://{address}/mcp");
        let endpoint = Endpoint::bound_to("/mcp", address)?;
        let front = serve::http(endpoint).sessions(sessions).stateless(alone).on_refused(told).build();
        front.server().run(listener, stop).await?;
        Ok(())
    }
}

/// Ready once the process is asked to end. It listens at once, not when it is polled first.
#[cfg(unix)]
fn stop() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn stop() -> io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

impl Upstream {
    fn leaf(&self, farewell: &Farewell) -> Result<Leaf, BoxError> {
        Ok(match self {
            Self::Demo => demo::server(),
            Self::Command(command) => {
                let command = Command::new(&command[0]).args(&command[1..]);
                let child = command.on_stderr(|line| eprintln!("{line}")).spawn()?;
                farewell.await_end_of(&child);
                Leaf::new(child.map_err(Into::into))
            }
            Self::Own(make) => make(),
            Self::Url(uri, client) => {
                let session = Http::new(client.clone(), uri.clone());
                farewell.await_end_of(&session);
                Leaf::new(session.map_err(Into::into))
            }
        })
    }
}
