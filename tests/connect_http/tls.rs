//! TLS: whom the ready HTTP client trusts, and what a failure is.

#![cfg(feature = "http-client-tls")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use futures::future::poll_fn;
use futures::{StreamExt, stream};
use http::{Request, Response};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use shadowcat::connect::Http;
use shadowcat::connect::http::{HttpClient, Options};
use shadowcat::protocol::Era;
use shadowcat::{Error, JsonRpcMessage, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::Service;

use crate::support::*;

fn file(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A client that trusts our authority, or nobody.
fn client(trusts: bool) -> HttpClient {
    let mut roots = RootCertStore::empty();
    if trusts {
        roots.add(CertificateDer::from_pem_file(file("ca.pem")).unwrap()).unwrap();
    }
    let config =
        ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    HttpClient::with_tls(config.with_root_certificates(roots).with_no_client_auth())
}

/// The server's side of TLS, which speaks these protocols.
fn acceptor(protocols: &[&[u8]]) -> TlsAcceptor {
    let certificate = CertificateDer::from_pem_file(file("localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("localhost.key")).unwrap();
    let config =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// A server on TLS, and how many requests reached it.
async fn server() -> (u16, Arc<AtomicUsize>) {
    let acceptor = acceptor(&[]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, heard) = (listener.local_addr().unwrap().port(), Arc::new(AtomicUsize::new(0)));
    let count = heard.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let mut bytes = [0; 4096];
            while let Ok(1..) = stream.read(&mut bytes).await {
                count.fetch_add(1, SeqCst);
                let answer = done(1);
                let head = format!("content-type: application/json\r\ncontent-length: {}", answer.len());
                stream
                    .write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{answer}").as_bytes())
                    .await
                    .unwrap();
            }
        }
    });
    (port, heard)
}

/// Only what hangs takes so long.
const HANGS: Duration = Duration::from_secs(60);

/// What a server that does `serve` with each connection is called for.
async fn fails(client: HttpClient, host: &str, port: u16, patience: Duration) -> Error {
    let uri = format!("https://{host}:{port}/mcp").parse().unwrap();
    let mut leaf = Http::with_options(client, uri, Options::new().timeout(patience));
    soon(leaf.call(call(1))).await.unwrap_err()
}

#[tokio::test]
async fn a_server_that_is_trusted_answers() {
    let (port, heard) = server().await;
    let uri = format!("https://localhost:{port}/mcp").parse().unwrap();
    let mut leaf = Http::new(client(true), uri);
    for _ in 0..3 {
        let reply = soon(leaf.call(call(1))).await.unwrap();
        assert_eq!(text(reply.as_one().unwrap()), done(1));
    }
    assert!(heard.load(SeqCst) >= 3);
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_is_not_trusted_or_another() {
    let (port, heard) = server().await;
    for (trusts, host) in [(false, "localhost"), (true, "127.0.0.1")] {
        let error = fails(client(trusts), host, port, HANGS).await;
        assert!(error.is_closed() && error.is_unsent(), "{error:?}");
    }
    assert_eq!(heard.load(SeqCst), 0);
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_an_error() {
    type Serve = fn(TcpStream) -> Option<TcpStream>;
    let closes: Serve = |_| None;
    let hangs: Serve = Some;
    for (serve, is_silent) in [(closes, false), (hangs, true)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut held = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                held.extend(serve(stream));
            }
        });
        // Only silence is waited for.
        let patience = if is_silent { Duration::from_millis(500) } else { HANGS };
        let error = fails(client(true), "localhost", port, patience).await;
        assert_eq!((error.is_timeout(), error.is_closed()), (is_silent, !is_silent), "{error:?}");
    }
}

#[tokio::test]
async fn a_handshake_that_is_not_done_in_time_is_an_error_of_what_never_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap(); // connections are made, and nothing is said
    let port = listener.local_addr().unwrap().port();
    let client = client(true).connect_timeout(Duration::from_millis(200));
    let error = fails(client, "localhost", port, 10 * HANGS).await;
    assert!(error.is_timeout() && error.is_unsent(), "{error:?}");

    // And where there is time for it, it is as before.
    let (port, heard) = server().await;
    let uri = format!("https://localhost:{port}/mcp").parse().unwrap();
    let mut leaf = Http::new(self::client(true).connect_timeout(HANGS), uri);
    drop(soon(leaf.call(call(1))).await.unwrap());
    assert_eq!(heard.load(SeqCst), 1);
}

