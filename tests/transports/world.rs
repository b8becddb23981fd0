//! Client, stack and server, with their session open.

use std::sync::Arc;

use shadowcat::connect::http::{HttpClient, Options};
use shadowcat::connect::{Command, Http};
use shadowcat::layer::hold::{self, HoldLayer, Holds};
use shadowcat::layer::intercept::{Chain, InterceptLayer};
use shadowcat::protocol::Era;
use shadowcat::serve::{self, http::SessionInfo};
use shadowcat::wire::http::Endpoint;
use shadowcat::{Error, RpcService};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower::{Layer, service_fn};

use super::{Client, Server};
use crate::process::peer as scripted_peer;
use crate::support::{done, peer};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    /// A front end on a pipe, and a child process.
    Stdio,
    /// A session of 2025-06-18.
    Legacy,
    /// 2026-07-28.
    Modern,
}

pub(crate) const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"roots":{}}}}"#;
const WELCOME: &str =
    r#"{"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

pub(crate) struct World {
    pub(crate) transport: Transport,
    pub(crate) chain: Chain,
    pub(crate) holds: Holds,
    pub(crate) client: Client,
    pub(crate) server: Server,
    served: Vec<JoinHandle<()>>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.served.iter().for_each(JoinHandle::abort);
    }
}

impl World {
    pub(crate) async fn start(transport: Transport) -> Self {
        let (chain, holds) = (Chain::new(), Holds::new(hold::Options::new()));
        let layers = (InterceptLayer::new(chain.clone()), HoldLayer::new(&holds));
        let (client, server, served) = match transport {
            Transport::Stdio => stdio(layers).await,
            Transport::Legacy | Transport::Modern => http(layers).await,
        };
        let mut world = Self { transport, chain, holds, client, server, served: vec![served] };
        match transport {
            Transport::Modern => world.open_modern().await,
            _ => world.open().await,
        }
        world
    }

    /// A request's text: in 2026-07-28, one that says so.
    pub(crate) fn request(&self, id: &str, method: &str, params: &str) -> String {
        let meta = if self.transport == Transport::Modern { META } else { "" };
        let comma = if params.is_empty() || meta.is_empty() { "" } else { "," };
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}{comma}{meta}}}}}"#)
    }

    /// A notification's text.
    pub(crate) fn note(&self, method: &str, params: &str) -> String {
        let meta = if self.transport == Transport::Modern { format!(",{META}") } else { String::new() };
        format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{{params}{meta}}}}}"#)
    }

    async fn open(&mut self) {
        let mut opening = self.client.send(INITIALIZE).await;
        match self.transport {
            Transport::Stdio => self.server.answers(INITIALIZE, WELCOME).await,
            _ => {
                let head = http::Response::builder()
                    .header("content-type", "application/json")
                    .header("mcp-session-id", "s-1");
                self.server.asked().await.answer(head.body(WELCOME.into()).unwrap());
                let session = opening.head().await.headers["mcp-session-id"].to_str().unwrap().to_owned();
                self.client.set_session(session);
            }
        }
        assert_eq!(self.client.hear(&mut opening).await, WELCOME);
        let told = self.client.send(INITIALIZED).await;
        assert_eq!(self.server.hear().await, INITIALIZED);
        self.client.hears_the_end(told).await;
        if self.transport == Transport::Legacy {
            self.server.opens_listen().await;
            self.client.listen().await;
        }
    }

    /// The leaf learns the tools, so that it does not ask for them itself; and somebody listens.
    async fn open_modern(&mut self) {
        let list = self.request("0", "tools/list", "");
        let mut listing = self.client.send(&list).await;
        let tools = r#"{"jsonrpc":"2.0","id":0,"result":{"tools":[],"resultType":"complete"}}"#;
        self.server.answers(&list, tools).await;
        assert_eq!(self.client.hear(&mut listing).await, tools);
        let listen =
            self.request("\"l\"", "subscriptions/listen", r#""notifications":{"toolsListChanged":true}"#);
        let mut listening = self.client.send(&listen).await;
        assert_eq!(self.server.hear().await, listen);
        self.server.keep_listen();
        self.server.say_unasked(ACKNOWLEDGED).await;
        assert_eq!(self.client.hear(&mut listening).await, ACKNOWLEDGED);
        if let Client::Http { listen, .. } = &mut self.client {
            *listen = Some(listening);
        }
    }

    /// Passes in both directions whatever else is held or gone, and nothing that was sent before is on its way any
    /// more: the server hears nothing in between.
    pub(crate) async fn passes(&mut self, id: &str) {
        let ping = self.request(id, "ping", "");
        let mut pinging = self.client.send(&ping).await;
        self.server.answers(&ping, &done(id)).await;
        assert_eq!(self.client.hear(&mut pinging).await, done(id));
    }
}

const ACKNOWLEDGED: &str = r#"{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"l"},"notifications":{"toolsListChanged":true}}}"#;

type Layers = (InterceptLayer, HoldLayer);

fn stacked<L: RpcService + Clone>(layers: &Layers, leaf: L) -> impl RpcService + use<L> {
    layers.0.layer(layers.1.layer(leaf))
}

async fn stdio(layers: Layers) -> (Client, Server, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let child = Command::new(scripted_peer()).args(["relay", &port.to_string()]).spawn().unwrap();
    let (client, read, write) = peer(64 << 10);
    let stack = stacked(&layers, child);
    let served =
        tokio::spawn(async move { drop(serve::stdio(stack).session("pipe").run_on(read, write).await) });
    (Client::Pipe(client), Server::relayed(&listener).await, served)
}

async fn http(layers: Layers) -> (Client, Server, JoinHandle<()>) {
    let (upstream, server) = Server::on_http().await;
    let layers = Arc::new(layers);
    let leaf =
        move |era| Http::with_options(HttpClient::new(), upstream.parse().unwrap(), Options::new().era(era));
    let alone = stacked(&layers, leaf(Era::Modern));
    let sessions = service_fn(move |_: SessionInfo| {
        let stack = stacked(&layers, leaf(Era::Legacy));
        async move { Ok::<_, Error>(stack) }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let front = serve::http(Endpoint::bound_to("/mcp", address).unwrap());
    let http = front.sessions(sessions).stateless(alone).build();
    let served = tokio::spawn(async move { drop(http.server().run(listener, std::future::pending()).await) });
    (Client::Http { url: format!("http://{address}/mcp"), session: None, listen: None }, server, served)
}
