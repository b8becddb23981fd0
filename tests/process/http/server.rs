//! The server: what reaches it is kept byte by byte, and what it answers is given.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::{find, length};

/// What it answers to a request; after that it closes.
pub(super) type Answers = fn(&str, &[u8], &[u8]) -> Vec<u8>;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    task: JoinHandle<()>,
}

/// A request.
#[derive(Clone, Debug)]
pub(super) struct Heard {
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Server {
    /// `given` is handed to `answers` with each request.
    pub(super) async fn start(given: Vec<u8>, answers: Answers) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let heard = Arc::new(Mutex::new(Vec::new()));
        let keep = heard.clone();
        let task = tokio::spawn(async move {
            let given: Arc<[u8]> = given.into();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(connection(stream, keep.clone(), given.clone(), answers));
            }
        });
        Self { address, heard, task }
    }

    pub(super) fn heard(&self) -> Vec<Heard> {
        self.heard.lock().expect("nobody panics").clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn connection(mut stream: TcpStream, keep: Arc<Mutex<Vec<Heard>>>, given: Arc<[u8]>, answers: Answers) {
    let mut all = Vec::new();
    let (end, length) = loop {
        if let Some(end) = find(&all, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&all[..end]).to_ascii_lowercase();
            let length = length(&head).unwrap_or(0);
            if all.len() >= end + 4 + length {
                break (end, length);
            }
        }
        match stream.read_buf(&mut all).await {
            Ok(1..) => {}
            _ => return,
        }
    };
    let head = String::from_utf8_lossy(&all[..end]).into_owned();
    let body = all[end + 4..end + 4 + length].to_vec();
    let answer = answers(&head, &body, &given);
    keep.lock().expect("nobody panics").push(Heard { head, body });
    let _ = stream.write_all(&answer).await;
    let _ = stream.shutdown().await;
    // What comes after is nobody's; the other side closes when it has read.
    while let Ok(1..) = stream.read(&mut [0; 1024]).await {}
}
