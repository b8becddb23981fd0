//! TLS: whom the ready HTTP client trusts, and what a failure is.

#![cfg(feature = "http-client-tls")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use shadowcat::Error;
use shadowcat::connect::Http;
use shadowcat::connect::http::{HttpClient, Options};
use support::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::Service;

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

/// A server on TLS, and how many requests reached it.
async fn server() -> (u16, Arc<AtomicUsize>) {
    let certificate = CertificateDer::from_pem_file(file("localhost.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("localhost.key")).unwrap();
    let config =
        ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
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

/// What a server that does `serve` with each connection is called for.
async fn fails(client: HttpClient, host: &str, port: u16) -> Error {
    let uri = format!("https://{host}:{port}/mcp").parse().unwrap();
    let mut leaf = Http::with_options(client, uri, Options::new().timeout(Duration::from_millis(500)));
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
        let error = fails(client(trusts), host, port).await;
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
        let error = fails(client(true), "localhost", port).await;
        assert_eq!((error.is_timeout(), error.is_closed()), (is_silent, !is_silent), "{error:?}");
    }
}
