//! The ready HTTP client's connections: what is said on them, and which request may use them.

#![cfg(feature = "http-client")]

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use shadowcat::Error;
use shadowcat::connect::http::{Body, HttpClient};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tower::Service;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

/// The head of the next request on this connection, which has no body.
async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

async fn get(client: &mut HttpClient, uri: String, headers: HeaderMap) -> Result<Bytes, Error> {
    let mut request = Request::get(uri).body(Body::default()).unwrap();
    *request.headers_mut() = headers;
    Ok(client.call(request).await?.into_body().collect().await?.to_bytes())
}

#[tokio::test]
async fn a_request_names_the_path_and_once_the_host() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut heads = Vec::new();
        for _ in 0..2 {
            heads.push(head(&mut stream).await);
            stream.write_all(ANSWER).await.unwrap();
        }
        heads
    });
    let mut client = HttpClient::new();
    let own = HeaderMap::from_iter([(http::header::HOST, "mcp.example".parse().unwrap())]);
    for headers in [HeaderMap::new(), own] {
        let said = get(&mut client, format!("http://me:secret@{address}/mcp?a=b"), headers).await.unwrap();
        assert_eq!(said, "{}");
    }
    let heads = server.await.unwrap();
    assert_eq!(heads[0], format!("GET /mcp?a=b HTTP/1.1\r\nhost: {address}\r\n\r\n"));
    assert_eq!(heads[1], "GET /mcp?a=b HTTP/1.1\r\nhost: mcp.example\r\n\r\n");
}

#[tokio::test]
async fn a_connection_without_tls_never_serves_https() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        head(&mut stream).await;
        stream.write_all(ANSWER).await.unwrap();
        stream.read_u8().await.is_ok() // what comes after the only request
    });
    let mut client = HttpClient::new();
    get(&mut client, format!("http://{address}/"), HeaderMap::new()).await.unwrap();
    let refused = get(&mut client, format!("https://{address}/"), HeaderMap::new()).await.unwrap_err();
    assert!(refused.is_unsent(), "{refused}");
    drop(client);
    assert!(!server.await.unwrap());
}
