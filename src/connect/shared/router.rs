//! The task that hears what the server says unasked, and reads the answers to what we said ourselves.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::OWN;
use super::state::Core;
use crate::connect::leaf::Leaf;
use crate::error::Error;
use crate::message::{Context as Facts, Direction, JsonRpcMessage};
use crate::protocol::method;
use crate::reply::Reply;

/// How long an answer to a request of ours is awaited; nothing depends on it.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of such an answer.
const ANSWER: usize = 1 << 20;
/// Never on the wire.
const LISTEN_ID: &str = "shadowcat/shared";

/// Until nobody is left.
pub(super) async fn run<L: Leaf>(core: Arc<Core<L>>, leaf: L, mut own: mpsc::Receiver<L::Future>) {
    let mut closed = core.closed.subscribe();
    let mut answers = JoinSet::new();
    let listening = listen(&core, leaf);
    tokio::pin!(listening);
    let mut listens = true;
    loop {
        tokio::select! {
            _ = closed.wait_for(|closed| *closed) => return,
            () = &mut listening, if listens => listens = false,
            Some(said) = own.recv() => if answers.len() < OWN {
                answers.spawn(timeout(PATIENCE, async {
                    if let Ok(reply) = said.await {
                        let _ = reply.collect(ANSWER).await;
                    }
                }));
            },
            Some(_) = answers.join_next() => {}
        }
    }
}

async fn listen<L: Leaf>(core: &Core<L>, mut leaf: L) {
    loop {
        let error = match open(&mut leaf).await {
            Ok(reply) => match hear(core, reply).await {
                Some(error) => error,
                None => return tracing::debug!("a shared server says nothing unasked"),
            },
            Err(error) => error,
        };
        if !error.is_overflow() {
            tracing::debug!(%error, "a shared server says no more");
            return core.lock().end(&error);
        }
        tracing::warn!(%error, "what a shared server said unasked was lost");
    }
}

async fn open<L: Leaf>(leaf: &mut L) -> Result<Reply, Error> {
    poll_fn(|cx| leaf.poll_ready(cx)).await?;
    let context = Facts::new(Direction::ToUpstream).session_listen();
    let request =
        JsonRpcMessage::request(LISTEN_ID, method::LISTEN, "{}").expect("a constant message is well formed");
    leaf.call(request.with_context(Arc::new(context))).await
}

/// Ends with the listen, and with its error if it failed.
async fn hear<L: Leaf>(core: &Core<L>, mut listen: Reply) -> Option<Error> {
    loop {
        match poll_fn(|cx| listen.poll_message(cx)).await? {
            Ok(message) => core.lock().hear(message),
            Err(error) => return Some(error),
        }
    }
}
