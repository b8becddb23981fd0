//! What an idle session costs of memory: its process is not ours, everything else is.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write;
use std::sync::Arc;

use shadowcat::connect::{PerSession, Pool, pipe};
use shadowcat::{Context, Direction, Error, JsonRpcMessage, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tower::{Service, service_fn};

const SESSIONS: usize = 4000;
/// KiB for each.
const MOST: f64 = 24.0;

/// Bytes of this process that are in memory.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() * 1024.0
}

/// Answers one request under id 1, and keeps next to nothing.
async fn server(mut pipe: DuplexStream) {
    let mut byte = [0];
    while pipe.read(&mut byte).await.is_ok_and(|read| read == 1) {
        if byte[0] == b'\n' {
            pipe.write_all(b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\n").await.unwrap();
        }
    }
}

async fn begin<S>(servers: &mut S, number: usize) -> Reply
where
    S: Service<JsonRpcMessage, Response = Reply, Error = Error>,
{
    let context = Context::new(Direction::ToUpstream).session(&format!("session-{number}"));
    let listen = JsonRpcMessage::request("l", "subscriptions/listen", "{}").unwrap();
    let listen = listen.with_context(Arc::new(context.clone().session_listen()));
    let listen = servers.call(listen).await.unwrap();
    let request = JsonRpcMessage::request(1, "ping", "").unwrap().with_context(Arc::new(context));
    assert!(servers.call(request).await.unwrap().as_one().unwrap().result().is_some());
    listen
}

#[test]
fn an_idle_session_of_a_pool_costs_little() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let make = service_fn(|()| {
            let (ours, theirs) = tokio::io::duplex(64);
            tokio::spawn(server(theirs));
            let (read, write) = tokio::io::split(ours);
            std::future::ready(Ok::<_, Error>(pipe(read, write)))
        });
        let pool = Pool::new(make).spawn_ahead(0).max_processes(2 * SESSIONS);
        let mut servers = PerSession::new(pool.clone());
        let mut listens = Vec::with_capacity(2 * SESSIONS);
        for number in 0..100 {
            listens.push(begin(&mut servers, number).await); // what all sessions share is there
        }
        let before = resident();
        for number in 100..100 + SESSIONS {
            listens.push(begin(&mut servers, number).await);
        }
        let each = (resident() - before) / SESSIONS as f64 / 1024.0;
        let report = format!("an idle session of a pool: {each:.1} KiB, the other end of its pipe included");
        let _ = writeln!(std::io::stderr(), "{report}");
        assert_eq!(pool.stats().in_use, 100 + SESSIONS);
        assert!(each <= MOST, "{report}");
    });
}
