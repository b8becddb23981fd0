//! An MCP server among the routes of an axum application, behind its authentication.
//!
//! Runs offline: it serves the demo server at `/tools/mcp`, asks it one question with a token and one without,
//! prints both answers and ends.

#![allow(clippy::print_stdout, reason = "this example is no server on stdio")]

mod demo;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use shadowcat::serve::{self, http::SessionInfo};
use shadowcat::session::Principal;
use shadowcat::wire::http::{Endpoint, HostPolicy, OriginPolicy};
use shadowcat::{BoxError, Error};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::service_fn;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), BoxError> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // axum takes the prefix off: what is left is the endpoint's path.
    let endpoint = Endpoint::new("/", HostPolicy::bound_to(address)?, OriginPolicy::bound_to(address));
    let sessions = service_fn(|_: SessionInfo| async { Ok::<_, Error>(demo::server()) });
    let mcp = serve::http(endpoint).sessions(sessions).stateless(demo::server()).build();
    let app = Router::new()
        .nest_service("/tools/mcp", mcp)
        .layer(from_fn(authenticate))
        .route("/health", get(|| async { "fine" }));
    tokio::spawn(async move { axum::serve(listener, app).await });

    for token in ["authorization: Bearer demo\r\n", ""] {
        let body =
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
        let length = body.len();
        let request = format!(
            "POST /tools/mcp HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{token}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        let mut client = TcpStream::connect(address).await?;
        client.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        client.read_to_string(&mut answer).await?;
        println!("{answer}\n");
    }
    Ok(())
}

/// Stands for whatever knows who a request comes from. The session that a principal opens is its own.
async fn authenticate(mut request: Request, next: Next) -> Response {
    let token = request.headers().get("authorization").map(|token| token.as_bytes() == b"Bearer demo");
    if token != Some(true) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    request.extensions_mut().insert(Principal::new("demo"));
    next.run(request).await
}
