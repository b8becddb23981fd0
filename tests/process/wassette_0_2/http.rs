//! HTTP+SSE: `GET /sse` and `POST /message?sessionId=…`.

use std::env;
use std::net::SocketAddr;

use rmcp_0_2::transport::SseServer;
use rmcp_0_2::transport::sse_server::SseServerConfig;
use tokio::net::TcpListener;
use tracing::info;

use crate::BoxError;
use crate::server::Server;

pub(crate) async fn serve(server: Server) -> Result<(), BoxError> {
    let asked = env::var("FIXTURE_ADDR").unwrap_or_else(|_| "127.0.0.1:9001".to_owned());
    let listener = TcpListener::bind(asked.parse::<SocketAddr>()?).await?;
    let bind = listener.local_addr()?;
    info!(target: "wassette", "Starting MCP server on {bind} with HTTP transport");

    let (sessions, router) = SseServer::new(SseServerConfig {
        bind,
        sse_path: "/sse".to_owned(),
        post_path: "/message".to_owned(),
        ct: Default::default(),
        sse_keep_alive: None,
    });
    let stop = sessions.with_service(move || server.clone());
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        stopped = tokio::signal::ctrl_c() => stopped?,
    }
    stop.cancel();
    Ok(())
}
