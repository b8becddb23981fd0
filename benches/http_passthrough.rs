//! HTTP to HTTP over loopback sockets, all in this process on one thread: the proxy beside hyper passing bodies through
//! without looking at them, and beside no proxy at all. Compare within a group: absolute times depend on the machine.

#![allow(missing_docs, reason = "criterion's macros")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot go on ends")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use shadowcat::connect::Http;
use shadowcat::connect::http::{HttpClient, Options};
use shadowcat::protocol::Era;
use shadowcat::serve::{self, http::SessionInfo};
use shadowcat::wire::http::Endpoint;
use shadowcat::{Error, JsonRpcMessage};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

const SIZES: [(&str, usize); 3] = [("200B", 200), ("4KB", 4 << 10), ("64KB", 64 << 10)];

type Asker = Client<HttpConnector, Full<Bytes>>;

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Answers every request with a result as long as the request.
async fn echo(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let message = JsonRpcMessage::parse(body).unwrap();
    let result = message.params().map(|params| String::from_utf8_lossy(params).into_owned());
    let answer = message.responder().result(result.unwrap_or("{}".to_owned())).unwrap().unwrap();
    let response = Response::builder().header("content-type", "application/json");
    Ok(response.body(Full::new(answer.bytes().clone())).unwrap())
}

async fn server() -> SocketAddr {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(echo)));
        }
    });
    address
}

/// The floor: bodies pass as they come.
async fn pump(upstream: SocketAddr) -> SocketAddr {
    let (listener, address) = listen().await;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Client<_, Incoming> = Client::builder(TokioExecutor::new()).build(connector);
    let uri: Uri = format!("http://{upstream}/mcp").parse().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            let (client, uri) = (client.clone(), uri.clone());
            let pass = service_fn(move |mut request: Request<Incoming>| {
                *request.uri_mut() = uri.clone();
                client.request(request)
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), pass));
        }
    });
    address
}

async fn proxy(upstream: SocketAddr) -> SocketAddr {
    let (listener, address) = listen().await;
    let uri: Uri = format!("http://{upstream}/mcp").parse().unwrap();
    let client = HttpClient::new();
    let leaf = Http::with_options(client.clone(), uri.clone(), Options::new().era(Era::Legacy));
    let sessions = tower::service_fn(move |_: SessionInfo| {
        let leaf = leaf.clone();
        async move { Ok::<_, Error>(leaf) }
    });
    let http = serve::http(Endpoint::bound_to("/mcp", address).unwrap()).sessions(sessions).build();
    tokio::spawn(async move { http.server().run(listener, std::future::pending()).await });
    address
}

fn post(address: SocketAddr, session: Option<&str>, body: &str) -> Request<Full<Bytes>> {
    let request = Request::post(format!("http://{address}/mcp")).header("content-type", "application/json");
    let request = request.header("accept", "application/json, text/event-stream");
    let request = session.into_iter().fold(request, |request, id| request.header("mcp-session-id", id));
    request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()
}

async fn ask(client: &Asker, request: Request<Full<Bytes>>) -> usize {
    let response = client.request(request).await.unwrap();
    assert!(response.status().is_success());
    response.into_body().collect().await.unwrap().to_bytes().len()
}

/// A session where one is needed.
async fn session(client: &Asker, address: SocketAddr) -> Option<String> {
    let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#;
    let response = client.request(post(address, None, hello)).await.unwrap();
    response.headers().get("mcp-session-id").map(|id| id.to_str().unwrap().to_owned())
}

fn passthrough(criterion: &mut Criterion) {
    let runtime: Runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let client: Asker = Client::builder(TokioExecutor::new()).build(connector);
    let (direct, pump, proxy) = runtime.block_on(async {
        let direct = server().await;
        (direct, pump(direct).await, proxy(direct).await)
    });
    let session = runtime.block_on(session(&client, proxy));
    for (name, size) in SIZES {
        let mut group = criterion.benchmark_group(format!("http_passthrough/{name}"));
        group.measurement_time(Duration::from_secs(3));
        let text = "x".repeat(size);
        let body =
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{text}"}}}}"#);
        for (what, address, session) in
            [("direct", direct, None), ("hyper", pump, None), ("shadowcat", proxy, session.as_deref())]
        {
            group.bench_function(BenchmarkId::from_parameter(what), |bencher| {
                bencher.to_async(&runtime).iter(|| ask(&client, post(address, session, &body)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, passthrough);
criterion_main!(benches);
