//! HTTP on both sides: what of a request's head goes on, and what is made anew. Real sockets.

use std::sync::Arc;

use axum::Router;
use axum::body::Body as Answer;
use axum::extract::State;
use axum::routing::any;
use futures::stream;
use http::{HeaderMap, Request, Response};
use serde_json::{Value, json};
use shadowcat::connect::Http;
use shadowcat::connect::http::{Body, HttpClient, Options, ResponseBody};
use shadowcat::layer::MapLayer;
use shadowcat::protocol::Era;
use shadowcat::wire::http::Endpoint;
use shadowcat::{JsonRpcMessage, RpcService, serve};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tower::{Layer, Service};

use crate::support::{Dropped, soon};

/// What an upstream was asked.
type Asked = (HeaderMap, Value);

struct Upstream {
    asked: mpsc::Sender<Asked>,
    /// Lives as long as an answer does.
    answers: Dropped,
}

async fn answer(State(upstream): State<Arc<Upstream>>, request: Request<Answer>) -> Response<Answer> {
    let (head, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    let guard = upstream.answers.guard();
    upstream.asked.send((head.headers, body.clone())).await.unwrap();
    if body["params"]["name"] == "silent" {
        std::future::pending::<()>().await;
    }
    if body["params"]["name"] == "slow" {
        let said = json!({ "jsonrpc": "2.0", "method": "notifications/x" });
        let first = stream::iter([Ok::<_, std::io::Error>(format!("data: {said}\n\n"))]);
        let silence = stream::once(async move {
            let _guard = guard;
            std::future::pending().await
        });
        let events = Answer::from_stream(futures::StreamExt::chain(first, silence));
        return Response::builder().header("content-type", "text/event-stream").body(events).unwrap();
    }
    let a = json!({ "type": "string", "x-mcp-header": "A" });
    let tools = json!([{ "name": "t", "inputSchema": { "properties": { "a": a } } }]);
    let answer = json!({ "jsonrpc": "2.0", "id": body["id"], "result": { "tools": tools } });
    Response::builder().header("content-type", "application/json").body(answer.to_string().into()).unwrap()
}

async fn upstream() -> (String, mpsc::Receiver<Asked>, Dropped) {
    let (sender, asked) = mpsc::channel(64);
    let answers = Dropped::default();
    let state = Arc::new(Upstream { asked: sender, answers: answers.clone() });
    let app = Router::new().route("/mcp", any(answer)).with_state(state);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    (format!("http://{address}/mcp"), asked, answers)
}

fn leaf(url: &str) -> Http<HttpClient> {
    Http::with_options(HttpClient::new(), url.parse().unwrap(), Options::new().era(Era::Modern))
}

/// The address of a proxy around this stack.
async fn proxy(stack: impl RpcService) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let http = serve::http(Endpoint::bound_to("/mcp", address).unwrap()).stateless(stack).build();
    tokio::spawn(http.server().run(listener, std::future::pending()));
    format!("http://{address}/mcp")
}

fn call(url: &str, tool: &str, a: &str, headers: &[(&'static str, &str)]) -> Request<Body> {
    let meta = json!({ "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {} });
    let params = json!({ "name": tool, "arguments": { "a": a }, "_meta": meta });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string();
    let mut request = Request::post(url).body(Body::from(bytes::Bytes::from(body))).unwrap();
    let all = [
        ("content-type", "application/json"),
        ("mcp-protocol-version", "2026-07-28"),
        ("mcp-method", "tools/call"),
        ("mcp-name", tool),
        ("authorization", "Bearer s3cret"),
        ("cookie", "s3cret"),
    ];
    for (name, value) in all.iter().chain(headers) {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    request
}

async fn send(request: Request<Body>) -> Response<ResponseBody> {
    soon(HttpClient::new().call(request)).await.unwrap()
}

#[tokio::test]
async fn a_clients_mirrors_go_on_whether_they_are_known_or_not_and_nothing_else_does() {
    let (url, mut asked, _) = upstream().await;
    let proxy = proxy(leaf(&url)).await;
    let mirrors = [("mcp-param-a", "=?base64?eA==?="), ("mcp-param-unheard-of", "42.0")];
    assert_eq!(send(call(&proxy, "t", "x", &mirrors)).await.status(), 200);
    let (headers, body) = soon(asked.recv()).await.unwrap();
    assert_eq!(body["method"], "tools/call", "no list is asked for");
    for (name, value) in mirrors {
        assert_eq!(headers[name], value);
    }
    assert!(headers["mcp-method"] == "tools/call" && headers["mcp-name"] == "t");
    assert!(!headers.values().any(|value| value.to_str().unwrap().contains("s3cret")), "{headers:?}");
}

#[tokio::test]
async fn what_a_layer_changed_is_mirrored_as_it_is_now() {
    let (url, mut asked, _) = upstream().await;
    let masked = |message: JsonRpcMessage| {
        let params = String::from_utf8_lossy(message.params().unwrap_or_default()).replace("x1", "***");
        message.clone().edit().params(params).finish().unwrap_or(message)
    };
    let proxy = proxy(MapLayer::requests(masked).layer(leaf(&url))).await;
    let mirrors = [("mcp-param-a", "x1"), ("mcp-param-other", "x1")];
    assert_eq!(send(call(&proxy, "t", "x1", &mirrors)).await.status(), 200);
    let (_, body) = soon(asked.recv()).await.unwrap();
    assert_eq!(body["method"], "tools/list");
    let (headers, body) = soon(asked.recv()).await.unwrap();
    assert!(body["params"]["arguments"]["a"] == "***" && headers["mcp-param-a"] == "***");
    assert!(!headers.contains_key("mcp-param-other"));
}

#[tokio::test]
async fn a_client_that_leaves_closes_the_request_above() {
    let (url, mut asked, answers) = upstream().await;
    let proxy = proxy(leaf(&url)).await;
    // Before the first byte, and in the middle of the answer.
    let silent = tokio::spawn(send(call(&proxy, "silent", "x", &[])));
    soon(asked.recv()).await.unwrap();
    silent.abort();
    let slow = send(call(&proxy, "slow", "x", &[])).await;
    soon(asked.recv()).await.unwrap();
    assert_eq!(slow.headers()["content-type"], "text/event-stream");
    drop(slow);
    soon(async {
        while answers.alive() > 1 {
            tokio::task::yield_now().await; // nothing else tells
        }
    })
    .await;
}
