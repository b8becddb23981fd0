//! An MCP server behind HTTP, asked through a stack of tower-http: `http_leaf [URL [TOKEN]]`
//!
//! The layers stand between the leaf and the HTTP client and see plain HTTP: one adds a bearer token, which is how a
//! proxy authorizes itself to a server, one gives up on a server that does not answer, one traces. Asks the server for
//! its tools and prints their names. Without a URL it serves the demo server on a port of its own and asks that.
//!
//! ```sh
//! RUST_LOG=tower_http=debug cargo run -q --features http-server,http-client --example http_leaf
//! ```

#![allow(clippy::print_stdout, reason = "this example is no server on stdio")]

mod demo;

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderValue, StatusCode, Uri};
use serde_json::Value;
use shadowcat::connect::{Http, http::HttpClient};
use shadowcat::protocol::method;
use shadowcat::serve::{self, http::SessionInfo};
use shadowcat::wire::http::Endpoint;
use shadowcat::{BoxError, Error, JsonRpcMessage, RpcService};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, ServiceExt, service_fn};
use tower_http::set_header::SetRequestHeaderLayer;
use tower_http::timeout::TimeoutLayer;
use tower_http::trace::TraceLayer;
use tracing_subscriber::EnvFilter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::from_default_env())
        .with_writer(std::io::stderr)
        .init();
    let mut args = std::env::args().skip(1);
    let uri: Uri = match args.next() {
        Some(url) => url.parse()?,
        None => demo_server().await?,
    };
    let mut token: HeaderValue = format!("Bearer {}", args.next().as_deref().unwrap_or("demo")).parse()?;
    token.set_sensitive(true); // TraceLayer and Debug show no such value

    let client = ServiceBuilder::new()
        .layer(TraceLayer::new_for_http())
        .layer(SetRequestHeaderLayer::overriding(AUTHORIZATION, token))
        // Until the head of an answer is there; a stream of events may go on for as long as it likes.
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, Duration::from_secs(30)))
        .service(HttpClient::new());
    let mut server = Http::new(client, uri);
    for tool in tools(&mut server).await? {
        println!("{tool}");
    }
    server.close().await?;
    Ok(())
}

/// Opens a session and asks for the names of the tools.
async fn tools(server: &mut impl RpcService<Error = Error>) -> Result<Vec<String>, BoxError> {
    let hello = r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"http_leaf","version":"1"}}"#;
    ask(server, JsonRpcMessage::request(1, method::INITIALIZE, hello)?).await?;
    let _nothing = server.ready().await?.call(JsonRpcMessage::notification(method::INITIALIZED, "")?).await?;
    let list = ask(server, JsonRpcMessage::request(2, method::TOOLS_LIST, "{}")?).await?;
    let names = list["tools"].as_array().into_iter().flatten().filter_map(|tool| tool["name"].as_str());
    Ok(names.map(str::to_owned).collect())
}

/// The result of a request; what comes before it is left out.
async fn ask(
    server: &mut impl RpcService<Error = Error>,
    request: JsonRpcMessage,
) -> Result<Value, BoxError> {
    let reply = server.ready().await?.call(request).await?;
    let answer = reply.collect(4 << 20).await?.pop().ok_or("the server answered nothing")?;
    let result = answer.result().ok_or_else(|| format!("the server refused: {answer:?}"))?;
    Ok(serde_json::from_slice(result)?)
}

/// A server in this process, on a socket like any other.
async fn demo_server() -> Result<Uri, BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let sessions = service_fn(|_: SessionInfo| async { Ok::<_, Error>(demo::server()) });
    let http = serve::http(Endpoint::bound_to("/mcp", address)?).sessions(sessions).build();
    tokio::spawn(http.server().run(listener, std::future::pending()));
    Ok(format!("http://{address}/mcp").parse()?)
}
