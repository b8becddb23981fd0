//! A process that speaks stdio behind a front end on HTTP, on a real socket, and clients of it.

#![allow(dead_code, reason = "no test file uses all of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use shadowcat::connect::http::{Body, HttpClient, ResponseBody};
use shadowcat::connect::{Command, Supervisor};
use shadowcat::layer::{CatchErrorLayer, CheckParamsLayer, OnRequestsLayer};
use shadowcat::serve::{self, http::SessionInfo};
use shadowcat::wire::http::Endpoint;
use shadowcat::wire::sse::{Decoder, Limits};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tower::limit::ConcurrencyLimitLayer;
use tower::{Service, ServiceBuilder, service_fn};

use crate::process::{Folder, eventually_async, modern_peer};
use crate::support::soon;

pub(crate) const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{}}}"#;

/// One process for requests that stand alone, and one for each session, as `reverse_http` has them.
pub(crate) struct Proxy {
    pub(crate) url: String,
    /// The front end without the socket.
    pub(crate) http: serve::Http,
    folder: Folder,
    _stop: oneshot::Sender<()>,
}

impl Proxy {
    /// With at most so many requests at once below the front end.
    pub(crate) async fn start(at_once: usize) -> Self {
        let folder = Folder::new();
        let command = Command::new(modern_peer()).arg(folder.path().join("received"));
        let alone = Supervisor::new(command.clone()).start();
        let stack = ServiceBuilder::new()
            .layer(CatchErrorLayer::new())
            .layer(OnRequestsLayer::new(ConcurrencyLimitLayer::new(at_once)))
            .layer(CheckParamsLayer::new())
            .service(alone);
        let sessions = service_fn(move |_: SessionInfo| {
            let child = command.clone().spawn();
            async move { child }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endpoint = Endpoint::bound_to("/mcp", address).unwrap();
        let http = serve::http(endpoint).sessions(sessions).stateless(stack).build();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = http.server().drain(Duration::ZERO);
        tokio::spawn(server.run(listener, async move { drop(stopped.await) }));
        Self { url: format!("http://{address}/mcp"), http, folder, _stop: stop }
    }

    /// The lines that the processes have received.
    pub(crate) fn received(&self) -> Vec<String> {
        let bytes = std::fs::read(self.folder.path().join("received")).unwrap_or_default();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    /// Waits until a line has been received that holds all of these.
    pub(crate) async fn receives(&self, parts: &[&str]) {
        let has = |line: &String| parts.iter().all(|part| line.contains(part));
        let what = format!("{parts:?} is received");
        eventually_async(Duration::from_secs(20), &what, || self.received().iter().any(has)).await;
    }

    pub(crate) fn count(&self, part: &str) -> usize {
        self.received().iter().filter(|line| line.contains(part)).count()
    }

    /// A request of a client on a connection of its own.
    pub(crate) fn post(&self, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Request<Body> {
        let mut request = Request::post(&self.url).body(Body::from(body.into())).unwrap();
        let all = [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
        for (name, value) in all.iter().chain(headers) {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
        }
        request
    }

    /// A modern request with the head that belongs to it.
    pub(crate) fn modern(&self, id: &Value, method: &str, params: &Value) -> Request<Body> {
        let body = modern_text(id, method, params);
        let mut headers = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
        headers.extend(params["name"].as_str().map(|name| ("mcp-name", name)));
        headers.extend(params["arguments"]["a"].as_str().map(|a| ("mcp-param-a", a)));
        self.post(&headers, body)
    }

    /// A call of the tool.
    pub(crate) fn call(&self, id: &Value, arguments: Value) -> Request<Body> {
        self.modern(id, "tools/call", &json!({ "name": "t", "arguments": arguments }))
    }
}

pub(crate) fn modern_text(id: &Value, method: &str, params: &Value) -> String {
    let mut params = params.clone();
    params["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2026-07-28");
    params["_meta"]["io.modelcontextprotocol/clientCapabilities"] = json!({});
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

/// Sends on a new connection, which is closed when the response is dropped early.
pub(crate) async fn send(request: Request<Body>) -> Response<ResponseBody> {
    soon(HttpClient::new().call(request)).await.unwrap()
}

/// Status and whole answer.
pub(crate) async fn answered(request: Request<Body>) -> (u16, Value) {
    let response = send(request).await;
    let status = response.status().as_u16();
    let bytes = soon(response.into_body().collect()).await.unwrap().to_bytes();
    (status, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
}

/// A stream of events as messages.
pub(crate) struct Events {
    body: ResponseBody,
    decoder: Decoder,
}

impl Events {
    pub(crate) async fn of(request: Request<Body>) -> Self {
        let response = send(request).await;
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { body: response.into_body(), decoder: Decoder::new(Limits::default()) }
    }

    /// The next message; `None` at the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            if let Some(event) = self.decoder.next_event().unwrap() {
                return Some(serde_json::from_slice(&event.data).unwrap());
            }
            let frame = soon(self.body.frame()).await?;
            if let Ok(data) = frame.unwrap().into_data() {
                self.decoder.push(data);
            }
        }
    }

    pub(crate) async fn rest(mut self) -> Vec<Value> {
        let mut all = Vec::new();
        while let Some(message) = self.next().await {
            all.push(message);
        }
        all
    }
}
