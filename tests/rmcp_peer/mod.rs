//! What the tests with other Rust SDKs need: a server made with rmcp 3 on HTTP or on a pipe, and shadowcat in front of
//! it on a socket of its own.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(deprecated, reason = "sampling goes through all the same")]

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use rmcp::model::*;
use rmcp::service::RequestContext;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
use serde_json::{Value, json};
use shadowcat::connect::http::{HttpClient, Options};
use shadowcat::connect::{self, Http};
use shadowcat::layer::{CatchErrorLayer, OnRequestsLayer, TimeoutLayer, TraceLayer};
use shadowcat::protocol::Era;
use shadowcat::serve::{self, http::SessionInfo};
use shadowcat::wire::http::Endpoint;
use shadowcat::{BoxError, JsonRpcMessage, Reply, RpcService};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tower::limit::ConcurrencyLimitLayer;
use tower::util::BoxService;
use tower::{Layer, ServiceBuilder, service_fn};

/// What happened at the server, as numbers that can be waited for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    /// Servers alive: on HTTP each session has one, and in 2026-07-28 each request.
    pub(crate) alive: watch::Sender<usize>,
    /// Calls that were cancelled.
    pub(crate) cancelled: watch::Sender<usize>,
}

impl Watched {
    pub(crate) fn server(&self) -> Server {
        self.alive.send_modify(|alive| *alive += 1);
        Server { watched: self.clone() }
    }
}

/// Returns once the number is this.
pub(crate) async fn becomes(number: &watch::Sender<usize>, wanted: usize) {
    let mut number = number.subscribe();
    let become_so =
        tokio::time::timeout(std::time::Duration::from_secs(30), number.wait_for(|n| *n == wanted));
    become_so.await.unwrap_or_else(|_| panic!("it does not become {wanted}")).unwrap();
}

#[derive(Debug)]
pub(crate) struct Server {
    watched: Watched,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.watched.alive.send_modify(|alive| *alive -= 1);
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let schema: JsonObject = serde_json::from_value(json!({"type": "object"})).unwrap();
        let tool = |name| Tool::new(name, "one of the tests'", schema.clone());
        Ok(ListToolsResult { tools: ["echo", "count", "ask", "wait"].map(tool).into(), ..Default::default() })
    }

    async fn call_tool(
        &self,
        call: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match call.name.as_ref() {
            "echo" => Ok(says(Value::Object(call.arguments.unwrap_or_default()))),
            "count" => {
                for step in 1..=3 {
                    report(&context, step).await;
                }
                Ok(says(json!("counted")))
            }
            "ask" => ask(call, context).await,
            "wait" => {
                report(&context, 1).await;
                context.ct.cancelled().await;
                self.watched.cancelled.send_modify(|cancelled| *cancelled += 1);
                Ok(says(json!("cancelled")))
            }
            _ => Err(ErrorData::invalid_params("Unknown tool", None)),
        }
    }
}

fn says(value: Value) -> CallToolResponse {
    CallToolResult::success(vec![ContentBlock::text(value.to_string())]).into()
}

async fn report(context: &RequestContext<RoleServer>, step: u32) {
    if let Some(token) = context.meta.get_progress_token() {
        let progress = ProgressNotificationParam::new(token, f64::from(step));
        context.peer.notify_progress(progress).await.unwrap();
    }
}

/// Asks the client for its name and a thought: inside the call, or in 2026-07-28 by a result that wants input.
async fn ask(
    call: CallToolRequestParams,
    context: RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let name = ElicitRequestParams::FormElicitationParams {
        meta: None,
        message: "Who are you?".into(),
        requested_schema: serde_json::from_value(
            json!({"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}),
        )
        .unwrap(),
    };
    let thought = CreateMessageRequestParams::new(vec![SamplingMessage::user_text("Think")], 20);
    if context.protocol_version() < Some(ProtocolVersion::V_2026_07_28) {
        let failed = |error| ErrorData::internal_error(format!("{error}"), None);
        let name = context.peer.create_elicitation(name).await.map_err(failed)?;
        let thought = context.peer.create_message(thought).await.map_err(failed)?;
        return Ok(says(json!([name, thought])));
    }
    match (call.input_responses, call.request_state) {
        (Some(answers), Some(state)) if state == STATE => {
            Ok(says(json!([answers["name"], answers["thought"]])))
        }
        (None, None) => {
            let mut asked = InputRequests::new();
            asked.insert("name".into(), InputRequest::Elicitation(ElicitRequest::new(name)));
            asked.insert("thought".into(), InputRequest::CreateMessage(CreateMessageRequest::new(thought)));
            Ok(InputRequiredResult::new(Some(asked), Some(STATE.into())).into())
        }
        other => Err(ErrorData::invalid_params(format!("{other:?}"), None)),
    }
}

/// Opaque to everybody else.
const STATE: &str = "st.ate/with+special=chars \"quotes\"\n\tžluť";

/// The server behind a URL.
pub(crate) async fn on_http(watched: &Watched) -> String {
    let watched = watched.clone();
    let service = StreamableHttpService::new(
        move || Ok(watched.server()),
        Arc::new(LocalSessionManager::default()),
        StreamableHttpServerConfig::default(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().nest_service("/mcp", service)).await });
    format!("http://{address}/mcp")
}

/// Where the server is.
#[derive(Clone, Debug)]
pub(crate) enum Far {
    Http(String),
    /// One to each session, on a pipe, as a child process would be.
    Pipe(Watched),
}

pub(crate) type Stack = BoxService<JsonRpcMessage, Reply, BoxError>;

impl Far {
    pub(crate) async fn start(on: &str, watched: &Watched) -> Self {
        match on {
            "http" => Self::Http(on_http(watched).await),
            _ => Self::Pipe(watched.clone()),
        }
    }

    pub(crate) fn stack(&self, era: Era, standard: bool) -> Stack {
        match self {
            Self::Http(url) => {
                let options = Options::new().era(era);
                stacked(Http::with_options(HttpClient::new(), url.parse().unwrap(), options), standard)
            }
            Self::Pipe(watched) => {
                let (ours, theirs) = tokio::io::duplex(64 << 10);
                let server = watched.server();
                tokio::spawn(async move {
                    if let Ok(running) = server.serve(theirs).await {
                        let _ = running.waiting().await;
                    }
                });
                let (read, write) = tokio::io::split(ours);
                stacked(connect::pipe(read, write), standard)
            }
        }
    }
}

/// Bare, or in the layers that `reverse_http` has.
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

pub(crate) fn boxed(stack: impl RpcService) -> Stack {
    BoxService::new(ServiceBuilder::new().map_err(Into::into).service(stack))
}

/// shadowcat in front of the server; where it listens.
pub(crate) async fn proxy(far: Far, standard: bool) -> SocketAddr {
    serving(move |era| far.stack(era, standard)).await
}

/// shadowcat in front of what is made for each session, and for all requests of none; where it listens.
pub(crate) async fn serving(make: impl Fn(Era) -> Stack + Clone + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let alone = make(Era::Modern);
    let sessions = service_fn(move |_: SessionInfo| {
        let stack = make(Era::Legacy);
        async move { Ok::<_, BoxError>(stack) }
    });
    let http = serve::http(Endpoint::bound_to("/mcp", address).unwrap())
        .http_sse(Endpoint::bound_to("/sse", address).unwrap())
        .sessions(sessions)
        .stateless(alone)
        .build();
    tokio::spawn(http.server().run(listener, std::future::pending()));
    address
}
