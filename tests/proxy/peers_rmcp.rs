//! rmcp 3 on both sides of HTTP, over real sockets: its client, shadowcat, and its server on HTTP and on a pipe.

#![allow(deprecated, reason = "sampling goes through all the same")]

use rmcp::model::*;
use rmcp::service::{NotificationContext, PeerRequestOptions, RequestContext, RunningService};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::{ClientHandler, ClientLifecycleMode, ClientServiceExt, ErrorData, RoleClient};
use serde_json::{Value, json};
use shadowcat::protocol::Era;
use tokio::sync::mpsc;

use crate::rmcp_peer::{Far, Watched, becomes, proxy};
#[cfg(feature = "tape")]
use crate::taped;

/// The person at the client, who answers what the server asks.
struct Client {
    progress: mpsc::Sender<ProgressNotificationParam>,
}

impl ClientHandler for Client {
    fn get_info(&self) -> ClientConfig {
        let can = ClientCapabilities::builder().enable_elicitation().enable_sampling().build();
        ClientConfig::new(can, Implementation::new("peers_rmcp", "1"))
    }

    async fn create_elicitation(
        &self,
        _: ElicitRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(json!({"name": "Ferris"})))
    }

    async fn create_message(
        &self,
        _: CreateMessageRequestParams,
        _: RequestContext<RoleClient>,
    ) -> Result<CreateMessageResult, ErrorData> {
        Ok(CreateMessageResult::new(SamplingMessage::assistant_text("a thought"), "none".into()))
    }

    async fn on_progress(&self, progress: ProgressNotificationParam, _: NotificationContext<RoleClient>) {
        self.progress.send(progress).await.unwrap();
    }
}

/// A client's session with the server behind a URL.
struct Session {
    client: RunningService<RoleClient, Client>,
    progress: mpsc::Receiver<ProgressNotificationParam>,
}

impl Session {
    async fn connect(url: String, lifecycle: ClientLifecycleMode) -> Self {
        let (sender, progress) = mpsc::channel(100);
        let transport = StreamableHttpClientTransport::from_uri(url);
        let client = Client { progress: sender }.serve_with_lifecycle(transport, lifecycle).await.unwrap();
        Self { client, progress }
    }

    async fn call(&self, name: &'static str, arguments: Value) -> String {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let call = CallToolRequestParams::new(name).with_arguments(arguments);
        text(&self.client.call_tool(call).await.unwrap())
    }

    async fn step(&mut self) -> f64 {
        self.progress.recv().await.unwrap().progress
    }

    /// All that the server offers, and all that it asks for; what was heard.
    async fn drive(&mut self) -> Vec<String> {
        let tools = self.client.list_all_tools().await.unwrap();
        assert_eq!(
            tools.iter().map(|tool| &*tool.name).collect::<Vec<_>>(),
            ["echo", "count", "ask", "wait"]
        );
        let said = json!({"message": "žluť 🐈 \u{2028}\n", "n": 9007199254740991_u64});
        let echo = self.call("echo", said.clone()).await;
        assert_eq!(echo, said.to_string());
        assert_eq!(self.call("count", json!({})).await, r#""counted""#);
        assert_eq!([self.step().await, self.step().await, self.step().await], [1.0, 2.0, 3.0]);
        let answers = self.call("ask", json!({})).await;
        assert!(answers.contains("Ferris") && answers.contains("a thought"), "{answers}");
        let unknown = self.client.call_tool(CallToolRequestParams::new("no-such-tool")).await.unwrap_err();
        assert!(unknown.to_string().contains("Unknown tool"), "{unknown}");
        vec![serde_json::to_string(&tools).unwrap(), echo, answers, unknown.to_string()]
    }

    /// Cancels a call that runs.
    async fn cancel(&mut self) {
        let call = ClientRequest::CallToolRequest(Request::new(CallToolRequestParams::new("wait")));
        let call =
            self.client.send_cancellable_request(call, PeerRequestOptions::no_options()).await.unwrap();
        assert_eq!(self.step().await, 1.0); // it runs
        call.cancel(Some("enough".into())).await.unwrap();
    }

    async fn cancels(&mut self, watched: &Watched) {
        let before = *watched.cancelled.borrow();
        self.cancel().await;
        becomes(&watched.cancelled, before + 1).await;
        assert_eq!(self.call("echo", json!({})).await, "{}");
    }
}

fn text(result: &CallToolResult) -> String {
    match &result.content[..] {
        [ContentBlock::Text(text)] => text.text.clone(),
        other => panic!("not one text: {other:?}"),
    }
}

fn lifecycle(era: Era) -> ClientLifecycleMode {
    match era {
        Era::Legacy => ClientLifecycleMode::Initialize,
        Era::Modern => {
            ClientLifecycleMode::Discover { preferred_versions: vec![ProtocolVersion::V_2026_07_28] }
        }
    }
}

/// A client asks the proxy all it can, cancels, and ends its session, of which the server then keeps nothing.
async fn holds(far: &str, standard: bool, era: Era) {
    let watched = Watched::default();
    let address = proxy(Far::start(far, &watched).await, standard).await;
    let alone = *watched.alive.borrow(); // what serves requests of no session
    let mut session = Session::connect(format!("http://{address}/mcp"), lifecycle(era)).await;
    session.drive().await;
    session.cancels(&watched).await;
    if era == Era::Legacy {
        assert_eq!(*watched.alive.borrow(), alone + 1);
    }
    session.client.cancel().await.unwrap();
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

#[cfg(feature = "tape")]
mod replayed {
    use shadowcat::connect::Replay;
    use shadowcat::layer::RecordLayer;
    use shadowcat::tape::{Recorder, RecorderOptions, Tape, lines};
    use tower::Layer;

    use super::*;
    use crate::rmcp_peer::{boxed, serving};

    /// What a client hears of a server, it hears again of the tape, from another front end on another socket.
    async fn is_heard_again(era: Era) {
        let folder = taped::Folder::new();
        let path = folder.path("session.jsonl");
        let tape = Tape::new().unwrap();
        let writer = lines::Writer::create(&path, &tape).unwrap();
        let recorder = Recorder::start(writer, tape, RecorderOptions::new()).unwrap();
        let (layer, watched) = (RecordLayer::new(recorder.clone()), Watched::default());
        let far = Far::start("pipe", &watched).await;
        let address = serving(move |era| boxed(layer.layer(far.stack(era, false)))).await;
        let mut session = Session::connect(format!("http://{address}/mcp"), lifecycle(era)).await;
        let recorded = session.drive().await;
        session.cancels(&watched).await;
        session.client.cancel().await.unwrap();
        recorder.finish().await.unwrap();

        let replay = Replay::from_path(&path).unwrap();
        let played = replay.clone();
        let address = serving(move |_| boxed(played.clone())).await;
        let mut session = Session::connect(format!("http://{address}/mcp"), lifecycle(era)).await;
        assert_eq!(session.drive().await, recorded);
        session.cancel().await;
        assert_eq!(session.call("echo", json!({})).await, "{}");
        session.client.cancel().await.unwrap();
        assert!(replay.unused().is_empty() && replay.mismatches().is_empty(), "{:?}", replay.mismatches());
    }

    #[tokio::test]
    async fn a_session_over_http_is_heard_again_of_its_tape() {
        is_heard_again(Era::Legacy).await;
    }

    #[tokio::test]
    async fn the_newest_revision_is_heard_again_of_its_tape() {
        is_heard_again(Era::Modern).await;
    }
}