/// What a server on HTTP/2 saw.
#[derive(Clone, Default)]
struct Seen {
    connections: Arc<AtomicUsize>,
    /// Streams that the client closed.
    resets: Arc<AtomicUsize>,
}

/// A server on HTTP/2: `ping` is answered at once, any other request with progress and then, unless it is `hang`,
/// with its response.
async fn modern_server() -> (u16, Seen) {
    let acceptor = acceptor(&[b"h2", b"http/1.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (port, seen) = (listener.local_addr().unwrap().port(), Seen::default());
    let count = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let stream = acceptor.accept(stream).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
            count.connections.fetch_add(1, SeqCst);
            let count = count.clone();
            tokio::spawn(async move {
                let mut connection = h2::server::handshake(stream).await.unwrap();
                while let Some(Ok((request, respond))) = connection.accept().await {
                    tokio::spawn(answer(request, respond, count.clone()));
                }
            });
        }
    });
    (port, seen)
}

async fn answer(
    request: Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<bytes::Bytes>,
    seen: Seen,
) {
    assert_eq!(request.uri().authority().unwrap().host(), "localhost");
    let (mut body, mut bytes) = (request.into_body(), Vec::new());
    while let Some(Ok(data)) = body.data().await {
        body.flow_control().release_capacity(data.len()).unwrap();
        bytes.extend_from_slice(&data);
    }
    let message = JsonRpcMessage::parse(bytes).unwrap();
    let id = message.owned_id().unwrap();
    let head = |kind: &str| Response::builder().header("content-type", kind).body(()).unwrap();
    if message.is_method("ping") {
        let mut send = respond.send_response(head("application/json"), false).unwrap();
        return send.send_data(done(&id).into(), true).unwrap();
    }
    let mut send = respond.send_response(head("text/event-stream"), false).unwrap();
    send.send_data(format!("data: {}\n\n", progress(&id, 1)).into(), false).unwrap();
    if message.is_method("hang") {
        poll_fn(|cx| send.poll_reset(cx)).await.unwrap();
        seen.resets.fetch_add(1, SeqCst);
        return;
    }
    send.send_data(format!("data: {}\n\n", done(&id)).into(), true).unwrap();
}

fn modern(id: u32, method: &str) -> JsonRpcMessage {
    let meta = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
    msg(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"_meta":{meta}}}}}"#))
}

#[tokio::test]
async fn calls_share_a_connection_where_the_server_speaks_http_2() {
    let (port, seen) = modern_server().await;
    let uri = format!("https://localhost:{port}/mcp").parse().unwrap();
    let mut leaf = Http::with_options(client(true), uri, Options::new().era(Era::Modern));
    drop(soon(leaf.call(modern(0, "ping"))).await.unwrap());
    let calls = (1..=50).map(|id| {
        let mut leaf = leaf.clone();
        async move {
            let method = if id % 2 == 0 { "ping" } else { "tools/list" };
            let reply = leaf.call(modern(id, method)).await.unwrap();
            assert_eq!(rest(reply).await.last(), Some(&done(id)));
        }
    });
    soon(stream::iter(calls).buffer_unordered(50).collect::<()>()).await;
    assert_eq!(seen.connections.load(SeqCst), 1);
}

#[tokio::test]
async fn a_dropped_call_closes_its_stream_and_no_other_on_http_2() {
    let (port, seen) = modern_server().await;
    let uri = format!("https://localhost:{port}/mcp").parse().unwrap();
    let mut leaf = Http::with_options(client(true), uri, Options::new().era(Era::Modern));
    let mut dropped = soon(leaf.call(modern(1, "hang"))).await.unwrap();
    let mut kept = soon(leaf.call(modern(2, "hang"))).await.unwrap();
    assert_eq!((next(&mut dropped).await, next(&mut kept).await), (progress(1, 1), progress(2, 1)));
    drop(dropped);
    for wanted in [1, 2] {
        soon(async {
            while seen.resets.load(SeqCst) < wanted {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        assert_eq!(seen.resets.load(SeqCst), wanted);
        drop(soon(leaf.call(modern(3, "ping"))).await.unwrap());
        kept = Reply::empty();
    }
    drop(kept);
    assert_eq!(seen.connections.load(SeqCst), 1);
}
