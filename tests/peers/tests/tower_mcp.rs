//! tower-mcp's client, shadowcat, and rmcp's server on HTTP and on a pipe, over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../rmcp_peer/mod.rs"]
mod rmcp_peer;

use async_trait::async_trait;
use rmcp_peer::{Far, Watched, becomes, proxy};
use serde_json::json;
use shadowcat::protocol::Era;
use tokio::sync::mpsc;
use tower_mcp::JsonRpcError;
use tower_mcp::client::{ClientHandler, HttpClientTransport, McpClient, ServerNotification};
use tower_mcp::protocol::{CreateMessageParams, CreateMessageResult, ElicitRequestParams, ElicitResult};

/// The person at the client, who answers what the server asks.
struct Client {
    progress: mpsc::Sender<f64>,
}

#[async_trait]
impl ClientHandler for Client {
    async fn handle_elicit(&self, _: ElicitRequestParams) -> Result<ElicitResult, JsonRpcError> {
        Ok(serde_json::from_value(json!({"action": "accept", "content": {"name": "Ferris"}})).unwrap())
    }

    async fn handle_create_message(
        &self,
        _: CreateMessageParams,
    ) -> Result<CreateMessageResult, JsonRpcError> {
        let thought =
            json!({"role": "assistant", "content": {"type": "text", "text": "a thought"}, "model": "none"});
        Ok(serde_json::from_value(thought).unwrap())
    }

    async fn on_notification(&self, notification: ServerNotification) {
        if let ServerNotification::Progress(progress) = notification {
            self.progress.send(progress.progress).await.unwrap();
        }
    }
}

/// A client's session with the server behind a URL.
struct Session {
    client: McpClient,
    progress: mpsc::Receiver<f64>,
}

impl Session {
    async fn connect(url: String, era: Era) -> Self {
        let (sender, progress) = mpsc::channel(100);
        let client = McpClient::builder()
            .with_sampling()
            .with_elicitation()
            .request_progress()
            .connect(HttpClientTransport::new(url), Client { progress: sender })
            .await
            .unwrap();
        match era {
            Era::Legacy => drop(client.initialize("peers", "1").await.unwrap()),
            Era::Modern => drop(client.discover("peers", "1").await.unwrap()),
        }
        Self { client, progress }
    }

    async fn step(&mut self) -> f64 {
        self.progress.recv().await.unwrap()
    }

    /// All that the server offers, and all that it asks for.
    async fn drive(&mut self) {
        let tools = self.client.list_all_tools().await.unwrap();
        assert_eq!(
            tools.iter().map(|tool| &*tool.name).collect::<Vec<_>>(),
            ["echo", "count", "ask", "wait"]
        );
        let said = json!({"message": "žluť 🐈 \u{2028}\n", "n": 9007199254740991_u64});
        assert_eq!(self.client.call_tool_text("echo", said.clone()).await.unwrap(), said.to_string());
        assert_eq!(self.client.call_tool_text("count", json!({})).await.unwrap(), r#""counted""#);
        assert_eq!([self.step().await, self.step().await, self.step().await], [1.0, 2.0, 3.0]);
        let answers = self.client.call_tool_text("ask", json!({})).await.unwrap();
        assert!(answers.contains("Ferris") && answers.contains("a thought"), "{answers}");
        let unknown = self.client.call_tool("no-such-tool", json!({})).await.unwrap_err();
        assert!(unknown.to_string().contains("Unknown tool"), "{unknown}");
    }

    async fn cancels(&mut self, watched: &Watched) {
        let before = *watched.cancelled.borrow();
        tokio::select! {
            answer = self.client.call_tool("wait", json!({})) => panic!("{answer:?}"),
            step = self.progress.recv() => assert_eq!(step, Some(1.0)), // it runs
        }
        becomes(&watched.cancelled, before + 1).await;
        assert_eq!(self.client.call_tool_text("echo", json!({})).await.unwrap(), "{}");
    }
}

/// A client asks the proxy all it can, cancels, and ends its session, of which the server then keeps nothing.
async fn holds(far: &str, standard: bool, era: Era) {
    let watched = Watched::default();
    let address = proxy(Far::start(far, &watched).await, standard).await;
    let alone = *watched.alive.borrow(); // what serves requests of no session
    let mut session = Session::connect(format!("http://{address}/mcp"), era).await;
    session.drive().await;
    session.cancels(&watched).await;
    if era == Era::Legacy {
        assert_eq!(*watched.alive.borrow(), alone + 1);
    }
    session.client.shutdown().await.unwrap();
    becomes(&watched.alive, alone).await;
}

#[tokio::test]
async fn a_session_over_http_is_whole() {
    for standard in [false, true] {
        holds("http", standard, Era::Legacy).await;
    }
}

#[tokio::test]
async fn a_session_with_a_server_on_a_pipe_is_whole() {
    for standard in [false, true] {
        holds("pipe", standard, Era::Legacy).await;
    }
}

#[tokio::test]
async fn the_newest_revision_over_http_is_whole() {
    for standard in [false, true] {
        holds("http", standard, Era::Modern).await;
    }
}

#[tokio::test]
async fn the_newest_revision_with_a_server_on_a_pipe_is_whole() {
    for standard in [false, true] {
        holds("pipe", standard, Era::Modern).await;
    }
}
